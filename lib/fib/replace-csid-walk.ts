// End with REPLACE-CSID (RFC 9800 4.2.1, R01-R21) as chains of nftables that need no arithmetic: one chain for each pair of
// Segments Left and Index, in which every offset is a constant, because nft copies payload only between fixed places.
// The kernel behind them looks the new destination up, counts the hop limit down, and answers when it runs out.
//
//   bit   0        192              320                384        384+128n
//   |  IPv6 header | DA ... | index | SRH fixed part   | entry 0 | entry n
//                                   nh, HdrExtLen 328, type 336, Segments Left 344, Last Entry 352
//
// A chain that ends, or a rule that cannot load because the packet is cut short, returns to the SID's own chain, which
// drops. Deviates: the packet in Time Exceeded is the rewritten one, and Parameter Problem is not sent but counted.
// Limits: the SRH follows the IPv6 header at once (RFC 8200 allows options before it); at most `maxContainers` entries.
import { LOSS_COUNTERS, layoutName, type ReplaceLayout } from './replace-csid-names.ts';

export interface NamedChain {
  readonly name: string;
  readonly rules: readonly string[];
}

export const MAX_CONTAINERS = 8;

/** Of the destination in the network header, bits. */
export const DESTINATION = 192;
const LAST_OCTET = DESTINATION + 120;
const ENTRIES = 384;
const SRH_FIXED_OCTETS = 8;
const ENTRY_OCTETS = 16;

const HDR_EXT_LEN = '@nh,328,8';
const ROUTING_TYPE = '@nh,336,8';
const SEGMENTS_LEFT = '@nh,344,8';
const LAST_ENTRY = '@nh,352,8';

/** From DA's last octet to Last Entry: index, the SRH's next header, Hdr Ext Len, type, Segments Left, Last Entry. */
const AT_ONCE = `@nh,${LAST_OCTET},48`;
/** Most entries of the lists that a packet without oddities is walked through by one look-up; 4 containers are 16 or 32 SIDs. */
const AT_ONCE_CONTAINERS = 4;

/** The walk's first chain; a packet that comes back from it is malformed. */
export function walkEntry(layout: ReplaceLayout): string {
  return layoutName(layout);
}

/**
 * Every chain of one layout, callees first. `markMask`: bits that End.X has set before the walk and that a packet for
 * this node's upper layer must not keep, or it would leave through the adjacency.
 */
export function renderWalk(layout: ReplaceLayout, markMask: number, maxContainers = MAX_CONTAINERS): NamedChain[] {
  const name = layoutName(layout);
  const upper: NamedChain = { name: `${name}_upper`, rules: [`meta mark set meta mark & ${hex(~markMask)} accept`] };
  const steps: NamedChain[] = [];
  const byLeft: string[] = [];
  for (let left = 0; left <= maxContainers; left++) {
    const byIndex: string[] = [];
    for (let index = 0; index < positions(layout); index++) {
      if (left === 0 && index === 0) {
        byIndex.push(`0 : goto ${upper.name}`);
        continue;
      }
      const step = { name: `${name}_l${left}_i${index}`, rules: stepRules(layout, left, index) };
      steps.push(step);
      byIndex.push(`${index} : goto ${step.name}`);
    }
    steps.push({ name: `${name}_l${left}`, rules: [`${indexField(layout)} vmap { ${byIndex.join(', ')} }`] });
    byLeft.push(`${left} : goto ${name}_l${left}`);
  }
  const walk: NamedChain = {
    name: `${name}_walk`,
    rules: [`${SEGMENTS_LEFT} vmap { ${byLeft.join(', ')} }`, lose('segmentsLeft')],
  };
  return [upper, ...steps, walk, ...headerChains(layout, maxContainers)];
}

/** Number of C-SIDs in a container. */
function positions({ csidBits }: ReplaceLayout): number {
  return 128 / csidBits;
}

/** DA.Arg.Index: the lowest ceil(log2(positions)) bits of the destination. */
function indexField(layout: ReplaceLayout): string {
  const bits = Math.log2(positions(layout));
  return `@nh,${LAST_OCTET + 8 - bits},${bits}`;
}

/**
 * What nearly every packet is (no TLVs, nothing cut short, nothing ended) is looked up by all of its header at once, and
 * written by one rule. Whatever else comes back, untouched, to be walked step by step.
 */
function renderAtOnce(layout: ReplaceLayout, maxContainers: number): { rule: string; chains: NamedChain[] } {
  const chains: NamedChain[] = [];
  const elements: string[] = [];
  for (let entries = 1; entries <= Math.min(maxContainers, AT_ONCE_CONTAINERS); entries++) {
    const whole = `ip6 length >= ${SRH_FIXED_OCTETS + entries * ENTRY_OCTETS}`;
    for (let left = 0; left <= entries; left++)
      for (let index = 0; index < positions(layout); index++) {
        const step = plainStep(layout, left, index);
        if (step === undefined || left - (index === 0 ? 1 : 0) >= entries) continue;
        const chain = `${layoutName(layout)}_n${entries}_l${left}_i${index}`;
        chains.push({ name: chain, rules: [`${whole} ${step}`] });
        elements.push(`${hex48([index, 0, 2 * entries, 4, left, entries - 1])} : jump ${chain}`);
      }
  }
  // All of the octet that ends in the index: 0 in what our planner makes, and then it can be written whole.
  const mask = hex48([0xff, 0, 0xff, 0xff, 0xff, 0xff]);
  return { rule: `ip6 nexthdr 43 ${AT_ONCE} & ${mask} vmap { ${elements.join(', ')} }`, chains };
}

