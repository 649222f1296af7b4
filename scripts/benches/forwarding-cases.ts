// What bench `forwarding` measures: for each case, what the router is programmed with through the daemon's own forwarding
// plane, what is sent to it, and how much longer a packet is to leave it, so that a case that does nothing cannot pass.
import type { AffinityService, FibObject, FibRoute, LocalSid } from '../../lib/fib/fib.ts';
import { encapsulationBytes } from '../../lib/segment/packed-list.ts';
import { bare, SERVICE, tunnelled } from './forwarding-frames.ts';

export interface Case {
  readonly id: string;
  readonly what: string;
  readonly objects: readonly FibObject[];
  readonly packet: readonly number[];
  /** Asked for besides; the case fails where it cannot be had. */
  readonly accelerator?: 'tc-bpf';
  /** Bytes that the router adds. */
  readonly adds: number;
  /** Least share of plain forwarding's rate. */
  readonly target: number;
}

/** Neighbour in the sink, on the router's interface `out`. */
export const SINK = 'fd00:2::2';
const ROUTER_MARKS = 0x100;

const out = (prefix: string): FibObject => ({
  kind: 'route',
  prefix,
  table: 254,
  target: { kind: 'gateways', hops: [{ gateway: SINK, device: 'out', weight: 1 }] },
});
const sid = (prefix: string, behaviour: LocalSid['behaviour'], flavours?: LocalSid['flavours']): FibObject => ({
  kind: 'local-sid',
  prefix,
  behaviour,
  ...(flavours && { flavours }),
});
const nexthop = (slot: number, segments: readonly string[]): FibObject => ({
  kind: 'nexthop',
  id: 200_000_000 + slot,
  segments,
});
const service = (target: FibRoute['target'], table = 254): FibObject => ({
  kind: 'route',
  prefix: `${SERVICE}/128`,
  table,
  target,
});
const toNexthop = (slot: number, table?: number): FibObject =>
  service({ kind: 'nexthop', id: 200_000_000 + slot }, table);
const rule = (slot: number): FibObject => ({
  kind: 'rule',
  family: 'ipv6',
  priority: 10_000 + slot,
  fwmark: ROUTER_MARKS + slot,
  mask: 0xfff,
  table: 10_000 + slot,
});

const LIST = ['fcbb:0:11:1::', 'fcbb:0:12:1::', 'fcbb:0:21:d6::'];
const CORE = out('fcbb::/16');
const steered = (segments: readonly string[]): FibObject[] => [CORE, nexthop(1, segments), toNexthop(1)];
/** Two contact instances behind marks, as the router programs a service. */
const marked: FibObject[] = [
  CORE,
  ...[1, 2].flatMap((slot) => [nexthop(slot, LIST), toNexthop(slot, 10_000 + slot), rule(slot)]),
  toNexthop(1),
];
const affinity = (mode: 'flow' | 'client'): AffinityService => ({
  kind: 'affinity',
  service: SERVICE,
  mode,
  instances: [700, 300].map((weight, i) => ({ slot: i + 1, mark: ROUTER_MARKS + i + 1, weight, failed: false })),
  idleTimeoutMs: 300_000,
  closingTimeoutMs: 2000,
});
const bucket: FibObject[] = [
  CORE,
  ...[1, 2].map((slot) => nexthop(slot, LIST)),
  {
    kind: 'group',
    id: 100_000_009,
    members: [1, 2].map((slot) => ({ nexthop: 200_000_000 + slot, weight: 1 })),
    resilient: { buckets: 128, idleTimeoutMs: 60_000, unbalancedTimeoutMs: 0 },
  },
  service({ kind: 'group', id: 100_000_009 }),
];
const usidEnd: FibObject[] = [
  out('fcaa::/16'),
  sid('fcaa:bbbb:1::/48', { action: 'End' }, { nextCsid: { blockBits: 32, nodeBits: 16 } }),
];
const border: FibObject = { kind: 'border', inside: ['out'], sidSpace: ['5f00::/16'] };
const mtu: FibObject = { kind: 'mtu', services: [SERVICE], mtu: 1388, mark: 0xfff };
const replaceEnd: FibObject = { kind: 'replace-csid', prefix: 'fdbb:cafe:0:1:1::/80', csidBits: 32 };
const CONTAINER = '6:d6:4:1:2:1:3:1';

