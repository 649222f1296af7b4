// Names inside our nftables table of REPLACE-CSID endpoints. They are derived and say what they stand for, so that a
// restarted daemon knows its SIDs again by reading names. Refuses to know rules.
import { addressToBytes, bytesToAddress, parsePrefix } from '../net/address.ts';
import type { ReplaceSid } from './fib.ts';

/** Our only table here; nothing in any other is ever touched. */
export const REPLACE_TABLE = 'cfnd_replace';
export const REPLACE_TABLE_SPEC = `ip6 ${REPLACE_TABLE}`;

/** Base chain at prerouting, with a rule for each layout: sends packets on to the chain of their SID. */
export const SIDS_CHAIN = 'sids';

/** Why packets were lost, counted over all SIDs; `lost_...` counts the same packets by SID. */
export const LOSS_COUNTERS = {
  /** Another routing header than an SRH, an SRH cut short, or Last Entry beyond what it has room for. */
  header: 'loss_header',
  /** Segments Left beyond Last Entry (RFC 9800 4.2.1 R02, R13). */
  segmentsLeft: 'loss_segments_left',
  /** A packed container that begins with C-SID 0. */
  zeroCsid: 'loss_zero_csid',
} as const;

/** What block and C-SID lengths make of the walk; SIDs of one layout share its chains. */
export interface ReplaceLayout {
  readonly blockBits: number;
  readonly csidBits: 16 | 32;
}

export function layoutOf({ prefix, csidBits }: Pick<ReplaceSid, 'prefix' | 'csidBits'>): ReplaceLayout {
  return { blockBits: parsePrefix(prefix).length - csidBits, csidBits };
}

/** `b48c32`, and what the names of the layout's chains begin with. */
export function layoutName({ blockBits, csidBits }: ReplaceLayout): string {
  return `b${blockBits}c${csidBits}`;
}

/** Block and C-SID → chain of the SID; SIDs of one layout share it. */
export function sidMap(layout: ReplaceLayout): string {
  return `${layoutName(layout)}_sids`;
}

/** What it is looked up by in that map: `0xfdbbcafe000000030001`, the octets of block and C-SID as one number. */
export function sidKey({ prefix }: Pick<ReplaceSid, 'prefix'>): string {
  const { address, length } = parsePrefix(prefix);
  const octets = [...addressToBytes(address).subarray(0, length / 8)];
  return `0x${octets.map((octet) => octet.toString(16).padStart(2, '0')).join('')}`;
}

/** `sid_b48c32_fdbb_cafe_0_3_1__`, End.X with its mark: `sid_b48c32_m1003_...`. */
export function sidChain(sid: ReplaceSid): string {
  const mark = sid.mark === undefined ? '' : `m${sid.mark}_`;
  return `sid_${layoutName(layoutOf(sid))}_${mark}${addressName(sid.prefix)}`;
}

/** Packets that reached the SID, and those of them that were dropped. */
export function sidCounterNames(sid: ReplaceSid): { readonly seen: string; readonly lost: string } {
  const name = `${layoutName(layoutOf(sid))}_${addressName(sid.prefix)}`;
  return { seen: `seen_${name}`, lost: `lost_${name}` };
}

/** Inverse of `sidChain`; undefined for other chains. */
export function sidOfChain(name: string): ReplaceSid | undefined {
  const match = /^sid_b(\d+)c(16|32)_(?:m(\d+)_)?([0-9a-f_]+)$/.exec(name);
  if (!match) return undefined;
  const [, blockBits, csidText, mark, address] = match;
  const csidBits = csidText === '16' ? 16 : 32;
  try {
    const canonical = bytesToAddress(addressToBytes(address!.replaceAll('_', ':')));
    return {
      kind: 'replace-csid',
      prefix: `${canonical}/${Number(blockBits) + csidBits}`,
      csidBits,
      ...(mark !== undefined && { mark: Number(mark) }),
    };
  } catch {
    return undefined;
  }
}

/** Canonical text stays readable, and no two addresses share it. */
function addressName(prefix: string): string {
  return prefix.slice(0, prefix.indexOf('/')).replaceAll(':', '_');
}
