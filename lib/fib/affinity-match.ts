// A classifier's conditions as nft writes them, and back from nft's JSON. Both directions stand in one file, so that
// what is rendered is what is read.

import { DSCP, type TrafficMatch } from '../model/traffic-match.ts';
import { addressFamily, canonicalPrefix, parsePrefix } from '../net/address.ts';
import { asObject, type Json } from './nft-json.ts';

/** Conditions in front of a verdict, each followed by a space; empty for a match of everything. */
export function renderMatch(service: string, match: TrafficMatch): string {
  const ip = addressFamily(service) === 'ipv6' ? 'ip6' : 'ip';
  const { dscp, source, protocol, ports, flowLabel } = match;
  const words: string[] = [];
  if (dscp !== undefined) words.push(`${ip} dscp ${dscp}`);
  if (source !== undefined) words.push(`${ip} saddr ${source}`);
  if (protocol !== undefined) words.push(`meta l4proto ${protocol}`);
  if (ports !== undefined) words.push(`th dport ${ports.from === ports.to ? ports.from : `${ports.from}-${ports.to}`}`);
  if (flowLabel !== undefined) words.push(`ip6 flowlabel ${flowLabel}`);
  return words.map((word) => `${word} `).join('');
}

/** The conditions among a rule's expressions; undefined when one of them is none of ours. */
export function readMatch(expressions: readonly unknown[]): TrafficMatch | undefined {
  let match: TrafficMatch = {};
  for (const expression of expressions) {
    const found = asObject(asObject(expression)?.match);
    if (!found) continue;
    const read = found.op === '==' ? readCondition(asObject(found.left), found.right) : undefined;
    if (read === undefined) return undefined;
    match = { ...match, ...read };
  }
  return match;
}

function readCondition(left: Json | undefined, right: unknown): TrafficMatch | undefined {
  if (asObject(left?.meta)?.key === 'l4proto') return readProtocol(right);
  const payload = asObject(left?.payload);
  const { protocol, field } = payload ?? {};
  if (field === 'dport') {
    // nft joins `meta l4proto udp th dport 53` into `udp dport 53`.
    const ports = readPorts(right);
    return ports && { ports, ...(protocol === 'th' ? {} : readProtocol(protocol)) };
  }
  if (protocol !== 'ip' && protocol !== 'ip6') return undefined;
  if (field === 'saddr') return readSource(right);
  const value = typeof right === 'string' ? DSCP[right] : right;
  if (typeof value !== 'number') return undefined;
  if (field === 'dscp') return { dscp: value };
  return field === 'flowlabel' ? { flowLabel: value } : undefined;
}

function readProtocol(value: unknown): TrafficMatch | undefined {
  return value === 'tcp' || value === 'udp' ? { protocol: value } : undefined;
}

function readPorts(value: unknown): TrafficMatch['ports'] | undefined {
  if (typeof value === 'number') return { from: value, to: value };
  const range = asObject(value)?.range;
  if (!Array.isArray(range) || typeof range[0] !== 'number' || typeof range[1] !== 'number') return undefined;
  return { from: range[0], to: range[1] };
}

function readSource(value: unknown): TrafficMatch | undefined {
  const prefix = asObject(asObject(value)?.prefix);
  const text = prefix ? `${prefix.addr}/${prefix.len}` : `${value}/${String(value).includes(':') ? 128 : 32}`;
  try {
    return { source: canonicalPrefix(text) };
  } catch {
    return undefined;
  }
}

/** What no packet to `service` can meet; undefined: it is well formed. */
export function matchFault(service: string, match: TrafficMatch): string | undefined {
  const { dscp, source, ports, flowLabel } = match;
  if (dscp !== undefined && !isWithin(dscp, 0, 63)) return 'a dscp is not in 0..63';
  if (ports && !(isWithin(ports.from, 1, 65535) && isWithin(ports.to, ports.from, 65535))) return 'ports are no range';
  if (flowLabel !== undefined && !isWithin(flowLabel, 0, 0xfffff)) return 'a flow label is not in 0..0xfffff';
  const family = addressFamily(service);
  if (flowLabel !== undefined && family === 'ipv4') return 'IPv4 has no flow label';
  if (source === undefined) return undefined;
  if (canonicalPrefix(source) !== source) return 'a source prefix is not canonical';
  return addressFamily(parsePrefix(source).address) === family ? undefined : 'a source is of another address family';
}

function isWithin(value: number, low: number, high: number): boolean {
  return Number.isInteger(value) && value >= low && value <= high;
}
