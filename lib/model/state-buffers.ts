// Room for rows of compute state (state-row.ts). It is most of what an UPDATE weighs: an array of its own for each message is
// memory outside the heap, which the collector counts and goes through the whole heap for. Short ones are cut one after the
// other out of a larger one; long ones may be given back by whoever knows that nobody looks at them any more.
const SLAB = 4096;
/** Longer ones are worth an array of their own, and would waste what is left of a slab. */
const LONGEST_CUT = SLAB / 16;
/** Arrays that wait for their next use, at most: a burst is not remembered for ever. */
const MOST_SPARE = 64;

let slab = new Float64Array(SLAB);
let used = 0;
/** By the power of two that is their length. */
const spare: Float64Array[][] = Array.from({ length: 32 }, () => []);
let spares = 0;

/** `length` zeros; nobody else has them. */
export function stateNumbers(length: number): Float64Array {
  if (length <= LONGEST_CUT) return cut(length);
  const size = 32 - Math.clz32(length - 1);
  const again = spare[size]!.pop();
  if (again === undefined) return new Float64Array(2 ** size).subarray(0, length);
  spares--;
  again.fill(0, 0, length);
  return again.subarray(0, length);
}

/** The numbers are nobody's now: the next who asks gets them. Only for what `stateNumbers` gave, and once. */
export function giveBack(numbers: Float64Array): void {
  if (numbers.length <= LONGEST_CUT || spares >= MOST_SPARE) return;
  const whole = new Float64Array(numbers.buffer as ArrayBuffer);
  const size = 31 - Math.clz32(whole.length);
  if (whole.length !== 2 ** size) return;
  spare[size]!.push(whole);
  spares++;
}

function cut(length: number): Float64Array {
  if (used + length > SLAB) {
    slab = new Float64Array(SLAB);
    used = 0;
  }
  used += length;
  return slab.subarray(used - length, used);
}
