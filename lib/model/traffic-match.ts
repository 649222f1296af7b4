// What a traffic classifier (C-TC, RFC 10053) looks at in a packet to a service. Conditions that are absent match
// everything. Only the shape, its words and its text; who applies it is the forwarding plane's concern.

export interface TrafficMatch {
  /** Differentiated services code point, 0..63. */
  readonly dscp?: number;
  /** Canonical prefix of the source, of the service's family. */
  readonly source?: string;
  readonly protocol?: 'tcp' | 'udp';
  /** Destination ports, both inclusive. */
  readonly ports?: { readonly from: number; readonly to: number };
  /** IPv6 flow label, 0..0xfffff (RFC 6437). */
  readonly flowLabel?: number;
}

/** Names of code points as tc, nft and routers write them (RFC 2474, 2597, 3246, 5865, 8622). */
export const DSCP: Readonly<Record<string, number>> = {
  cs0: 0,
  lephb: 1,
  cs1: 8,
  af11: 10,
  af12: 12,
  af13: 14,
  cs2: 16,
  af21: 18,
  af22: 20,
  af23: 22,
  cs3: 24,
  af31: 26,
  af32: 28,
  af33: 30,
  cs4: 32,
  af41: 34,
  af42: 36,
  af43: 38,
  cs5: 40,
  va: 44,
  ef: 46,
  cs6: 48,
  cs7: 56,
};

/** `dscp ef source 2001:db8::/32 protocol tcp ports 80-99 flow-label 0x12345`; `any` for a match of everything. */
export function matchText({ dscp, source, protocol, ports, flowLabel }: TrafficMatch): string {
  const words: string[] = [];
  if (dscp !== undefined) words.push(`dscp ${Object.keys(DSCP).find((name) => DSCP[name] === dscp) ?? dscp}`);
  if (source !== undefined) words.push(`source ${source}`);
  if (protocol !== undefined) words.push(`protocol ${protocol}`);
  if (ports !== undefined)
    words.push(ports.from === ports.to ? `port ${ports.from}` : `ports ${ports.from}-${ports.to}`);
  if (flowLabel !== undefined) words.push(`flow-label 0x${flowLabel.toString(16)}`);
  return words.length === 0 ? 'any' : words.join(' ');
}
