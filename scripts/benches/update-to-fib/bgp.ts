// BIRD and FRR with their kernel's routes, and an eBGP far end that has announced as many prefixes as cfnd steers services:
// an update moves one of them to the other of two next hops. RFC 4271, 4760.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ADDRESS_BASE, DAEMON_ADDRESS } from '../session/lab.ts';
import type { Script } from '../update-clock/script.ts';

export const BGP_PORT = 179;
const AS = { daemon: 65000, farEnd: 65001 } as const;
const TYPE = { open: 1, update: 2, keepalive: 4 } as const;
const HOLD_S = 240;
const FAR_END = `${ADDRESS_BASE}1`;
/** Last octets of `ADDRESS_BASE`: both answer in the far end's namespace. */
const NEXT_HOPS = [1, 2] as const;

/** Programs of a daemon, the last of them the one with the sessions. */
export type Programs = readonly (readonly string[])[];

export function birdWithKernel(directory: string): Programs {
  const file = join(directory, 'bird.conf');
  const lines = [
    'router id 10.0.0.1;',
    'protocol device { scan time 60; }',
    'protocol direct { ipv6; }',
    'protocol kernel { ipv6 { import none; export where source = RTS_BGP; }; scan time 600; }',
    `protocol bgp far { local ${DAEMON_ADDRESS} as ${AS.daemon}; neighbor ${FAR_END} as ${AS.farEnd}; passive on; direct; ` +
      `hold time ${HOLD_S}; ipv6 { import all; export none; }; }`,
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  return [['bird', '-f', '-c', file, '-s', join(directory, 'bird.ctl'), '-P', join(directory, 'bird.pid')]];
}

/** Without the coalescing timer; what it holds an update for besides has no setting (perf.md 2). */
export function frrWithKernel(directory: string): Programs {
  // They give up root and need a directory of their own.
  const own = join(directory, 'frr');
  mkdirSync(own, { recursive: true });
  const [zebra, bgpd] = [join(own, 'zebra.conf'), join(own, 'bgpd.conf')];
  const lines = [
    `router bgp ${AS.daemon}`,
    ' bgp router-id 10.0.0.1',
    ' no bgp ebgp-requires-policy',
    ' no bgp default ipv4-unicast',
    ' coalesce-time 0',
    ` neighbor ${FAR_END} remote-as ${AS.farEnd}`,
    ` neighbor ${FAR_END} passive`,
    ` neighbor ${FAR_END} timers 80 ${HOLD_S}`,
    ` neighbor ${FAR_END} advertisement-interval 0`,
    ' address-family ipv6 unicast',
    `  neighbor ${FAR_END} activate`,
    `  neighbor ${FAR_END} route-map DENY out`,
    ' exit-address-family',
    'route-map DENY deny 10',
  ];
  writeFileSync(zebra, '');
  writeFileSync(bgpd, `${lines.join('\n')}\n`);
  spawnSync('chown', ['frr:frr', own, zebra, bgpd]);
  const shared = ['-z', join(own, 'zserv.api'), '--vty_socket', own, '-P', '0'];
  return [
    ['/usr/lib/frr/zebra', '-f', zebra, '-i', join(own, 'zebra.pid'), ...shared],
    ['/usr/lib/frr/bgpd', '-f', bgpd, '-i', join(own, 'bgpd.pid'), ...shared],
  ];
}

export function bgpScript(prefixes: number, before: number, counted: number): Script {
  const first = Array.from({ length: prefixes }, (_, i) => update(i, 0));
  const updates = Array.from({ length: before + counted }, (_, trial) => {
    const number = trial % prefixes;
    const message = update(number, 1 + Math.floor(trial / prefixes));
    return { message, route: prefixBytes(number), elements: Buffer.alloc(0) };
  });
  return { greetings: [open(), message(TYPE.keepalive, Buffer.alloc(0)), Buffer.concat(first)], before, updates };
}

function open(): Buffer {
  const multiprotocol = [1, 4, 0, 2, 0, 1];
  const fourOctets = [65, 4, 0, 0, ...two(AS.farEnd)];
  const capabilities = [2, multiprotocol.length, ...multiprotocol, 2, fourOctets.length, ...fourOctets];
  const body = [4, ...two(AS.farEnd), ...two(HOLD_S), 10, 1, 0, 1, capabilities.length, ...capabilities];
  return message(TYPE.open, Buffer.from(body));
}

/** One prefix with a MED of its own, by one next hop in even versions and by the other in odd ones. */
function update(number: number, version: number): Buffer {
  const nextHop = [0xfd, 0, 0, 1, ...new Array(8).fill(0), 0, 1, ...two(NEXT_HOPS[version % 2]!)];
  const attributes = [
    ...[0x80, 14, 21 + 7, ...two(2), 1, 16, ...nextHop, 0, 48, ...prefixBytes(number)],
    ...[0x40, 1, 1, 0],
    ...[0x40, 2, 6, 2, 1, 0, 0, ...two(AS.farEnd)],
    ...[0x80, 4, 4, 0, 0, ...two(100 + number)],
  ];
  return message(TYPE.update, Buffer.from([...two(0), ...two(attributes.length), ...attributes]));
}

/** 2400:<number>::/48. */
function prefixBytes(number: number): Buffer {
  return Buffer.from([0x24, 0, 0, 0, ...two(number + 1)]);
}

function message(type: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.alloc(16, 0xff), Buffer.from([...two(19 + body.length), type]), body]);
}

function two(value: number): [number, number] {
  return [value >> 8, value & 0xff];
}
