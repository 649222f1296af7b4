// What packing costs: ns a list of 2, 6 and 12 segments for each packing, against planning the uncompressed list of the same
// path. SIDs are parsed once, as the link-state database holds them.
import type { RouterId } from '../../lib/model/identity.ts';
import type { NodeAdvertisement } from '../../lib/model/link-state.ts';
import type { SidStructure } from '../../lib/model/service-route.ts';
import { compress } from '../../lib/segment/compress.ts';
import type { Segment } from '../../lib/segment/eligibility.ts';
import { planSegments } from '../../lib/segment/plan.ts';
import { makeSid } from '../../lib/segment/sid.ts';
import { SidBook } from '../../lib/segment/sid-book.ts';
import { type LinkSpec, routerOf, topologyOf } from '../../lib/topology/fixture.ts';
import { type Bench, comparison, interleave, machine } from './report.ts';

const COUNTS = [2, 6, 12] as const;
/** Lists packed in one measurement. */
const LISTS = 20_000;
/** Bound on ours / uncompressed planning: packing may cost several times a map lookup a router, and stay in microseconds. */
const TARGET = 40;

interface Packing {
  readonly name: string;
  /** Entries of a list of 2, 6 and 12: a figure for a wrong answer is worth nothing. */
  readonly entries: readonly number[];
  readonly twins: (n: string) => readonly [address: string, structure: SidStructure, behaviour: number][];
}

const NEXT: Packing['twins'] = (n) => [[`fcbb:bbbb:${n}::`, { block: 32, node: 16, function: 0, argument: 80 }, 43]];
const REPLACE_32: Packing['twins'] = (n) => [
  [`2001:db8:c:${n}:1::`, { block: 48, node: 16, function: 16, argument: 48 }, 101],
];
const REPLACE_16: Packing['twins'] = (n) => [
  [`2001:db8:e:1:${n}::`, { block: 64, node: 16, function: 0, argument: 48 }, 101],
];
const FULL: Packing['twins'] = (n) => [[`5f00:0:${n}:1::`, { block: 32, node: 16, function: 16, argument: 0 }, 1]];

const PACKINGS: readonly Packing[] = [
  { name: 'full', entries: [2, 6, 12], twins: FULL },
  { name: 'next', entries: [1, 1, 2], twins: NEXT },
  { name: 'replace-32', entries: [2, 3, 4], twins: REPLACE_32 },
  { name: 'replace-16', entries: [2, 2, 3], twins: REPLACE_16 },
  { name: 'twins', entries: [1, 1, 2], twins: (n) => [...REPLACE_32(n), ...NEXT(n), ...FULL(n)] },
];

export const bench: Bench = {
  summary: 'packing of segment lists: ns a list, against planning them uncompressed',
  async run({ rounds, progress }) {
    const rows = [];
    for (const { name, entries, twins } of PACKINGS) {
      for (const [i, count] of COUNTS.entries()) {
        progress(`segment ${name} ${count}`);
        const segments = segmentsOf(count, twins);
        const pack = () => compress({ segments, ingress: '', maxSidDepth: 16 });
        const found = pack();
        if (found.segments.length !== entries[i]) throw new Error(`${name} ${count}: ${found.segments.length} entries`);
        const plan = planner(count);
        if (plan().segments.length !== count) throw new Error(`plan ${count}: ${plan().reason}`);
        const ours = () => nanoseconds(pack);
        const peer = () => nanoseconds(plan);
        ours();
        peer();
        rows.push(
          comparison(
            {
              id: `segment.${name}.${count}`,
              what: `pack ${count} segments, ${name}: ${found.bytes} octets`,
              unit: 'ns',
              peerName: 'planSegments',
              better: 'lower',
              target: TARGET,
              method: `mean CPU time of ${LISTS} lists a round, SIDs parsed before, addresses formatted; peer plans the uncompressed list`,
            },
            await interleave(rounds, ours, peer),
          ),
        );
      }
    }
    return { bench: 'segment', machine: machine(), rows };
  },
};

function segmentsOf(count: number, twins: Packing['twins']): Segment[] {
  return Array.from({ length: count }, (_, i) => {
    const n = (i + 1).toString(16);
    return { choices: twins(n).map(([address, structure, behaviour]) => makeSid(address, structure, behaviour, n)) };
  });
}

/** The plan of a chain on which `count` segments are named. */
function planner(count: number): () => ReturnType<typeof planSegments> {
  const links = Array.from({ length: count }, (_, i): LinkSpec => [i + 1, i + 2, 100]);
  const nodes: ReadonlyMap<RouterId, NodeAdvertisement> = topologyOf(links);
  const path = Array.from({ length: count + 1 }, (_, i) => routerOf(i + 1));
  const egress = makeSid('5f00:0:ff:d6::', { block: 32, node: 16, function: 16, argument: 0 }, 18);
  const sids = new SidBook();
  return () => planSegments({ path, nodes, sids, egress, maxSidDepth: 16, flavours: [] });
}

/** Mean CPU time of one call, ns; other load on the machine does not count. */
function nanoseconds(run: () => unknown): number {
  const before = process.cpuUsage();
  for (let i = 0; i < LISTS; i++) run();
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1e3) / LISTS;
}
