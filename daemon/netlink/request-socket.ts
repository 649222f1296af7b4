// Requests to the kernel and their outcomes. rtnetlink works inside send(): when it returns, the acknowledgement is
// queued already, so sending and draining are one synchronous step and a promise for each message would only add
// latency. Decides sequence numbers, batches, ENOMEM retries and timeouts; knows no message's meaning.
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises';
import { Flag } from '../../lib/netlink/constants.ts';
import type { Copies } from '../../lib/netlink/copies.ts';
import { Errno, type NetlinkError, netlinkError } from '../../lib/netlink/errors.ts';
import type { Message } from '../../lib/netlink/reader.ts';
import { type Encode, Writer } from '../../lib/netlink/writer.ts';
import { AnswerReader } from './answer-reader.ts';
import { Dispatcher } from './dispatcher.ts';
import { DumpSocket } from './dump-socket.ts';
import { callEncode, type EncodeAt, encodeOrRefuse, newOutcomes, type Outcome, outOfMemory } from './outcomes.ts';
import { KernelSocket, type SocketOptions } from './socket.ts';

export type { EncodeAt, Outcome } from './outcomes.ts';

export type Reply<T> =
  | { readonly value: T; readonly error?: never }
  | { readonly error: NetlinkError; readonly value?: never };

/** Beyond 64 there is nothing to win, and seg6 adds drain the kernel's atomic percpu reserve (ENOMEM). */
export const BATCH_MESSAGES = 64;
/** Of what carries no segment list: a tenth is won over 64, most of it on a busy machine, and nothing beyond. */
export const LIGHT_BATCH_MESSAGES = 256;
const ENOMEM_ROUNDS = 32;
const ENOMEM_PAUSE_MS = 1;
const RECEIVE_BUFFER = 4 << 20;

export class RequestSocket {
  private readonly socket: KernelSocket;
  private readonly dumps: DumpSocket;
  private readonly writer = new Writer();
  private readonly answers: AnswerReader;
  private attached: Uint8Array | undefined;
  private sequence = 0;
  /** Sends other than queries: what may have changed a table that is being dumped. */
  private changes = 0;
  private dispatching: Dispatcher | undefined;

  /** Opens a socket; throws `CodedError` with the errno's name, or `netlink-addon-missing`. */
  static open(options: SocketOptions = {}): RequestSocket {
    return new RequestSocket(options);
  }

  private constructor(options: SocketOptions) {
    this.socket = new KernelSocket(options, RECEIVE_BUFFER, () => {});
    this.answers = new AnswerReader(this.socket);
    this.dumps = new DumpSocket(options, () => {
      this.dispatching?.flush();
      return this.changes;
    });
  }

  /** Port of the requests: what a monitor filters out as our own echoes. */
  get port(): number {
    return this.socket.port;
  }

  /** Performs one request and waits for its acknowledgement. */
  request(encode: Encode): Outcome {
    return this.requestOf(encode, callEncode);
  }

  /** As `request`, for an item that a function encodes: no closure. */
  requestOf<T>(item: T, encode: (writer: Writer, item: T) => void): Outcome {
    const { writer } = this;
    writer.reset();
    const refusal = encodeOrRefuse(encode, writer, item);
    if (refusal) return refusal;
    this.changes++;
    const sequence = this.takeSequences(1);
    writer.stamp(sequence, Flag.ack);
    const received = this.sendWritten(sequence);
    if (this.answers.isAcceptance(received, sequence)) return null;
    const outcomes = newOutcomes(1);
    this.answers.settle(received, sequence, sequence, outcomes, 0);
    return outcomes[0]?.errno === Errno.ENOMEM ? this.batchOf([item], encode)[0]! : outcomes[0]!;
  }

  /**
   * Performs requests in order, 64 a send; outcomes by index. A failure does not stop the rest. ENOMEM is retried
   * after the others, so what depends on a message belongs into a later batch.
   */
  batch(messages: readonly Encode[]): Outcome[] {
    return this.batchOf(messages, callEncode);
  }

  /** As `batch`, for items that one function encodes: no closure for each. */
  batchOf<T>(items: readonly T[], encode: (writer: Writer, item: T) => void): Outcome[] {
    return this.batchRange(items.length, (writer, index) => encode(writer, items[index]!));
  }

  /**
   * As `batch`, for what a function encodes by its index below `count`. Not `patient`: ENOMEM is an outcome like any other,
   * for a caller who has something else to do until the kernel has memory again.
   */
  batchRange(count: number, encode: EncodeAt, patient = true): Outcome[] {
    const outcomes = newOutcomes(count);
    for (let at = 0; at < count; at += BATCH_MESSAGES) this.exchange(count, encode, at, outcomes);
    if (patient) this.insist(encode, outcomes);
    return outcomes;
  }

  /** As `batchRange`, for messages that are made already, `batch` a send. Undefined: all were accepted, as they mostly are. */
  batchCopies(copies: Copies, count: number, batch = BATCH_MESSAGES, patient = true): Outcome[] | undefined {
    const first = this.takeSequences(count);
    const size = copies.length * 4;
    copies.stamp(first, count, batch);
    let outcomes: Outcome[] | undefined;
    for (let at = 0; at < count; at += batch) {
      const end = Math.min(count, at + batch);
      const last = first + end - 1;
      this.changes++;
      const received = this.send(copies.bytes, at * size, end * size, last);
      if (this.answers.isAcceptance(received, last)) continue;
      outcomes ??= newOutcomes(count);
      this.answers.settle(received, first + at, last, outcomes, at);
    }
    if (outcomes && patient) this.insist((writer, index) => copies.write(writer, index), outcomes);
    return outcomes;
  }

