// Room for encapsulation, as one table of nftables at both ends of a tunnel (dataplane.md 1.3). An encapsulated packet that
// exceeds a link of the domain makes a router answer Packet Too Big to the outer source, and the sender never hears.
// So TCP is told of a smaller segment size in both directions, and whatever else is too big is marked here, after
// affinity (mangle), and answered by a route with that MTU.
//
// Whether a packet concerns us at all is asked first, and whose it is second: nearly every packet opens no connection and
// is not too big, and two comparisons tell so where four look-ups of addresses would have to.
//
// Large TCP packets are not marked: what the receive path has merged is larger than any link, and each part fits.
// An IPv4 packet that may be fragmented has nobody here to do so: it gets Don't Fragment, or it would have no answer.
import { MTU_KEY, type ServiceMtu } from './fib.ts';
import { asArray, asObject } from './nft-json.ts';
import { renderTableRemoval, type TableReadBack, type WholeTable } from './nft-table.ts';

/** Our only table here; nothing in any other is ever touched. */
export const MTU_TABLE = 'cfnd_mtu';
const TABLE = `inet ${MTU_TABLE}`;

const MANGLE = -150;
/** IPv6 40, IPv4 20, TCP 20 (RFC 9293 3.7.1: without options). */
const HEADERS = { ipv6: 60, ipv4: 40 } as const;
const DONT_FRAGMENT = 0x4000;

/** `markMask`: bits of the packet mark that are ours; the others are kept. */
export function mtuTable(markMask: number): WholeTable<ServiceMtu> {
  return { key: MTU_KEY, family: 'inet', name: MTU_TABLE, render: (_, after) => render(after, markMask), read };
}

function render({ services, mtu, mark }: ServiceMtu, markMask: number): string[] {
  const ipv6 = services.filter((service) => service.includes(':'));
  const ipv4 = services.filter((service) => !service.includes(':'));
  const clamp = (family: keyof typeof HEADERS) =>
    `tcp option maxseg size set ${mtu - HEADERS[family]} counter name clamped`;
  const marked = `meta mark set meta mark & ${hex(~markMask)} | ${hex(mark)} counter name too_big`;
  const rules = [
    `clamp6 ${clamp('ipv6')}`,
    `clamp4 ${clamp('ipv4')}`,
    `fit6 ${marked}`,
    `fit4 ip frag-off set ip frag-off | ${DONT_FRAGMENT} ${marked}`,
    ...toAndFrom('opening', 'clamp'),
    ...toAndFrom('large', 'fit'),
    'arriving tcp flags syn goto opening',
    `arriving meta l4proto != tcp meta length > ${mtu} goto large`,
    'leaving tcp flags syn goto opening',
  ];
  return [
    ...renderTableRemoval({ family: 'inet', name: MTU_TABLE }),
    `add table ${TABLE}`,
    `add counter ${TABLE} clamped`,
    `add counter ${TABLE} too_big`,
    `add set ${TABLE} services6 { type ipv6_addr; }`,
    `add set ${TABLE} services4 { type ipv4_addr; }`,
    ...(ipv6.length > 0 ? [`add element ${TABLE} services6 { ${ipv6.join(', ')} }`] : []),
    ...(ipv4.length > 0 ? [`add element ${TABLE} services4 { ${ipv4.join(', ')} }`] : []),
    ...['clamp6', 'clamp4', 'fit6', 'fit4', 'opening', 'large'].map((chain) => `add chain ${TABLE} ${chain}`),
    // What is to be encapsulated never reaches forward as it came; what was is itself again only there.
    `add chain ${TABLE} arriving { type filter hook prerouting priority ${MANGLE + 1}; policy accept; }`,
    `add chain ${TABLE} leaving { type filter hook forward priority ${MANGLE}; policy accept; }`,
    ...rules.map((rule) => `add rule ${TABLE} ${rule}`),
  ];
}

/** The ingress sees requests as they came, the egress replies. */
function toAndFrom(chain: string, verdict: string): string[] {
  return ['daddr', 'saddr'].flatMap((end) => [
    `${chain} ip6 ${end} @services6 goto ${verdict}6`,
    `${chain} ip ${end} @services4 goto ${verdict}4`,
  ]);
}

function read({ sets, rules }: TableReadBack): ServiceMtu | undefined {
  const statementsOf = (chain: string) => (rules.get(chain) ?? []).flat().map(asObject);
  const services = [...(sets.get('services6') ?? []), ...(sets.get('services4') ?? [])];
  let mtu: number | undefined;
  let mark: number | undefined;
  for (const statement of statementsOf('arriving')) {
    const match = asObject(statement?.match);
    if (match?.op === '>') mtu = Number(match.right);
  }
  for (const statement of statementsOf('fit6')) {
    const mangle = asObject(statement?.mangle);
    const value = mangle && markOf(mangle.value);
    if (value !== undefined) mark = value;
  }
  if (services.length === 0 || mtu === undefined || mark === undefined) return undefined;
  return { kind: 'mtu', services, mtu, mark };
}

/** Set plainly, or under a mask, which nft shows in several ways. */
function markOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  const operands = asArray(asObject(value)?.['|'] ?? asObject(value)?.['^']);
  return typeof operands[1] === 'number' ? operands[1] : undefined;
}

function hex(value: number): string {
  return `0x${(value >>> 0).toString(16)}`;
}
