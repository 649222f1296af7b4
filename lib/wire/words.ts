// Room for columns of 32-bit numbers, and for frames. An array of its own for each column of a short message is most of what
// reading one costs; short ones are cut one after the other out of a larger one, as rows of state are (model/state-buffers.ts).
const SLAB = 16_384;
/** Longer ones are worth an array of their own, and would waste what is left of a slab. */
const LONGEST_CUT = SLAB / 16;

let slab = new ArrayBuffer(SLAB * 4);
let used = 0;

/** `length` zeros; nobody else has them. */
export function uint32s(length: number): Uint32Array {
  if (length > LONGEST_CUT) return new Uint32Array(length);
  const from = claim(length);
  return new Uint32Array(slab, from, length);
}

export function int32s(length: number): Int32Array {
  if (length > LONGEST_CUT) return new Int32Array(length);
  const from = claim(length);
  return new Int32Array(slab, from, length);
}

/** The same of bytes. */
export function uint8s(length: number): Uint8Array {
  const words = (length + 3) >>> 2;
  if (words > LONGEST_CUT) return new Uint8Array(length);
  const from = claim(words);
  return new Uint8Array(slab, from, length);
}

/** Where they begin in `slab`, in bytes: in the one of after this call. */
function claim(length: number): number {
  if (used + length > SLAB) {
    slab = new ArrayBuffer(SLAB * 4);
    used = 0;
  }
  used += length;
  return (used - length) * 4;
}
