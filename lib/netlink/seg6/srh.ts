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
import { CodedError } from '../../errors.ts';
import type { Attributes } from '../reader.ts';
import type { Writer } from '../writer.ts';

const ROUTING_TYPE = 4;
/** The header length counts 8-byte units in 8 bits: 127 segments of 16 bytes. */
export const MAX_SEGMENTS = 127;

/** Writes header and segments; the kernel answers a bad list with a bare EINVAL, so limits are checked here. */
export function writeSrh(writer: Writer, segments: readonly string[], inline: boolean): void {
  // Inline insertion keeps slot 0 free: the kernel puts the packet's own destination there.
  const slots = segments.length + (inline ? 1 : 0);
  if (segments.length === 0 || slots > MAX_SEGMENTS)
    throw new CodedError('bad-segment-list', `a segment list has 1 to ${MAX_SEGMENTS} segments`, {
      segments: segments.length,
    });
  writer.quad(0, slots * 2, ROUTING_TYPE, slots - 1);
  writer.quad(slots - 1, 0, 0, 0);
  if (inline) writer.zeros(16);
  for (let i = segments.length - 1; i >= 0; i--) writer.rawAddress(segments[i]!);
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