  /** As `batch`, with a turn of the event loop between sends. */
  batchAsync(messages: readonly Encode[]): Promise<Outcome[]> {
    return this.batchOfAsync(messages, callEncode);
  }

  /** As `batchOf`, with a turn of the event loop between sends. */
  async batchOfAsync<T>(items: readonly T[], encode: (writer: Writer, item: T) => void): Promise<Outcome[]> {
    const outcomes = newOutcomes(items.length);
    const encodeAt: EncodeAt = (writer, index) => encode(writer, items[index]!);
    for (let at = 0; at < items.length; at += BATCH_MESSAGES) {
      if (at > 0) await turn();
      this.exchange(items.length, encodeAt, at, outcomes);
    }
    for (let round = 0; round < ENOMEM_ROUNDS; round++) {
      const again = outOfMemory(outcomes);
      if (again.length === 0) break;
      await pause(ENOMEM_PAUSE_MS);
      for (let at = 0; at < again.length; at += BATCH_MESSAGES) {
        if (at > 0) await turn();
        this.retry(encodeAt, again, at, outcomes);
      }
    }
    return outcomes;
  }

  /** Asks for one object; the decoder sees the reply. */
  query<T>(encode: Encode, decode: (message: Message) => T): Reply<T> {
    const outcomes = newOutcomes(1);
    let reply: { value: T } | undefined;
    this.exchange(1, encode, 0, outcomes, (message) => {
      reply ??= { value: decode(message) };
    });
    return outcomes[0] ? { error: outcomes[0] } : (reply ?? { error: netlinkError(Errno.ENODATA) });
  }

  /**
   * Reads a whole table; the decoder's nulls are left out. A dump during which the table changed is repeated; of
   * routes, and at last of nexthop objects, only this socket's own changes count. Throws `CodedError` with the errno's name, or `netlink-dump-interrupted`.
   */
  dump<T>(encode: Encode, decode: (message: Message) => T | null): Promise<T[]> {
    return this.dumps.read(encode, decode);
  }

  /** What sends on this socket while the event loop goes on, from the first call on. Undefined: the system has no thread left. */
  dispatcher(): Dispatcher | undefined {
    this.dispatching ??= Dispatcher.start({
      socket: this.socket,
      takeSequences: (count) => this.takeSequences(count),
      changed: () => this.changes++,
    });
    return this.dispatching;
  }

  close(): void {
    this.dispatching?.flush();
    this.socket.close();
    this.dumps.close();
  }

  /** Tries again what the kernel had no memory for. */
  private insist(encode: EncodeAt, outcomes: Outcome[]): void {
    for (let round = 0; round < ENOMEM_ROUNDS; round++) {
      const again = outOfMemory(outcomes);
      if (again.length === 0) break;
      // Blocking lets the kernel's worker on this CPU refill the reserve.
      this.socket.native.wait(this.socket.handle, ENOMEM_PAUSE_MS);
      for (let at = 0; at < again.length; at += BATCH_MESSAGES) this.retry(encode, again, at, outcomes);
    }
  }

  private retry(encode: EncodeAt, again: readonly number[], at: number, outcomes: Outcome[]): void {
    const count = Math.min(BATCH_MESSAGES, again.length - at);
    const results = newOutcomes(count);
    this.exchange(count, (writer, i) => encode(writer, again[at + i]!), 0, results);
    for (let i = 0; i < count; i++) outcomes[again[at + i]!] = results[i]!;
  }

  /** One send of up to 64 messages from `at`, acknowledged on the last; fills their outcomes. */
  private exchange(
    count: number,
    encode: EncodeAt,
    at: number,
    outcomes: Outcome[],
    onReply?: (message: Message) => void,
  ): void {
    const end = Math.min(count, at + BATCH_MESSAGES);
    const first = this.takeSequences(end - at);
    const { writer } = this;
    writer.reset();
    let last = -1;
    for (let i = at; i < end; i++) {
      const refusal = encodeOrRefuse(encode, writer, i);
      if (refusal) outcomes[i] = refusal;
      else {
        last = first + i - at;
        writer.stamp(last, 0);
      }
    }
    if (last < 0) return;
    if (!onReply) this.changes++;
    writer.stamp(last, Flag.ack);
    const received = this.sendWritten(last);
    if (!this.answers.isAcceptance(received, last)) this.answers.settle(received, first, last, outcomes, at, onReply);
  }

  /** Consecutive numbers below 2^31; returns the first. */
  private takeSequences(count: number): number {
    if (this.sequence > 0x7fff_0000) this.sequence = 0;
    const first = this.sequence + 1;
    this.sequence += count;
    return first;
  }

  private sendWritten(last: number): number {
    return this.send(this.writer.bytes, 0, this.writer.length, last);
  }

  private send(bytes: Uint8Array, from: number, to: number, last: number): number {
    const { native, handle } = this.socket;
    this.dispatching?.flush();
    if (bytes !== this.attached) {
      this.attached = bytes;
      native.attach(handle, bytes, this.answers.bytes);
    }
    return native.exchange(handle, from, to, last);
  }
}