/** R16-R20 or R05-R06 and R20, for a C-SID that is not 0; undefined where the packet has arrived. */
function plainStep(layout: ReplaceLayout, left: number, index: number): string | undefined {
  if (left === 0 && index === 0) return undefined;
  const [entry, next] = index === 0 ? [left - 1, positions(layout) - 1] : [left, index - 1];
  const decrement = index === 0 ? `${SEGMENTS_LEFT} set ${entry} ` : '';
  const write = `${copyCsid(layout, entry, next)} @nh,${LAST_OCTET},8 set ${next}`;
  return `${csidAt(layout, entry, next)} != 0 ${decrement}${write} accept`;
}

/** What comes before the walk: is there an SRH, and does it hold what Last Entry says? */
function headerChains(layout: ReplaceLayout, maxContainers: number): NamedChain[] {
  const name = layoutName(layout);
  const lengths: NamedChain[] = [];
  const byLength = [`0 : goto ${name}_excess`];
  for (let entries = 1; entries <= maxContainers; entries++) {
    const chain = `${name}_n${entries}`;
    lengths.push({
      name: chain,
      rules: [
        // S08: max_LE = Hdr Ext Len / 2 - 1.
        `${LAST_ENTRY} > ${entries - 1} goto ${name}_excess`,
        `ip6 length < ${SRH_FIXED_OCTETS + entries * ENTRY_OCTETS} ${lose('header')}`,
        `goto ${name}_walk`,
      ],
    });
    byLength.push(`${2 * entries} : goto ${chain}`);
  }
  const atOnce = renderAtOnce(layout, maxContainers);
  const entry: NamedChain = {
    name: walkEntry(layout),
    rules: [
      atOnce.rule,
      `ip6 nexthdr != 43 goto ${name}_upper`,
      `${ROUTING_TYPE} != 4 ${lose('header')}`,
      // No interval here or in the look-up of SIDs: an interval set that a transaction has made finds nothing for the
      // first microseconds (Linux 6.18: 3 packets a reload at 290 kpps, where a hash lost 2 in 150 reloads).
      `${HDR_EXT_LEN} & 0xfe vmap { ${byLength.join(', ')} }`,
      // TLVs behind the longest list; Last Entry is bounded all the same.
      `${HDR_EXT_LEN} > ${2 * maxContainers + 1} goto ${name}_n${maxContainers}`,
    ],
  };
  return [excessChain(layout), ...lengths, ...atOnce.chains, entry];
}

/** Last Entry is wrong, which S02 does not look at: only what has arrived may pass. */
function excessChain(layout: ReplaceLayout): NamedChain {
  const name = layoutName(layout);
  const index = indexField(layout);
  const arrived = Array.from(
    { length: positions(layout) - 1 },
    (_, i) => `${index} ${i + 1} ${csidAt(layout, 0, i)} 0 goto ${name}_upper`,
  );
  return {
    name: `${name}_excess`,
    rules: [
      `${SEGMENTS_LEFT} != 0 ${lose('header')}`,
      `${index} 0 goto ${name}_upper`,
      // Without room for an entry there is no C-SID left either.
      `${HDR_EXT_LEN} < 2 goto ${name}_upper`,
      ...arrived,
      lose('header'),
    ],
  };
}

/** With Segments Left and Index as in the packet; not both 0, which is S02's first case. */
function stepRules(layout: ReplaceLayout, left: number, index: number): string[] {
  if (index === 0) {
    const last = positions(layout) - 1;
    return [
      // R13: Segments Left > Last Entry + 1; R16, R17, and R20 with the next container's first C-SID.
      ...(left > 1 ? [`${LAST_ENTRY} < ${left - 1} ${lose('segmentsLeft')}`] : []),
      `${csidAt(layout, left - 1, last)} 0 ${lose('zeroCsid')}`,
      `${SEGMENTS_LEFT} set ${left - 1} ${writeCsid(layout, left - 1, last)} accept`,
    ];
  }
  const next = csidAt(layout, left, index - 1);
  const ended =
    left === 0
      ? // S02: nothing follows in the last container.
        `${next} 0 goto ${layoutName(layout)}_upper`
      : // R06-R10: the container ended early; what follows is a whole SID.
        `${next} 0 ${SEGMENTS_LEFT} set ${left - 1} @nh,${DESTINATION},128 set @nh,${entryAt(left - 1)},128 accept`;
  return [
    // R02: Segments Left > Last Entry.
    ...(left > 0 ? [`${LAST_ENTRY} < ${left} ${lose('segmentsLeft')}`] : []),
    ended,
    `${writeCsid(layout, left, index - 1)} accept`,
  ];
}

/** R20: block and the rest of the argument stay. */
function writeCsid(layout: ReplaceLayout, entry: number, index: number): string {
  return `${copyCsid(layout, entry, index)} ${indexField(layout)} set ${index}`;
}

function copyCsid(layout: ReplaceLayout, entry: number, index: number): string {
  return `@nh,${DESTINATION + layout.blockBits},${layout.csidBits} set ${csidAt(layout, entry, index)}`;
}

function csidAt({ csidBits }: ReplaceLayout, entry: number, index: number): string {
  return `@nh,${entryAt(entry) + index * csidBits},${csidBits}`;
}

function entryAt(entry: number): number {
  return ENTRIES + 8 * ENTRY_OCTETS * entry;
}

function lose(reason: keyof typeof LOSS_COUNTERS): string {
  return `counter name ${LOSS_COUNTERS[reason]} return`;
}

/** Six octets, as one number. */
function hex48(octets: readonly number[]): string {
  return `0x${octets.map((octet) => octet.toString(16).padStart(2, '0')).join('')}`;
}

function hex(mask: number): string {
  return `0x${(mask >>> 0).toString(16)}`;
}
