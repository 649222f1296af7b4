// The sum of what one side has announced to the other (session.proto, Digest): equal sets have equal sums, in whatever order
// they were told. It finds what was lost, not who lies: hashes are quick, not strong.
import type { NodeAdvertisement } from '../model/link-state.ts';
import type { ServiceAttributes } from '../model/service-route.ts';

export interface Digest {
  readonly count: number;
  readonly low: number;
  readonly high: number;
}

const LOW_SEED = 0x811c9dc5;
const HIGH_SEED = 0x050c5d1f;

/** Adds items of 32-bit words one after the other; the order of items does not count, that of words does. */
export class DigestSum {
  #count = 0;
  #low = 0;
  #high = 0;
  #itemLow = LOW_SEED;
  #itemHigh = HIGH_SEED;

  /** Appends a word to the item at hand. */
  word(value: number): this {
    this.#itemLow = mixed(this.#itemLow, value);
    this.#itemHigh = mixed(this.#itemHigh, value);
    return this;
  }

  words(values: Uint32Array, at: number, count: number): this {
    for (let i = 0; i < count; i++) this.word(values[at + i]!);
    return this;
  }

  /** Ends the item and counts it. */
  add(): void {
    this.#count++;
    this.#low = (this.#low + this.#itemLow) >>> 0;
    this.#high = (this.#high + this.#itemHigh) >>> 0;
    this.#itemLow = LOW_SEED;
    this.#itemHigh = HIGH_SEED;
  }

  get value(): Digest {
    return { count: this.#count, low: this.#low, high: this.#high };
  }
}

export function sameDigest(a: Digest, b: Digest): boolean {
  return a.count === b.count && a.low === b.low && a.high === b.high;
}

export function digestOfNodes(nodes: Iterable<Pick<NodeAdvertisement, 'originator' | 'sequence'>>): Digest {
  const sum = new DigestSum();
  for (const { originator, sequence } of nodes) {
    sum
      .word(textHash(originator))
      .word(sequence % 0x1_0000_0000)
      .word(Math.floor(sequence / 0x1_0000_0000))
      .add();
  }
  return sum.value;
}

const hashes = new WeakMap<ServiceAttributes, number>();

/** Hash of an attribute set as it travels: whole numbers are rounded as the wire rounds them. */
export function attributesHash(set: ServiceAttributes): number {
  let hash = hashes.get(set);
  if (hash === undefined) hashes.set(set, (hash = textHash(attributesText(set))));
  return hash;
}

/** The fields in the order of their numbers in session.proto, but for `carbon`, which has no single text. */
function attributesText(set: ServiceAttributes): string {
  const { block, node, function: functionBits, argument } = set.sidStructure;
  return [
    set.egressSid,
    [block, node, functionBits, argument],
    set.behaviour,
    set.sitePath,
    set.clusterList,
    set.site,
    set.serviceName,
    set.instanceName,
    set.classes,
    set.capabilities,
    set.region,
    set.residency,
    Math.round(set.priceMicros),
    Math.round(set.energy),
    Math.round(set.securityLevel),
    Math.round(set.preference),
    set.drain ? 1 : 0,
    Math.round(set.validForMs),
    set.communities,
    set.onlyToDownstream,
  ]
    .map((field) => (Array.isArray(field) ? field.join(',') : String(field)))
    .join('|');
}

/** FNV-1a over UTF-16 code units, 32 bits. */
function textHash(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

function mixed(hash: number, word: number): number {
  const product = Math.imul(hash ^ word, 0x9e3779b1);
  return (product ^ (product >>> 15)) >>> 0;
}
