// What a segment list costs to plan and pack: ns a list of 2, 6 and 12 segments for each packing, from the path to what the
// kernel is given, against full SIDs along the same path. SIDs are parsed once, as the link-state database's are.
import type { RouterId } from '../../lib/model/identity.ts';
import type { LocatorAdvertisement, NodeAdvertisement } from '../../lib/model/link-state.ts';
import type { SidStructure } from '../../lib/model/service-route.ts';
import type { Flavour } from '../../lib/segment/behaviour-kind.ts';
import { planSegments, type SegmentPlan } from '../../lib/segment/plan.ts';
import { makeSid } from '../../lib/segment/sid.ts';
import { SidBook } from '../../lib/segment/sid-book.ts';
import { type LinkSpec, routerOf, topologyOf } from '../../lib/topology/fixture.ts';
import { type Bench, comparison, interleave, machine } from './report.ts';

const COUNTS = [2, 6, 12] as const;
/** Lists planned in one measurement. */
const LISTS = 5000;
/** Bound on ours / full SIDs: packing tries every run and every twin, and may not make planning another order of cost. */
const TARGET = 5;

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
  { name: 'twins', entries: [1, 1, 2], twins: (n) => [...NEXT(n), ...REPLACE_32(n), ...FULL(n)] },
];

export const bench: Bench = {
  summary: 'segment lists from path to packed list: ns a list, against full SIDs',
  ids: PACKINGS.flatMap(({ name }) => COUNTS.map((count) => idOf(name, count))),
  async run({ rounds, progress, isWanted }) {
    const rows = [];
    for (const { name, entries, twins } of PACKINGS) {
      for (const [i, count] of COUNTS.entries()) {
        if (!isWanted(idOf(name, count))) continue;
        progress(`segment ${name} ${count}`);
        const pack = planner(count, twins, ['next', 'replace']);
        const found = pack();
        if (found.segments.length !== entries[i]) throw new Error(`${name} ${count}: ${found.segments.length} entries`);
        const plain = planner(count, FULL, []);
        if (plain().segments.length !== count) throw new Error(`plan ${count}: ${plain().reason}`);
        const ours = () => nanoseconds(pack);
        const peer = () => nanoseconds(plain);
        ours();
        peer();
        rows.push(
          comparison(
            {
              id: idOf(name, count),
              what: `plan and pack ${count} segments, ${name}: ${found.bytes} octets`,
              unit: 'ns',
              peerName: 'full SIDs',
              better: 'lower',
              target: TARGET,
              method: `mean CPU time of ${LISTS} lists a round, SIDs parsed before, addresses formatted, nothing kept from list to list`,
            },
            await interleave(rounds, ours, peer),
          ),
        );
      }
    }
    return { bench: 'segment', machine: machine(), rows };
  },
};

function idOf(packing: string, count: number): string {
  return `segment.${packing}.${count}`;
}

/** The plan of a chain on which `count` segments are named; the last router has the egress SID. */
function planner(count: number, twins: Packing['twins'], flavours: readonly Flavour[]): () => SegmentPlan {
  const links = Array.from({ length: count }, (_, i): LinkSpec => [i + 1, i + 2, 100]);
  const nodes = new Map<RouterId, NodeAdvertisement>(
    [...topologyOf(links)].map(([router, node]) => [
      router,
      { ...node, locators: twins(hexOf(router)).map(locatorOf) },
    ]),
  );
  const path = Array.from({ length: count + 1 }, (_, i) => routerOf(i + 1));
  const [address, structure, behaviour] = twins(hexOf(path.at(-1)!))[0]!;
  const egress = makeSid(address, structure, behaviour, path.at(-1)!);
  const sids = new SidBook();
  return () => planSegments({ path, nodes, sids, egress, maxSidDepth: 16, flavours });
}

function locatorOf([endSid, structure, behaviour]: ReturnType<Packing['twins']>[number]): LocatorAdvertisement {
  return { prefix: `${endSid}/${structure.block}`, structure, endSid, behaviour };
}

function hexOf(router: RouterId): string {
  return Number(router.split('.')[3]).toString(16);
}

/** Mean CPU time of one call, ns; other load on the machine does not count. */
function nanoseconds(run: () => unknown): number {
  const before = process.cpuUsage();
  for (let i = 0; i < LISTS; i++) run();
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1e3) / LISTS;
}
