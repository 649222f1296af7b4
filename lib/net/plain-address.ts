// Plain address text to bytes without an object or a number of more than 16 bits: what every key, column and kernel
// message is made of. Only an accelerator of address.ts: whatever is not plain canonical text (embedded IPv4, zones, leading
// zeros, nonsense) is left to the general parser there, which also owns the errors.

const COLON = 58;
const DOT = 46;

const NO_DIGIT = 255;
/** Value of a hex digit by its character code. */
const HEX = new Uint8Array(128).fill(NO_DIGIT);
for (const digits of ['0123456789abcdef', '0123456789ABCDEF'])
  for (let value = 0; value < 16; value++) HEX[digits.charCodeAt(value)] = value;

/**
 * Hex groups and at most one "::" in the first `end` characters; 0 for all else (embedded IPv4, zones, nonsense). Reads
 * each character once: that is most of the cost.
 */
export function writeIpv6(text: string, end: number, out: Uint8Array, at: number): number {
  const limit = at + 16;
  let position = at;
  let gap = -1;
  let i = 0;
  let c = text.charCodeAt(0);
  if (c === COLON) {
    if (text.charCodeAt(1) !== COLON) return 0;
    gap = at;
    i = 2;
    c = text.charCodeAt(2);
  }
  while (i < end) {
    // One to four digits. Characters beyond the table give undefined, which is no digit either.
    let group = HEX[c]!;
    if (!(group < 16) || position === limit) return 0;
    for (let digits = 1; ; digits++) {
      c = ++i < end ? text.charCodeAt(i) : 0;
      const digit = HEX[c]!;
      if (!(digit < 16)) break;
      if (digits === 4) return 0;
      group = (group << 4) | digit;
    }
    out[position] = group >> 8;
    out[position + 1] = group;
    position += 2;
    if (i >= end) break;
    if (c !== COLON || ++i === end) return 0;
    c = text.charCodeAt(i);
    if (c === COLON) {
      if (gap >= 0) return 0;
      gap = position;
      c = text.charCodeAt(++i);
    }
  }
  if (gap < 0) return position === limit ? 16 : 0;
  if (position === limit) return 0;
  // Moves what stands behind the gap to the end.
  let to = limit;
  while (position > gap) out[--to] = out[--position]!;
  while (to > gap) out[--to] = 0;
  return 16;
}

/** Four decimal octets in the first `end` characters; returns 4, or 0 for all else. */
export function writeIpv4(text: string, end: number, out: Uint8Array, at: number): number {
  let position = at;
  let value = 0;
  let digits = 0;
  for (let i = 0; i <= end; i++) {
    const c = i < end ? text.charCodeAt(i) : DOT;
    if (c === DOT) {
      if (digits === 0 || value > 255 || position === at + 4) return 0;
      out[position++] = value;
      value = digits = 0;
      continue;
    }
    // A leading zero is octal to some and decimal to others: the general parser decides.
    if (c < 48 || c > 57 || ++digits > 3 || (digits === 2 && value === 0)) return 0;
    value = value * 10 + c - 48;
  }
  return position - at === 4 ? 4 : 0;
}
