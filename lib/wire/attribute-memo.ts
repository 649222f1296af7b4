// Remembers attribute sets by their bytes: a sender repeats its sets in every UPDATE, and equal bytes are then the same
// object, which the table knows without looking inside. A fixed table; what it holds changes only how soon a set comes.
import type { ServiceAttributes } from '../model/service-route.ts';

const SLOTS = 1024;
/** Longer sets are rare, and not worth the memory. */
const MAX_BYTES = 512;

interface Known {
  readonly bytes: DataView;
  readonly set: ServiceAttributes;
}

const known: (Known | undefined)[] = new Array<Known | undefined>(SLOTS).fill(undefined);

/** Found last: a peer that says a route a message says its set each time. */
let last: Known | undefined;

/** Four bytes at a time: of a message that holds one route, looking for its set was a tenth of all work. */
function slotOf(view: DataView, from: number, to: number): number {
  let hash = 0x811c9dc5;
  let at = from;
  for (; at + 4 <= to; at += 4) {
    hash = Math.imul(hash ^ view.getUint32(at, true), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  for (; at < to; at++) hash = Math.imul(hash ^ view.getUint8(at), 0x01000193);
  return (hash ^ (hash >>> 15)) & (SLOTS - 1);
}

/** The set that bytes `from`..`to - 1` were read as lately. */
export function recentSet(view: DataView, from: number, to: number): ServiceAttributes | undefined {
  if (to - from > MAX_BYTES) return undefined;
  if (last !== undefined && isAt(last.bytes, view, from, to)) return last.set;
  const entry = known[slotOf(view, from, to)];
  if (entry === undefined || !isAt(entry.bytes, view, from, to)) return undefined;
  last = entry;
  return entry.set;
}

function isAt(bytes: DataView, view: DataView, from: number, to: number): boolean {
  const length = to - from;
  if (bytes.byteLength !== length) return false;
  let i = 0;
  for (; i + 4 <= length; i += 4) if (bytes.getUint32(i) !== view.getUint32(from + i)) return false;
  for (; i < length; i++) if (bytes.getUint8(i) !== view.getUint8(from + i)) return false;
  return true;
}

/** Only what was read without a fault. */
export function rememberSet(view: DataView, from: number, to: number, set: ServiceAttributes): void {
  if (to - from > MAX_BYTES) return;
  const bytes = new Uint8Array(view.buffer, view.byteOffset + from, to - from).slice();
  known[slotOf(view, from, to)] = { bytes: new DataView(bytes.buffer), set };
}
