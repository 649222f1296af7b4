// The configuration file: every option with its meaning, range and default, section by section. Keys are kebab-case,
// values carry their units (units.ts). Each section is turned into the fields of RouterConfig where it is described;
// what needs more than one section stands in cross-check.ts and build.ts. example.yaml shows every option.
import { z } from 'zod';
import { FAMILIES, ROLES } from '../model/identity.ts';
import { peerProtocol, peerRole, policies, protocol } from './schema-protocol.ts';
import { authorisation, clockSkew, plausibility, tls } from './schema-security.ts';
import { classes, instances, serviceNames, steering } from './schema-services.ts';
import { srv6 } from './schema-srv6.ts';
import {
  address,
  bandwidthBps,
  durationMs,
  durationUs,
  filePath,
  integer,
  interfaceName,
  name,
  percent,
  prefix,
  routerId,
  sizeBytes,
} from './units.ts';

const port = () => integer(1, 65535);

const peer = z.strictObject({
  name: name(),
  /** Dialled, and accepted from. */
  address: address(),
  port: port().default(1790),
  families: z
    .array(z.enum(FAMILIES))
    .min(1)
    .default([...FAMILIES]),
  /** 0s: none; otherwise the smaller of both ends counts (RFC 4271 4.2). */
  'hold-time': durationMs({ min: '300ms', max: '18h', orZero: true }).prefault('3s'),
  'connect-retry': durationMs({ min: '10ms', max: '1h' }).prefault('500ms'),
  /** Only accepts, never dials. */
  passive: z.boolean().default(false),
  /** What its OPEN must say; default: anything, but with mutual-tls `router` is the peer's name. */
  site: name().optional(),
  'router-id': routerId().optional(),
  router: name().optional(),
  /** Interface whose loss ends the session at once; default: the link whose remote address is this peer's. */
  link: interfaceName().optional(),
  ...peerProtocol,
});

const link = z.strictObject({
  name: interfaceName(),
  neighbour: routerId(),
  'local-address': address(),
  'remote-address': address(),
  /** One way; counts until measured, and where STAMP is off. */
  delay: durationUs({ min: '1us', max: '16s' }).prefault('1ms'),
  bandwidth: bandwidthBps().prefault('10gbit'),
  /** Bit mask (RFC 7308). */
  'admin-groups': integer(0, 0xffffffff).default(0),
  srlg: z.array(integer(0, 0xffffffff)).max(64).default([]),
});

const stamp = z.strictObject({
  enabled: z.boolean().default(true),
  port: port().default(862),
  interval: durationMs({ min: '10ms', max: '1m' }).prefault('100ms'),
  /** Intervals without a reply until the link counts as down. */
  'detect-multiplier': integer(2, 255).default(5),
  window: durationMs({ min: '100ms', max: '10m' }).prefault('10s'),
  /** Changes of delay below the larger of the two are not flooded. */
  'dead-band': z
    .strictObject({
      share: percent().prefault('10%'),
      delay: durationUs({ min: '1us', max: '1s', orZero: true }).prefault('500us'),
    })
    .prefault({}),
});

const fib = z.strictObject({
  /** `memory`: nothing is programmed (dry run). */
  kind: z.enum(['kernel', 'memory']).default('kernel'),
  /** rtm_protocol of all own objects; 201 is in nobody's rt_protos. */
  protocol: integer(5, 255).default(201),
  'group-id-base': integer(1, 0x7fffffff).default(100_000_000),
  'nexthop-id-base': integer(1, 0x7fffffff).default(200_000_000),
  /** Table of a contact instance: this plus its slot. */
  'table-base': integer(256, 0x7fffffff).default(10_000),
  /** Firewall mark of a contact instance: this plus its slot, inside the mask. */
  'mark-base': integer(1, 0xffffffff).default(0x100),
  'mark-mask': integer(1, 0xffffffff).default(0xfff),
  /** Policy rule of a contact instance: this plus its slot. */
  'rule-priority': integer(1, 32765).default(10_000),
  /** Reads the kernel back this often and repairs drift; 0s: never. */
  'verify-interval': durationMs({ min: '1s', max: '1h', orZero: true }).prefault('30s'),
  /** Programs routes to the domain's locators and prefixes; false where another IGP does. */
  underlay: z.boolean().default(true),
  /** `tc-bpf`: endpoints and running flows in eBPF in front of nftables, where the kernel and our privileges allow it. */
  accelerator: z.enum(['none', 'tc-bpf']).default('none'),
});

