// Messages that differ in a few words, ready to be sent: they stay where they are, and who sends such again writes those few
// words alone. Knows where a message begins and what a header is, not which words differ.
import { Flag, HEADER_BYTES } from './constants.ts';
import type { Writer } from './writer.ts';

/** Of a header, in words. */
const KIND = 1;
const SEQUENCE = 2;
const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
/** The flags are the second half of the word. */
const ACK = LITTLE_ENDIAN ? Flag.ack << 16 : Flag.ack;

export class Copies {
  /** Words from one message to the next. */
  length = 0;
  words = new Uint32Array(0);
  bytes = new Uint8Array(0);
  #model: Uint32Array = new Uint32Array(HEADER_BYTES / 4);
  /** Messages that are the model's but for what was changed in them since. */
  #ready = 0;

  /** From now on messages like this one. */
  begin(model: Uint32Array): void {
    if (model === this.#model || (model.length === this.length && model.every((word, i) => word === this.#model[i])))
      return;
    this.#model = model;
    this.#ready = 0;
    this.length = model.length;
  }

  /** Makes room for `count` messages; what was changed in them may be as it was left. */
  prepare(count: number): void {
    if (count <= this.#ready) return;
    const { length } = this;
    if (this.words.length < count * length) {
      this.words = new Uint32Array(count * length);
      this.bytes = new Uint8Array(this.words.buffer);
      this.#ready = 0;
    }
    for (let at = this.#ready * length; at < count * length; at += length) this.words.set(this.#model, at);
    this.#ready = count;
  }

  /** Numbers `count` messages from `sequence` on; every one before a multiple of `batch`, and the last, asks for an answer. */
  stamp(sequence: number, count: number, batch: number): void {
    const { words, length } = this;
    const plain = this.#model[KIND]!;
    const asking = plain | ACK;
    for (let i = 0, at = 0, left = batch; i < count; i++, at += length) {
      left--;
      words[at + KIND] = left === 0 || i === count - 1 ? asking : plain;
      words[at + SEQUENCE] = sequence + i;
      if (left === 0) left = batch;
    }
  }

  /** Appends one of them. */
  write(writer: Writer, index: number): void {
    const at = index * this.length;
    this.words[at + KIND] = this.#model[KIND]!;
    writer.message(this.words.subarray(at, at + this.length));
  }
}
