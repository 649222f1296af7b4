// The objects that are tried to find out what this kernel can do, and what is done where it cannot. All of them lie in a
// corner that no packet reaches: the discard prefix (RFC 6666), a documentation address, ids beyond what the router uses.
import type { LocalSid } from '../../lib/fib/fib.ts';
import type { NetlinkObject } from './kernel-codec.ts';

export interface ProbeOptions {
  readonly groupIdBase: number;
  readonly nexthopIdBase: number;
  readonly tableBase: number;
  readonly rulePriority: number;
}

export interface Trial {
  readonly name: string;
  /** What is done, or lost, without it. */
  readonly without: string;
  readonly object: NetlinkObject;
  /** Refusals that only say that nothing of the kind is configured: the kernel knows the kind. */
  readonly knownBy?: readonly string[];
}

/** Beyond what the router hands out. */
const BEYOND = 0xfff0;
const NEXT_CSID = { nextCsid: { blockBits: 32, nodeBits: 16 } };
const NEXT_CSID_X = { nextCsid: { blockBits: 48, nodeBits: 32 } };

export function probeTrials(options: ProbeOptions): Trial[] {
  const nexthop = options.nexthopIdBase + BEYOND;
  const group = options.groupIdBase + BEYOND;
  const table = options.tableBase + BEYOND;
  const toGroup = (prefix: string): NetlinkObject => ({
    kind: 'route',
    prefix,
    table,
    target: { kind: 'group', id: group },
  });
  const rule = { priority: options.rulePriority + BEYOND, fwmark: 1, mask: 0xffffffff, table };
  return [
    { name: 'seg6-encap', without: 'no steering', object: { kind: 'nexthop', id: nexthop, segments: TWO } },
    {
      name: 'nexthop-groups',
      without: 'no steering',
      object: { kind: 'group', id: group, members: [{ nexthop, weight: 1 }] },
    },
    {
      name: 'nexthop-weights',
      without: 'bucket affinity leaves a few buckets to contact instances without new flows',
      object: { kind: 'group', id: group + 1, members: [{ nexthop, weight: 300 }] },
    },
    {
      name: 'resilient-groups',
      without: 'no bucket affinity',
      object: {
        kind: 'group',
        id: group + 2,
        members: [{ nexthop, weight: 1 }],
        resilient: { buckets: 16, idleTimeoutMs: 1000, unbalancedTimeoutMs: 0 },
      },
    },
    { name: 'nexthop-routes', without: 'no steering', object: toGroup('100::1/128') },
    { name: 'nexthop-routes-ipv4', without: 'no steering of IPv4 services', object: toGroup('192.0.2.1/32') },
    {
      name: 'seg6-encap-ipv4',
      without: 'no way back to IPv4 clients of other routers',
      object: { kind: 'route', prefix: '192.0.2.2/32', table, target: { kind: 'encap', segments: ['100::1'] } },
    },
    ...sidTrials(table),
    { name: 'rules', without: 'no affinity for IPv6 services', object: { kind: 'rule', family: 'ipv6', ...rule } },
    { name: 'rules-ipv4', without: 'no affinity for IPv4 services', object: { kind: 'rule', family: 'ipv4', ...rule } },
  ];
}

const TWO = ['100::1', '100::2'];
const NO_VRF = 'End.DX4 to 0.0.0.0 and End.DT6 end tunnels in the main table';

function sidTrials(table: number): Trial[] {
  const kinds: readonly (readonly [
    name: string,
    without: string,
    behaviour: LocalSid['behaviour'],
    flavours?: LocalSid['flavours'],
  ])[] = [
    ['', 'no local SIDs', { action: 'End' }],
    ['-psp', 'no penultimate pop: the last router sees the header', { action: 'End' }, { psp: true }],
    ['-next-csid', 'REPLACE-CSID by nftables, or full SIDs', { action: 'End' }, NEXT_CSID],
    ['-end-x', 'no adjacency segments: paths are pinned by routers', { action: 'End.X', nexthop: '100::1' }],
    // Linux 6.6; End alone is older.
    ['-next-csid-end-x', 'full SIDs only', { action: 'End.X', nexthop: '100::1' }, NEXT_CSID_X],
    ['-end-t', 'no segments into other tables', { action: 'End.T', table }],
    ['-end-dt6', 'End.DX6 of each contact instance', { action: 'End.DT6', table }],
    ['-end-dx6', 'no egress for IPv6 services', { action: 'End.DX6', nexthop: '100::1' }],
    ['-end-dx4', 'no egress for IPv4 services', { action: 'End.DX4', nexthop: '0.0.0.0' }],
    ['-end-dt4', NO_VRF, { action: 'End.DT4', vrfTable: table }],
    ['-end-dt46', NO_VRF, { action: 'End.DT46', vrfTable: table }],
    ['-end-b6-encaps', 'no binding SIDs', { action: 'End.B6.Encaps', segments: TWO }],
  ];
  return kinds.map(([name, without, behaviour, flavours], i) => ({
    name: `seg6local${name}`,
    without,
    object: {
      kind: 'local-sid',
      prefix: `100::cf:d:${i.toString(16)}:1/128`,
      behaviour,
      ...(flavours && { flavours }),
    },
    // No VRF device, or strict mode off.
    ...('vrfTable' in behaviour && { knownBy: ['ENODEV', 'EPERM'] }),
  }));
}