export const CASES: readonly Case[] = [
  {
    id: 'encap-red',
    what: 'encap.red, 3 SIDs',
    objects: steered(LIST),
    packet: bare(),
    adds: encapsulationBytes(3),
    target: 0.8,
  },
  {
    id: 'encap-red-group',
    what: 'the same through a group of one nexthop',
    objects: [
      CORE,
      nexthop(1, LIST),
      { kind: 'group', id: 100_000_001, members: [{ nexthop: 200_000_001, weight: 1 }] },
      service({ kind: 'group', id: 100_000_001 }),
    ],
    packet: bare(),
    adds: encapsulationBytes(3),
    target: 0.75,
  },
  {
    id: 'usid-source',
    what: 'one uSID container, no SRH',
    objects: [out('fcaa::/16'), nexthop(1, ['fcaa:bbbb:1:3:2:4:6:e001']), toNexthop(1)],
    packet: bare(),
    adds: encapsulationBytes(1),
    target: 0.8,
  },
  {
    id: 'replace-source',
    what: 'REPLACE-CSID source, one container',
    objects: [out('fdbb::/16'), nexthop(1, ['fdbb:cafe:0:1:1::', CONTAINER]), toNexthop(1)],
    packet: bare(),
    adds: encapsulationBytes(2),
    target: 0.8,
  },
  {
    id: 'end',
    what: 'End',
    objects: [CORE, sid('fcbb:0:1:1::/64', { action: 'End' })],
    packet: tunnelled('fcbb:0:1:1::', ['fcbb:0:21:d6::', 'fcbb:0:12:1::']),
    adds: 0,
    target: 0.74,
  },
  {
    id: 'usid-end',
    what: 'End with NEXT-CSID',
    objects: usidEnd,
    packet: tunnelled('fcaa:bbbb:1:3:2:4:6:e001'),
    adds: 0,
    target: 0.78,
  },
  {
    id: 'usid-end-tc-bpf',
    what: 'the same in tc-bpf',
    objects: usidEnd,
    packet: tunnelled('fcaa:bbbb:1:3:2:4:6:e001'),
    accelerator: 'tc-bpf',
    adds: 0,
    target: 0.78,
  },
  {
    id: 'replace-end-nft',
    what: 'End with REPLACE-CSID in nftables',
    objects: [out('fdbb:cafe::/32'), replaceEnd],
    packet: tunnelled('fdbb:cafe:0:1:1::', [CONTAINER]),
    adds: 0,
    target: 0.75,
  },
  {
    id: 'replace-end-tc-bpf',
    what: 'the same in tc-bpf',
    objects: [out('fdbb:cafe::/32'), replaceEnd],
    packet: tunnelled('fdbb:cafe:0:1:1::', [CONTAINER]),
    accelerator: 'tc-bpf',
    adds: 0,
    target: 0.75,
  },
  {
    id: 'dt6-srh',
    what: 'End.DT6 behind an SRH',
    objects: [out(`${SERVICE}/128`), sid('fcbb:0:1:d6::/64', { action: 'End.DT6', table: 254 })],
    packet: tunnelled('fcbb:0:1:d6::', ['fcbb:0:1:d6::', 'fcbb:0:12:1::'], 0),
    adds: -encapsulationBytes(3),
    target: 0.8,
  },
  {
    id: 'dt6',
    what: 'End.DT6 without SRH',
    objects: [out(`${SERVICE}/128`), sid('fcbb:0:1:d6::/64', { action: 'End.DT6', table: 254 })],
    packet: tunnelled('fcbb:0:1:d6::'),
    adds: -encapsulationBytes(1),
    target: 0.8,
  },
  {
    id: 'affinity-flow-nft',
    what: 'affinity flow over two instances, encap.red',
    objects: [...marked, affinity('flow')],
    packet: bare(),
    adds: encapsulationBytes(3),
    target: 0.65,
  },
  {
    id: 'affinity-flow-tc-bpf',
    what: 'the same with tc-bpf in front',
    objects: [...marked, affinity('flow')],
    packet: bare(),
    accelerator: 'tc-bpf',
    adds: encapsulationBytes(3),
    target: 0.65,
  },
  {
    id: 'affinity-client-nft',
    what: 'affinity client over two instances, encap.red',
    objects: [...marked, affinity('client')],
    packet: bare(),
    adds: encapsulationBytes(3),
    target: 0.68,
  },
  {
    id: 'affinity-bucket',
    what: 'affinity bucket over two instances, encap.red',
    objects: bucket,
    packet: bare(),
    adds: encapsulationBytes(3),
    target: 0.74,
  },
  {
    id: 'border',
    what: 'border, plain forwarding',
    objects: [out(`${SERVICE}/128`), border],
    packet: bare(),
    adds: 0,
    target: 0.8,
  },
  {
    id: 'ingress',
    what: 'border, MTU, affinity flow and encap.red together',
    objects: [...marked, affinity('flow'), border, mtu],
    packet: bare(),
    adds: encapsulationBytes(3),
    target: 0.5,
  },
  {
    id: 'ingress-tc-bpf',
    what: 'the same with tc-bpf in front',
    objects: [...marked, affinity('flow'), border, mtu],
    packet: bare(),
    accelerator: 'tc-bpf',
    adds: encapsulationBytes(3),
    target: 0.5,
  },
];

/** What all are compared with. */
export const PLAIN: Case = {
  id: 'plain',
  what: 'plain forwarding',
  objects: [out(`${SERVICE}/128`)],
  packet: bare(),
  adds: 0,
  target: 0,
};
