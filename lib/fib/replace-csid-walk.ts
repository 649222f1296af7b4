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
const LAST_ENTRY_AT = 352;
const LAST_ENTRY = `@nh,${LAST_ENTRY_AT},8`;
/** Bits that the kernel masks at once (struct nft_data). */
const MAX_BITWISE = 128;
/** What a tunnel carries: IPv6, IPv4. */
const INNER_HEADERS = [41, 4] as const;

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
 * What nearly every packet is (no argument but the index, no TLVs, an IP packet behind, nothing cut short, nothing ended)
 * is looked up by all that stands from its C-SID to Last Entry, and written by one rule. Whatever else comes back,
 * untouched, to be walked step by step.
 */
function renderAtOnce(layout: ReplaceLayout, maxContainers: number): { rule: string; chains: NamedChain[] } {
  const chains = new Map<string, NamedChain>();
  const elements: string[] = [];
  const from = DESTINATION + layout.blockBits + layout.csidBits;
  for (let entries = 1; entries <= Math.min(maxContainers, AT_ONCE_CONTAINERS); entries++)
    for (let left = 0; left <= entries; left++)
      for (let index = 0; index < positions(layout); index++) {
        if ((left === 0 && index === 0) || left - (index === 0 ? 1 : 0) >= entries) continue;
        for (const next of INNER_HEADERS) {
          const srh = [next, 2 * entries, 4, left, entries - 1];
          const chain = plainStep(layout, left, index, srh);
          chains.set(chain.name, chain);
          elements.push(`${hexOf([...argumentOf(layout), index, ...srh])} : jump ${chain.name}`);
        }
      }
  const octets = `@nh,${from},${LAST_ENTRY_AT + 8 - from}`;
  return { rule: `ip6 nexthdr 43 ${octets} vmap { ${elements.join(', ')} }`, chains: [...chains.values()] };
}

/**
 * R16-R20 or R05-R06 and R20, for a C-SID that is not 0 and an SRH that begins with `srh`. To write costs more than all
 * else: C-SID, argument and index, and where it changes Segments Left, are one stretch, in which all but the C-SID is known.
 */
function plainStep(layout: ReplaceLayout, left: number, index: number, srh: readonly number[]): NamedChain {
  const [next = 0, length = 0, type = 0, , last = 0] = srh;
  const [entry, place] = index === 0 ? [left - 1, positions(layout) - 1] : [left, index - 1];
  const upToLeft = index === 0 ? [next, length, type, entry] : [];
  const isTooLong = 8 * upToLeft.length > MAX_BITWISE + DESTINATION + layout.blockBits - LAST_OCTET - 8;
  const decrement = isTooLong ? `${SEGMENTS_LEFT} set ${entry} ` : '';
  const known = [...argumentOf(layout), place, ...(isTooLong ? [] : upToLeft)];
  const bits = layout.csidBits + 8 * known.length;
  const mask = hexOf([...Array<number>(layout.csidBits / 8).fill(0xff), ...known.map(() => 0)]);
  const from = entryAt(entry) + place * layout.csidBits;
  const write = `@nh,${DESTINATION + layout.blockBits},${bits} set @nh,${from},${bits} & ${mask} | ${hexOf(known)}`;
  const whole = `ip6 length >= ${SRH_FIXED_OCTETS + (last + 1) * ENTRY_OCTETS}`;
  return {
    name: `${layoutName(layout)}_n${last + 1}_l${left}_i${index}${index === 0 ? `_h${next}` : ''}`,
    rules: [`${whole} ${csidAt(layout, entry, place)} != 0 ${decrement}${write} accept`],
  };
}

/** The octets between C-SID and index, as our planner makes them. */
function argumentOf({ blockBits, csidBits }: ReplaceLayout): number[] {
  return Array(15 - (blockBits + csidBits) / 8).fill(0);
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

/** As one number. */
function hexOf(octets: readonly number[]): string {
  return `0x${octets.map((octet) => octet.toString(16).padStart(2, '0')).join('')}`;
}

function hex(mask: number): string {
  return `0x${(mask >>> 0).toString(16)}`;
}
