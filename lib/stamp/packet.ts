// STAMP test packets, unauthenticated mode (RFC 8762 section 4, SSID of RFC 8972 section 3). Knows the octets; when to
// send, whom to answer and what a round trip means are known elsewhere.
//
//   Session-Sender, 44 octets              Session-Reflector, 44 octets
//    0 | Sequence Number (4)                0 | Sequence Number (4)
//    4 | Timestamp T1 (8)                   4 | Timestamp T3 (8)
//   12 | Error Estimate (2) | SSID (2)     12 | Error Estimate (2) | SSID (2)
//   16 | MBZ (28)                          16 | Receive Timestamp T2 (8)
//                                          24 | Session-Sender Sequence Number (4)
//                                          28 | Session-Sender Timestamp T1 (8)
//                                          36 | Session-Sender Error Estimate (2) | MBZ (2)
//                                          40 | Session-Sender TTL (1) | MBZ (3)
import { CodedError } from '../errors.ts';
import {
  decodeErrorEstimate,
  type ErrorEstimate,
  encodeErrorEstimate,
  PTP,
  readTimestamp,
  writeNtp,
} from './timestamp.ts';
import { markReflectedTlvs } from './tlv.ts';

export const STAMP_BYTES = 44;
/** A TWAMP-Light sender's packet without padding (RFC 5357 4.1.2): sequence, timestamp, error estimate. */
export const TWAMP_LIGHT_BYTES = 14;

export interface SenderPacket {
  /** Unsigned 32-bit, wraps. */
  readonly sequence: number;
  /** T1, µs since 1970. */
  readonly sentUs: number;
  readonly error: ErrorEstimate;
  /** Unsigned 16-bit; 0: unused. */
  readonly ssid: number;
}

export interface ReflectorPacket {
  readonly sequence: number;
  readonly ssid: number;
  readonly error: ErrorEstimate;
  /** T1 as echoed, T2, T3; µs since 1970, T2 and T3 by the reflector's clock. */
  readonly sentUs: number;
  readonly receivedUs: number;
  readonly reflectedUs: number;
  readonly senderSequence: number;
  /** Hop limit with which the test packet arrived; 255 also when the reflector cannot know. */
  readonly senderTtl: number;
}

/** Encodes 44 octets in NTP format, whatever `error.ptp` says it was read from; `into` is all zero or an earlier packet. */
export function encodeSenderPacket(packet: SenderPacket, into: Uint8Array = new Uint8Array(STAMP_BYTES)): Uint8Array {
  const view = viewOf(into);
  view.setUint32(0, packet.sequence);
  writeNtp(view, 4, packet.sentUs);
  view.setUint16(12, encodeErrorEstimate(packet.error) & ~PTP);
  view.setUint16(14, packet.ssid);
  return into;
}

/** Decodes a test packet of STAMP or, from 14 octets on, of TWAMP-Light; throws `CodedError` `bad-stamp-packet`. */
export function decodeSenderPacket(bytes: Uint8Array): SenderPacket {
  need(bytes, TWAMP_LIGHT_BYTES);
  const view = viewOf(bytes);
  const error = decodeErrorEstimate(view.getUint16(12));
  return {
    sequence: view.getUint32(0),
    sentUs: readTimestamp(view, 4, error.ptp),
    error,
    ssid: bytes.length >= 16 ? view.getUint16(14) : 0,
  };
}

/** Decodes a reflected packet, TLVs skipped; throws `CodedError` `bad-stamp-packet` below 44 octets. */
export function decodeReflectorPacket(bytes: Uint8Array): ReflectorPacket {
  need(bytes, STAMP_BYTES);
  const view = viewOf(bytes);
  const error = decodeErrorEstimate(view.getUint16(12));
  return {
    sequence: view.getUint32(0),
    ssid: view.getUint16(14),
    error,
    sentUs: readTimestamp(view, 28, (view.getUint16(36) & PTP) !== 0),
    receivedUs: readTimestamp(view, 16, error.ptp),
    reflectedUs: readTimestamp(view, 4, error.ptp),
    senderSequence: view.getUint32(24),
    senderTtl: bytes[40]!,
  };
}

export interface Reflection {
  /** T2 and T3 by our clock, µs since 1970. */
  readonly receivedUs: number;
  readonly reflectedUs: number;
  readonly error: ErrorEstimate;
  readonly senderTtl: number;
}

/**
 * Answers a test packet without keeping state: the sender's own fields go back bit for bit (RFC 8762 4.3), so their
 * format never matters. The answer is as long as the request, yet never shorter than a base packet (section 5, TWAMP-
 * Light). Throws `CodedError` `bad-stamp-packet` below 14 octets.
 */
export function reflectPacket(request: Uint8Array, reflection: Reflection): Uint8Array {
  need(request, TWAMP_LIGHT_BYTES);
  const reply = new Uint8Array(Math.max(STAMP_BYTES, request.length));
  reply.set(request);
  turnAround(reply, reflection);
  return reply;
}

/** As `reflectPacket`; a request of full length becomes the answer. */
export function reflectInPlace(request: Uint8Array, reflection: Reflection): Uint8Array {
  if (request.length < STAMP_BYTES) return reflectPacket(request, reflection);
  turnAround(request, reflection);
  return request;
}

/** Sequence number and SSID stay where they are; a TWAMP-Light packet has padding in the SSID's place or nothing. */
function turnAround(packet: Uint8Array, reflection: Reflection): void {
  const view = viewOf(packet);
  packet.copyWithin(24, 0, TWAMP_LIGHT_BYTES);
  writeNtp(view, 4, reflection.reflectedUs);
  view.setUint16(12, encodeErrorEstimate(reflection.error) & ~PTP);
  writeNtp(view, 16, reflection.receivedUs);
  view.setUint16(38, 0);
  view.setUint32(40, reflection.senderTtl << 24);
  if (packet.length > STAMP_BYTES) markReflectedTlvs(packet.subarray(STAMP_BYTES));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function need(bytes: Uint8Array, length: number): void {
  if (bytes.length < length) {
    throw new CodedError('bad-stamp-packet', `a test packet needs ${length} octets, has ${bytes.length}`, {
      length: bytes.length,
    });
  }
}
