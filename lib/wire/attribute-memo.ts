// Remembers attribute sets by their bytes: a sender repeats its sets in every UPDATE, and equal bytes are then the same
// object, which the table knows without looking inside. A fixed table; what it holds changes only how soon a set comes.
import type { ServiceAttributes } from '../model/service-route.ts';

const SLOTS = 1024;
/** Longer sets are rare, and not worth the memory. */
const MAX_BYTES = 512;

interface Known {
  readonly bytes: Uint8Array;
  readonly set: ServiceAttributes;
}

const known: (Known | undefined)[] = new Array<Known | undefined>(SLOTS).fill(undefined);

/** FNV-1a. */
function slotOf(buf: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5;
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ buf[i]!, 0x01000193);
  return (hash ^ (hash >>> 15)) & (SLOTS - 1);
}

/** The set that bytes `from`..`to - 1` were read as lately. */
export function recentSet(buf: Uint8Array, from: number, to: number): ServiceAttributes | undefined {
  const length = to - from;
  if (length > MAX_BYTES) return undefined;
  const entry = known[slotOf(buf, from, to)];
  if (entry === undefined || entry.bytes.length !== length) return undefined;
  for (let i = 0; i < length; i++) if (entry.bytes[i] !== buf[from + i]) return undefined;
  return entry.set;
}

/** Only what was read without a fault. */
export function rememberSet(buf: Uint8Array, from: number, to: number, set: ServiceAttributes): void {
  if (to - from <= MAX_BYTES) known[slotOf(buf, from, to)] = { bytes: buf.slice(from, to), set };
}
