// A route message of which many differ in their destination only, and in the nexthop object that they name: written once
// by the encoder proper, then copied with those few words replaced. A route costs the kernel 1.5 us; a copy takes 20 ns.
import { invariant } from '../../errors.ts';
import { isIpv4Prefix, prefixBits } from '../../net/prefix-words.ts';
import { HEADER_BYTES, type Verb } from '../constants.ts';
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
  /** Of the last message. */
  #shape = -1;

  /** What all of them share, the family of a prefix of this shape included; throws what `encodeRoute` throws. */
  constructor(verb: Verb, spec: Omit<RouteSpec, 'prefix'>, shape: number) {
    const isIpv4 = isIpv4Prefix(shape);
    SCRATCH.reset();
    encodeRoute(SCRATCH, verb, { ...spec, prefix: isIpv4 ? '0.0.0.0/0' : '::/0' });
    this.#bytes = SCRATCH.bytes.slice(0, SCRATCH.length);
    this.#words = new Uint32Array(this.#bytes.buffer);
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

  /** The template itself, from now on to another nexthop object: its id is the last word of a message that names one. */
  named(nexthopId: number): this {
    invariant(this.#words.length > DESTINATION_WORD + 1, 'the message names a nexthop object');
    this.#words[this.#words.length - 1] = nexthopId;
    return this;
  }
}
