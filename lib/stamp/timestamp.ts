// The 64-bit timestamps and the error estimate of STAMP (RFC 8762 4.2.1, RFC 5905 section 6, RFC 8877). Inside, a time
// is a number of microseconds since 1970: exact to 0.25 µs until 2042, and a difference of two of one clock needs no more.
//
//   NTP:   | seconds since 1900-01-01, modulo 2^32 | fraction, 2^-32 s |
//   PTPv2: | seconds, modulo 2^32                  | nanoseconds       |
//   Error estimate: | S | Z | Scale (6) | Multiplier (8) |   error = Multiplier * 2^(Scale - 32) s

/** Seconds from 1900 to 1970. */
const NTP_UNIX_OFFSET = 2_208_988_800;
const ERA_SECONDS = 2 ** 32;

/** Z as it stands in an error estimate. */
export const PTP = 0x4000;

export interface ErrorEstimate {
  /** S: the clock is synchronised to UTC; one-way differences mean something only when both ends say so. */
  readonly synchronised: boolean;
  /** Z: PTPv2 instead of NTP format. */
  readonly ptp: boolean;
  /** 0..63. */
  readonly scale: number;
  /** 1..255. */
  readonly multiplier: number;
}

/** User-space timestamps of a clock nobody vouches for: 2^-10 s, about 1 ms. */
export const USER_SPACE_ERROR: ErrorEstimate = { synchronised: false, ptp: false, scale: 22, multiplier: 1 };

export function encodeErrorEstimate(estimate: ErrorEstimate): number {
  return (
    (estimate.synchronised ? 0x8000 : 0) |
    (estimate.ptp ? PTP : 0) |
    ((estimate.scale & 63) << 8) |
    (estimate.multiplier & 255)
  );
}

/** Total: a multiplier of 0 is forbidden on the wire, yet only says that the sender knows no error. */
export function decodeErrorEstimate(value: number): ErrorEstimate {
  return {
    synchronised: (value & 0x8000) !== 0,
    ptp: (value & PTP) !== 0,
    scale: (value >>> 8) & 63,
    multiplier: value & 255,
  };
}

/** Writes 8 octets in NTP format at `offset`; `unixUs` is microseconds since 1970. */
export function writeNtp(view: DataView, offset: number, unixUs: number): void {
  const seconds = Math.floor(unixUs / 1e6);
  // Truncated, as NTP implementations do; the rest is below 0.25 ns.
  const fraction = Math.floor(((unixUs - seconds * 1e6) * 2 ** 32) / 1e6);
  view.setUint32(offset, (seconds + NTP_UNIX_OFFSET) % ERA_SECONDS);
  view.setUint32(offset + 4, fraction);
}

/** Reads 8 octets in the format that the error estimate of the same packet names. */
export function readTimestamp(view: DataView, offset: number, ptp: boolean): number {
  const high = view.getUint32(offset);
  const low = view.getUint32(offset + 4);
  if (ptp) return high * 1e6 + low / 1e3;
  // RFC 4330 section 3: a clear top bit is the era that begins in 2036.
  const seconds = high < 2 ** 31 ? high + ERA_SECONDS : high;
  return (seconds - NTP_UNIX_OFFSET) * 1e6 + (low * 1e6) / 2 ** 32;
}
