// The border of the SRv6 domain as one table of nftables, before everything else that looks at a packet (RFC 8402 8.2,
// RFC 8754 5.1, RFC 8986 9): from outside come neither segment routing headers nor packets to or from SIDs. The
// kernel's own switch, seg6_enabled, does not keep packets from local SIDs.
//
// Routing headers are found behind other extension headers too, and a fragment has a destination like any packet. A
// header chain that is spread over fragments does not get further: the kernel drops it (RFC 7112).
import { BORDER_KEY, type Border, type BorderCounters } from './fib.ts';
import { renderTableRemoval, type TableReadBack, type WholeTable } from './nft-table.ts';

/** Our only table here; nothing in any other is ever touched. */
export const BORDER_TABLE = 'cfnd_border';
const TABLE = `ip6 ${BORDER_TABLE}`;

/** Before REPLACE-CSID endpoints (raw, -300), after defragmentation (-400). */
const PRIORITY = -350;

const REASONS = ['routing_headers', 'to_sids', 'from_sids'] as const;
/**
 * Routing, Fragment, Destination Options. nftables sees the first routing header alone, and whose address a packet has skips
 * one that is done with (Segments Left 0) whatever its type: a segment routing header might be hidden behind it. Nobody
 * else has a use for headers behind one.
 */
const MORE_HEADERS = [43, 44, 60] as const;
/** Up to so many prefixes are compared one after the other: octets at a fixed place, a tenth of a look-up of intervals. */
const COMPARED_PREFIXES = 4;

export const borderTable: WholeTable<Border> = {
  key: BORDER_KEY,
  family: 'ip6',
  name: BORDER_TABLE,
  render(before, after) {
    if (before) return [`flush chain ${TABLE} outside`, ...renderElements(after, true), ...renderOutside(after)];
    return [
      ...renderTableRemoval(borderTable),
      `add table ${TABLE}`,
      ...REASONS.map((counter) => `add counter ${TABLE} ${counter}`),
      `add set ${TABLE} inside { type ifname; }`,
      `add set ${TABLE} sid_space { type ipv6_addr; flags interval; }`,
      `add chain ${TABLE} outside`,
      ...renderElements(after, false),
      ...renderOutside(after),
      `add chain ${TABLE} arriving { type filter hook prerouting priority ${PRIORITY}; policy accept; }`,
      `add rule ${TABLE} arriving iifname != @inside goto outside`,
    ];
  },
  read({ sets, rules }) {
    const inside = sets.get('inside');
    const sidSpace = sets.get('sid_space');
    if (!inside || !sidSpace || rules.get('outside')?.length !== outsideRules(sidSpace).length) return undefined;
    return { kind: 'border', inside: inside.filter((name) => name !== 'lo'), sidSpace };
  },
};

export function borderCounters({ counters }: TableReadBack): BorderCounters {
  const packets = (name: (typeof REASONS)[number]) => counters.get(name) ?? 0;
  return {
    routingHeaders: packets('routing_headers'),
    toSids: packets('to_sids'),
    fromSids: packets('from_sids'),
  };
}

function renderOutside({ sidSpace }: Border): string[] {
  return outsideRules(sidSpace).map((rule) => `add rule ${TABLE} outside ${rule}`);
}

/** First match counts: a packet with a routing header to a SID is one dropped packet. */
function outsideRules(sidSpace: Border['sidSpace']): string[] {
  const spaces = sidSpace.length <= COMPARED_PREFIXES ? sidSpace : ['@sid_space'];
  const drop = (match: string, counter: (typeof REASONS)[number]) => `${match} counter name ${counter} drop`;
  return [
    drop('rt type 4', 'routing_headers'),
    drop(`rt nexthdr { ${MORE_HEADERS.join(', ')} }`, 'routing_headers'),
    ...spaces.map((space) => drop(`ip6 daddr ${space}`, 'to_sids')),
    ...spaces.map((space) => drop(`ip6 saddr ${space}`, 'from_sids')),
  ];
}

/** What a router sends to itself passes prerouting on loopback. */
function renderElements({ inside, sidSpace }: Border, filled: boolean): string[] {
  const names = ['lo', ...inside].map((name) => `"${name}"`);
  return [
    ...(filled ? [`flush set ${TABLE} inside`, `flush set ${TABLE} sid_space`] : []),
    `add element ${TABLE} inside { ${names.join(', ')} }`,
    ...(sidSpace.length > 0 ? [`add element ${TABLE} sid_space { ${sidSpace.join(', ')} }`] : []),
  ];
}
