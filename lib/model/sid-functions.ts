// The function numbers that every router keeps for itself in its locator; contact instances take others. Numbers need
// 16 bits, so a structure has at least that many function bits.

/** End: the default of `end-sid`. */
export const FUNCTION_END = 1;
/** End.DT6 of the main table. */
export const FUNCTION_DT6 = 0xd6;
/** End.DX4 to 0.0.0.0, which is End.DT4 of the main table. */
export const FUNCTION_DX4 = 0xd4;
/** End.X of the n-th configured link (n from 1) is this plus n; all numbers from here up are kept. */
export const FUNCTION_END_X = 0xe000;
/** Egress SIDs, where the configuration names none, are this plus a number that is the contact instance's own. */
export const FUNCTION_INSTANCE = 0xf000;
/** Fewest function bits that hold these numbers, and most that the arithmetic on them takes. */
export const FUNCTION_BITS_MIN = 16;
export const FUNCTION_BITS_MAX = 32;
