// Bit fields of 128-bit addresses, bit 0 the most significant, as RFC 9800 numbers them. Only arithmetic: what a field
// means is known elsewhere.

/** Reads `length` (0..32) bits from bit `offset` as an unsigned number. */
export function readBits(bytes: Uint8Array, offset: number, length: number): number {
  let value = 0;
  for (let bit = offset, end = offset + length; bit < end; ) {
    const take = Math.min(8 - (bit & 7), end - bit);
    const part = (bytes[bit >> 3]! >> (8 - (bit & 7) - take)) & ((1 << take) - 1);
    // Not a shift: 32 bits would become a negative number.
    value = value * (1 << take) + part;
    bit += take;
  }
  return value;
}

/** Writes the low `length` (0..32) bits of `value` from bit `offset`; the bits around stay. */
export function writeBits(bytes: Uint8Array, offset: number, length: number, value: number): void {
  let rest = value;
  for (let end = offset + length; end > offset; ) {
    const at = (end - 1) >> 3;
    const below = (8 - (end & 7)) & 7;
    const take = Math.min(8 - below, end - offset);
    const mask = ((1 << take) - 1) << below;
    bytes[at] = (bytes[at]! & ~mask) | ((rest << below) & mask);
    rest = Math.floor(rest / (1 << take));
    end -= take;
  }
}

/** True when every bit from `offset` to the end of the address is zero. */
export function isZeroFrom(bytes: Uint8Array, offset: number): boolean {
  const first = offset >> 3;
  if (first >= bytes.length) return true;
  if ((bytes[first]! & (0xff >> (offset & 7))) !== 0) return false;
  for (let at = first + 1; at < bytes.length; at++) if (bytes[at] !== 0) return false;
  return true;
}

/** Copies `length` bits between two addresses. */
export function copyBits(from: Uint8Array, fromBit: number, to: Uint8Array, toBit: number, length: number): void {
  for (let done = 0; done < length; done += 32) {
    const take = Math.min(32, length - done);
    writeBits(to, toBit + done, take, readBits(from, fromBit + done, take));
  }
}