const border = z.strictObject({
  /** Drops what only routers of the domain may send where it comes in from elsewhere. */
  enabled: z.boolean().default(true),
  /** Interfaces of the domain besides `links`. */
  inside: z.array(interfaceName()).max(1024).default([]),
});

const mtuError = 'must be auto, off, or 1280..65535: the bytes that every link of the domain carries';
const mtu = z.union([z.enum(['auto', 'off']), integer(1280, 65535, mtuError)], { error: mtuError });

/** Sections in the order of example.yaml. */
export const sections = {
  name: name(),
  site: name(),
  'router-id': routerId(),
  /** Peers of another domain are refused. */
  domain: name().default('cfn'),
  roles: z
    .array(z.enum(ROLES))
    .min(1)
    .default([...ROLES]),
  /** What this router is to its peers (RFC 9234 in spirit); absent: nothing, and no rule of roles applies. */
  role: peerRole(),
  listen: z
    .strictObject({
      address: address().prefault('::'),
      port: port().default(1790),
      /** Of one remote address at a time. */
      'connections-per-address': integer(1, 10_000).default(16),
      /** Time for the OPEN of a new connection. */
      'open-within': durationMs({ min: '100ms', max: '10m' }).prefault('10s'),
      /** A peer that takes nothing for this long is given up (RFC 9687; there 8 minutes for hold times of 90 s). */
      'send-hold': durationMs({ min: '1s', max: '1h' }).prefault('60s'),
    })
    .prefault({}),
  security: z.enum(['plaintext', 'mutual-tls'], {
    error: 'must be said in so many words: plaintext (anyone who reaches the port may speak) or mutual-tls',
  }),
  tls,
  authorisation,
  'clock-skew': clockSkew,
  plausibility,
  admin: z
    .strictObject({
      /** Longer paths, with the suffix used while binding, do not fit sockaddr_un. */
      socket: filePath().max(99, { error: 'must be at most 99 bytes long' }).default('/run/cfnd/cfnd.sock'),
      /** Over the network as well; needs mutual-tls, with this router's certificate. */
      listen: z
        .strictObject({
          address: address().prefault('::'),
          port: port().default(1791),
          /** URIs or DNS names of certificates, `*` stands for anything. Nobody else is let in. */
          allow: z.array(z.string().min(1).max(255)).min(1, { error: 'must name somebody' }).max(64),
        })
        .optional(),
    })
    .prefault({}),
  services: serviceNames,
  srv6,
  links: z.array(link).max(1024).default([]),
  border: border.prefault({}),
  /** Leaves room for encapsulation in packets to services; `auto`: as the domain's links and lists ask for. */
  mtu: mtu.default('auto'),
  stamp: stamp.prefault({}),
  policies,
  protocol,
  peers: z.array(peer).max(1024).default([]),
  prefixes: z.array(prefix()).max(4096).default([]),
  instances,
  classes,
  steering,
  fib: fib.prefault({}),
  recorder: z
    .strictObject({
      /** Every event as a JSON line; absent: off. */
      file: filePath().optional(),
      'max-size': sizeBytes().prefault('64MiB'),
    })
    .prefault({}),
  /** Runs the routing code on made-up tables after the start, so that real ones meet it compiled. Off where many daemons share a host. */
  rehearsal: z.boolean().default(true),
  /** How often the same code is run on a made-up report while there is no work; 0s: never. */
  'rehearse-every': durationMs({ min: '1ms', max: '1m', orZero: true }).prefault('0s'),
  log: z.strictObject({ level: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info') }).prefault({}),
} as const;

export type SectionName = keyof typeof sections;
/** What the file says once every section is valid on its own, defaults filled in. */
export type Sections = { readonly [K in SectionName]: z.output<(typeof sections)[K]> };

/** The whole file as one schema: for the published JSON schema. */
export const fileSchema = z.strictObject(sections);
