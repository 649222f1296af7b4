// Room for columns of 32-bit numbers, and for frames. An array of its own for each column of a short message is most of what
// reading one costs; short ones are cut one after the other out of a larger one, as rows of state are (model/state-buffers.ts).
const SLAB = 16_384;
/** Longer ones are worth an array of their own, and would waste what is left of a slab. */
const LONGEST_CUT = SLAB / 16;

let slab = new ArrayBuffer(SLAB * 4);
let used = 0;

/** `length` zeros; nobody else has them. */
export function uint32s(length: number): Uint32Array {
  return length > LONGEST_CUT ? new Uint32Array(length) : new Uint32Array(slab, claim(length), length);
}

export function int32s(length: number): Int32Array {
  return length > LONGEST_CUT ? new Int32Array(length) : new Int32Array(slab, claim(length), length);
}

/** The same of bytes. */
export function uint8s(length: number): Uint8Array {
  const words = (length + 3) >>> 2;
  return words > LONGEST_CUT ? new Uint8Array(length) : new Uint8Array(slab, claim(words), length);
}

/** Where they begin in `slab`, in bytes. */
function claim(length: number): number {
  if (used + length > SLAB) {
    slab = new ArrayBuffer(SLAB * 4);
    used = 0;
  }
  used += length;
  return (used - length) * 4;
}
