// Segment lists as the kernel wants them in a routing header (RFC 8754 section 2). Travel order stays outside; the
// reversal happens here only.
//
//    0                   1                   2                   3
//   +---------------+---------------+---------------+---------------+
//   | next header 0 | hdr ext len   | routing type 4| segments left |
//   +---------------+---------------+---------------+---------------+
//   |  last entry   |     flags     |              tag              |
//   +---------------+---------------+---------------+---------------+
//   | segment list[0] = last segment travelled (16) ... list[n] = first travelled (16) | TLVs
//   | HMAC TLV: type 5, length 38 | 0 (16) | key id (32) | HMAC (256), which the kernel computes
import { CodedError } from '../../errors.ts';
import type { Attributes } from '../reader.ts';
import type { Writer } from '../writer.ts';

const ROUTING_TYPE = 4;
/** The header length counts 8-byte units in 8 bits: 127 segments of 16 bytes. */
export const MAX_SEGMENTS = 127;

/** Of 16 bytes. */
const SEGMENT_WORDS = 4;

/** SR6_FLAG1_HMAC, SR6_TLV_HMAC. */
const FLAG_HMAC = 8;
const TLV_HMAC = 5;
const HMAC_OCTETS = 32;
const HMAC_TLV_OCTETS = 8 + HMAC_OCTETS;

export interface SrhOptions {
  readonly inline: boolean;
  /** Makes room for an HMAC under this key. */
  readonly hmacKeyId?: number | undefined;
}

/** Writes header and segments; the kernel answers a bad list with a bare EINVAL, so limits are checked here. */
export function writeSrh(writer: Writer, segments: readonly string[], { inline, hmacKeyId }: SrhOptions): void {
  // Inline insertion keeps slot 0 free: the kernel puts the packet's own destination there.
  const slots = segments.length + (inline ? 1 : 0);
  if (segments.length === 0 || slots > MAX_SEGMENTS)
    throw new CodedError('bad-segment-list', `a segment list has 1 to ${MAX_SEGMENTS} segments`, {
      segments: segments.length,
    });
  const tlvUnits = hmacKeyId === undefined ? 0 : HMAC_TLV_OCTETS / 8;
  if (slots * 2 + tlvUnits > 255)
    throw new CodedError('bad-segment-list', 'a segment list leaves no room for an HMAC', {
      segments: segments.length,
    });
  writer.quad(0, slots * 2 + tlvUnits, ROUTING_TYPE, slots - 1);
  writer.quad(slots - 1, hmacKeyId === undefined ? 0 : FLAG_HMAC, 0, 0);
  if (inline) writer.zeros(16);
  writeSegments(writer, segments);
  if (hmacKeyId === undefined) return;
  writer.quad(TLV_HMAC, HMAC_TLV_OCTETS - 2, 0, 0);
  writer.quad(hmacKeyId >>> 24, (hmacKeyId >>> 16) & 255, (hmacKeyId >>> 8) & 255, hmacKeyId & 255);
  writer.zeros(HMAC_OCTETS);
}

/**
 * The two lists written last, as they lie in a message: routes of a change share one, and a service that is steered
 * alternates between two. Known by identity, for nobody changes a list; room is never given back, so nothing is allocated.
 */
const RECENT = [0, 1].map(() => ({
  segments: [] as readonly string[],
  words: new Uint32Array(MAX_SEGMENTS * SEGMENT_WORDS),
}));
let older = 0;

function writeSegments(writer: Writer, segments: readonly string[]): void {
  const count = segments.length * SEGMENT_WORDS;
  for (const recent of RECENT)
    if (recent.segments === segments) {
      writer.words(recent.words, count);
      return;
    }
  for (let i = segments.length - 1; i >= 0; i--) writer.rawAddress(segments[i]!);
  const forgotten = RECENT[older]!;
  older = 1 - older;
  forgotten.segments = segments;
  writer.copyLastWords(forgotten.words, count);
}

/** The key of the HMAC that stands at the end of the SRH `at` bytes into the attribute; undefined: there is none. */
export function readHmacKeyId(attribute: Attributes, at: number): number | undefined {
  if ((attribute.byteAt(at + 5) & FLAG_HMAC) === 0) return undefined;
  const tlv = at + 8 * (attribute.byteAt(at + 1) + 1) - HMAC_TLV_OCTETS;
  if (tlv < at + 8 || attribute.byteAt(tlv) !== TLV_HMAC) return undefined;
  return [4, 5, 6, 7].reduce((id, octet) => id * 256 + attribute.byteAt(tlv + octet), 0);
}

/** Reads the SRH that starts `at` bytes into the attribute; segments in travel order. */
export function readSrh(attribute: Attributes, at: number, inline: boolean): string[] {
  const headerLength = attribute.byteAt(at + 1);
  const type = attribute.byteAt(at + 2);
  const slots = attribute.byteAt(at + 4) + 1;
  if (type !== ROUTING_TYPE || slots * 2 > headerLength)
    throw new CodedError('bad-segment-list', 'not a segment routing header', { type, headerLength, slots });
  const segments: string[] = [];
  for (let slot = slots - 1; slot >= (inline ? 1 : 0); slot--) segments.push(attribute.addressAt(at + 8 + slot * 16));
  return segments;
}
