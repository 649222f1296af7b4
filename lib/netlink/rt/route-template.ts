// A route message of which many differ in their destination only, and in the nexthop object that they name: written once
// by the encoder proper, then copied with those few words replaced. A route costs the kernel 1.5 us; a copy takes 20 ns.
import { invariant } from '../../errors.ts';
import { isIpv4Prefix, prefixBits, SHAPE_WORD } from '../../net/prefix-words.ts';
import { HEADER_BYTES, type Verb } from '../constants.ts';
import type { Copies } from '../copies.ts';
import { Writer } from '../writer.ts';
import { encodeRoute, type RouteSpec } from './route.ts';

/** Of a message: the first of struct rtmsg, and the address in the destination attribute, which comes first. */
const RTMSG_WORD = HEADER_BYTES / 4;
const DESTINATION_WORD = RTMSG_WORD + 4;
/** rtm_dst_len. */
const LENGTH_BYTE = HEADER_BYTES + 1;

const SCRATCH = new Writer(1024);

export class RouteTemplate {
  readonly #words: Uint32Array;
  readonly #bytes: Uint8Array;
  readonly #isIpv4: boolean;
  /** As it was made. */
  readonly #model: Uint32Array;
  /** Of the last message. */
  #shape = -1;

  /** What all of them share, the family of a prefix of this shape included; throws what `encodeRoute` throws. */
  constructor(verb: Verb, spec: Omit<RouteSpec, 'prefix'>, shape: number) {
    const isIpv4 = isIpv4Prefix(shape);
    SCRATCH.reset();
    encodeRoute(SCRATCH, verb, { ...spec, prefix: isIpv4 ? '0.0.0.0/0' : '::/0' });
    this.#bytes = SCRATCH.bytes.slice(0, SCRATCH.length);
    this.#words = new Uint32Array(this.#bytes.buffer);
    this.#model = this.#words.slice();
    this.#isIpv4 = isIpv4;
  }

  /** Whether it serves prefixes of this shape. */
  fits(shape: number): boolean {
    return this.#isIpv4 === isIpv4Prefix(shape);
  }

  /** Appends the message of one destination, whose words begin at `at`. Host bits are the caller's to have cleared. */
  write(writer: Writer, words: Uint32Array, at: number, shape: number): void {
    const mine = this.#words;
    // Mostly they are of one length, and the word is read again at once: a byte that was just stored would be waited for.
    if (shape !== this.#shape) this.#bytes[LENGTH_BYTE] = prefixBits(shape);
    this.#shape = shape;
    mine[DESTINATION_WORD] = words[at]!;
    if (!this.#isIpv4) {
      mine[DESTINATION_WORD + 1] = words[at + 1]!;
      mine[DESTINATION_WORD + 2] = words[at + 2]!;
      mine[DESTINATION_WORD + 3] = words[at + 3]!;
    }
    writer.message(mine);
  }

  /**
   * Makes `count` messages in `copies`: the prefixes are in rows of `stride` words in `rows`, at the numbers in `at`. `ids`: the
   * nexthop objects, for a message that names one.
   */
  copy(copies: Copies, rows: Uint32Array, stride: number, at: Uint16Array, count: number, ids?: Uint32Array): void {
    copies.begin(this.#model);
    copies.prepare(count);
    const { words, length } = copies;
    let shape = -1;
    let header = 0;
    for (let i = 0, to = 0; i < count; i++, to += length) {
      const from = at[i]! * stride;
      if (rows[from + SHAPE_WORD] !== shape) {
        shape = rows[from + SHAPE_WORD]!;
        header = this.#headerOf(shape);
      }
      words[to + RTMSG_WORD] = header;
      words[to + DESTINATION_WORD] = rows[from]!;
      if (!this.#isIpv4) {
        words[to + DESTINATION_WORD + 1] = rows[from + 1]!;
        words[to + DESTINATION_WORD + 2] = rows[from + 2]!;
        words[to + DESTINATION_WORD + 3] = rows[from + 3]!;
      }
      if (ids) words[to + length - 1] = ids[i]!;
    }
  }

  /** First word of struct rtmsg of a prefix. */
  #headerOf(shape: number): number {
    this.#bytes[LENGTH_BYTE] = prefixBits(shape);
    this.#shape = shape;
    return this.#words[RTMSG_WORD]!;
  }

  /** The template itself, from now on to another nexthop object: its id is the last word of a message that names one. */
  named(nexthopId: number): this {
    invariant(this.#words.length > DESTINATION_WORD + 1, 'the message names a nexthop object');
    this.#words[this.#words.length - 1] = nexthopId;
    return this;
  }
}
