// Whether prefix text is canonical, told without parsing it into anything: a forwarding plane asks that of each of a hundred
// thousand routes. Only an accelerator of `canonicalPrefix`: a no here is a question for the general parser.

const COLON = 58;
const SLASH = 47;
const GROUPS = 8;
const GROUP_BITS = 16;

/** True only for IPv6 prefixes that are canonical (RFC 5952 section 4, host bits clear). False says nothing. */
export function isPlainCanonicalPrefix(text: string): boolean {
  let groups = 0;
  let gapAt = -1;
  let zeroRun = 0;
  let longestRun = 0;
  /** Position after the last bit that is set, as written: groups behind a gap are moved by it. */
  let usedBits = 0;
  let usedGroup = -1;
  let i = 0;
  let c = text.charCodeAt(0);
  if (c === COLON) {
    if (text.charCodeAt(1) !== COLON) return false;
    gapAt = 0;
    i = 2;
    c = text.charCodeAt(2);
  }
  while (c !== SLASH) {
    const start = i;
    let value = 0;
    for (;;) {
      const digit = c >= 48 && c <= 57 ? c - 48 : c >= 97 && c <= 102 ? c - 87 : -1;
      if (digit < 0) break;
      value = value * 16 + digit;
      c = text.charCodeAt(++i);
    }
    const digits = i - start;
    // No digits, too many, or a zero in front.
    if (digits === 0 || digits > 4 || (digits > 1 && text.charCodeAt(start) === 48) || ++groups > GROUPS) return false;
    // A zero beside the gap belongs into it.
    if (value === 0 && groups - 1 === gapAt) return false;
    if (value === 0) longestRun = Math.max(longestRun, ++zeroRun);
    else {
      zeroRun = 0;
      usedGroup = groups - 1;
      usedBits = GROUP_BITS - (31 - Math.clz32(value & -value));
    }
    if (c === SLASH) break;
    if (c !== COLON) return false;
    c = text.charCodeAt(++i);
    if (c === COLON) {
      if (gapAt >= 0 || zeroRun > 0) return false;
      gapAt = groups;
      c = text.charCodeAt(++i);
    } else if (c === SLASH) return false;
  }
  const gap = GROUPS - groups;
  // The gap stands for two groups or more, and for more than any run that is written out.
  if (gapAt < 0 ? gap !== 0 || longestRun > 1 : gap < 2 || longestRun >= gap) return false;
  const length = lengthAt(text, i + 1);
  if (length < 0) return false;
  if (usedGroup < 0) return true;
  const group = gapAt >= 0 && usedGroup >= gapAt ? usedGroup + gap : usedGroup;
  return group * GROUP_BITS + usedBits <= length;
}

/** 0..128 without zeros in front, to the end of the text; -1 for all else. */
function lengthAt(text: string, from: number): number {
  let length = 0;
  for (let i = from; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9 || (length === 0 && i > from)) return -1;
    length = length * 10 + digit;
  }
  return from < text.length && length <= 128 ? length : -1;
}
