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

const LOW = 0;
const HIGH = 1;

/** Adds items of 32-bit words one after the other; the order of items does not count, that of words does. */
export class DigestSum {
  #count = 0;
  // Typed arrays hold 32 bits as they are; fields would be objects above 2^31, and one is made a word.
  readonly #sum = new Uint32Array(2);
  readonly #item = Uint32Array.of(LOW_SEED, HIGH_SEED);

  /** Appends a word to the item at hand. */
  word(value: number): this {
    const item = this.#item;
    item[LOW] = mixed(item[LOW]!, value);
    item[HIGH] = mixed(item[HIGH]!, value);
    return this;
  }

  words(values: Uint32Array, at: number, count: number): this {
    for (let i = 0; i < count; i++) this.word(values[at + i]!);
    return this;
  }

  /** Ends the item and counts it. */
  add(): void {
    const sum = this.#sum;
    const item = this.#item;
    this.#count++;
    sum[LOW]! += item[LOW]!;
    sum[HIGH]! += item[HIGH]!;
    item[LOW] = LOW_SEED;
    item[HIGH] = HIGH_SEED;
  }

  get value(): Digest {
    return { count: this.#count, low: this.#sum[LOW]!, high: this.#sum[HIGH]! };
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
