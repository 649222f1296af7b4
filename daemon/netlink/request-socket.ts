// Requests to the kernel and their outcomes. rtnetlink works inside send(): when it returns, the acknowledgement is
// queued already, so sending and draining are one synchronous step and a promise for each message would only add
// latency. Decides sequence numbers, batches, ENOMEM retries and timeouts; knows no message's meaning.
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises';
import { CodedError } from '../../lib/errors.ts';
import { Flag, MessageType } from '../../lib/netlink/constants.ts';
import { decodeOutcome, Errno, type NetlinkError, netlinkError } from '../../lib/netlink/errors.ts';
import { type Message, Messages } from '../../lib/netlink/reader.ts';
import { type Encode, Writer } from '../../lib/netlink/writer.ts';
import { DumpSocket } from './dump-socket.ts';
import { DATAGRAM_BYTES, KernelSocket, type SocketOptions } from './socket.ts';

/** `null`: accepted. A codec that refused its input is an error too, with the codec's code and EINVAL. */
export type Outcome = NetlinkError | null;

export type Reply<T> =
  | { readonly value: T; readonly error?: never }
  | { readonly error: NetlinkError; readonly value?: never };

/** Beyond 64 there is nothing to win, and seg6 adds drain the kernel's atomic percpu reserve (ENOMEM). */
export const BATCH_MESSAGES = 64;
const ENOMEM_ROUNDS = 8;
const ENOMEM_PAUSE_MS = 1;
const ANSWER_TIMEOUT_MS = 2000;
const RECEIVE_BUFFER = 4 << 20;
const EINVAL = 22;

export class RequestSocket {
  private readonly socket: KernelSocket;
  private readonly dumps: DumpSocket;
  private readonly writer = new Writer();
  private readonly answers = new Uint8Array(4 * DATAGRAM_BYTES);
  private readonly cursor = new Messages(this.answers);
  private sequence = 0;

  /** Opens a socket; throws `CodedError` with the errno's name, or `netlink-addon-missing`. */
  static open(options: SocketOptions = {}): RequestSocket {
    return new RequestSocket(options);
  }

  private constructor(options: SocketOptions) {
    this.socket = new KernelSocket(options, RECEIVE_BUFFER, () => {});
    this.dumps = new DumpSocket(options);
  }

  /** Port of the requests: what a monitor filters out as our own echoes. */
  get port(): number {
    return this.socket.port;
  }

  /** Performs one request and waits for its acknowledgement. */
  request(encode: Encode): Outcome {
    return this.batch([encode])[0]!;
  }

  /**
   * Performs requests in order, 64 a send; outcomes by index. A failure does not stop the rest. ENOMEM is retried
   * after the others, so what depends on a message belongs into a later batch.
   */
  batch(messages: readonly Encode[]): Outcome[] {
    const outcomes = newOutcomes(messages.length);
    for (let at = 0; at < messages.length; at += BATCH_MESSAGES) this.exchange(messages, at, outcomes);
    for (let round = 0; round < ENOMEM_ROUNDS; round++) {
      const again = outOfMemory(outcomes);
      if (again.length === 0) break;
      // Blocking lets the kernel's worker on this CPU refill the reserve.
      this.socket.native.wait(this.socket.handle, ENOMEM_PAUSE_MS);
      for (let at = 0; at < again.length; at += BATCH_MESSAGES) this.retry(messages, again, at, outcomes);
    }
    return outcomes;
  }

  /** As `batch`, with a turn of the event loop between sends: for sets that would block for more than a few ms. */
  async batchAsync(messages: readonly Encode[]): Promise<Outcome[]> {
    const outcomes = newOutcomes(messages.length);
    for (let at = 0; at < messages.length; at += BATCH_MESSAGES) {
      if (at > 0) await turn();
      this.exchange(messages, at, outcomes);
    }
    for (let round = 0; round < ENOMEM_ROUNDS; round++) {
      const again = outOfMemory(outcomes);
      if (again.length === 0) break;
      await pause(ENOMEM_PAUSE_MS);
      for (let at = 0; at < again.length; at += BATCH_MESSAGES) {
        if (at > 0) await turn();
        this.retry(messages, again, at, outcomes);
      }
    }
    return outcomes;
  }

  /** Asks for one object; the decoder sees the reply. */
  query<T>(encode: Encode, decode: (message: Message) => T): Reply<T> {
    const outcomes = newOutcomes(1);
    let reply: { value: T } | undefined;
    this.exchange([encode], 0, outcomes, (message) => {
      reply ??= { value: decode(message) };
    });
    return outcomes[0] ? { error: outcomes[0] } : (reply ?? { error: netlinkError(Errno.ENODATA) });
  }

  /**
   * Reads a whole table; the decoder's nulls are left out. Consistent: a dump during which the table changed is
   * repeated. Throws `CodedError` with the errno's name, or `netlink-dump-interrupted`.
   */
  dump<T>(encode: Encode, decode: (message: Message) => T | null): Promise<T[]> {
    return this.dumps.read(encode, decode);
  }

  close(): void {
    this.socket.close();
    this.dumps.close();
  }

  private retry(messages: readonly Encode[], again: readonly number[], at: number, outcomes: Outcome[]): void {
    const chosen = again.slice(at, at + BATCH_MESSAGES);
    const results = newOutcomes(chosen.length);
    this.exchange(
      chosen.map((index) => messages[index]!),
      0,
      results,
    );
    for (let i = 0; i < chosen.length; i++) outcomes[chosen[i]!] = results[i]!;
  }

  /** One send of up to 64 messages from `at`, acknowledged on the last; fills their outcomes. */
  private exchange(
    messages: readonly Encode[],
    at: number,
    outcomes: Outcome[],
    onReply?: (message: Message) => void,
  ): void {
    const end = Math.min(messages.length, at + BATCH_MESSAGES);
    // Sequence numbers stay below 2^31, and those of one send are consecutive.
    if (this.sequence > 0x7fff_0000) this.sequence = 0;
    const base = this.sequence + 1;
    this.sequence += end - at;
    const { writer } = this;
    writer.reset();
    let last = -1;
    for (let i = at; i < end; i++) {
      const refusal = encodeOrRefuse(messages[i]!, writer);
      if (refusal) outcomes[i] = refusal;
      else {
        writer.stamp(base + i - at, 0);
        last = i;
      }
    }
    if (last < 0) return;
    writer.stamp(base + last - at, Flag.ack);
    const lost = this.sendAndDrain(
      base,
      base + last - at,
      (sequence, outcome) => {
        outcomes[at + sequence - base] = outcome;
      },
      onReply,
    );
    if (lost) for (let i = at; i <= last; i++) outcomes[i] ??= lost;
  }

  /** Returns what became of the messages that nothing was heard of, or null when the last one was answered. */
  private sendAndDrain(
    first: number,
    last: number,
    settle: (sequence: number, outcome: Outcome) => void,
    onReply?: (message: Message) => void,
  ): Outcome {
    const { native, handle } = this.socket;
    const { answers, cursor } = this;
    let deadline = 0;
    let received = native.exchange(handle, this.writer.bytes, this.writer.length, answers, last);
    for (;;) {
      if (received < 0 && received !== -Errno.EAGAIN) {
        if (received === -Errno.ENOBUFS) while (native.recv(handle, answers, DATAGRAM_BYTES) > 0);
        return netlinkError(-received);
      }
      cursor.rewind(Math.max(0, received));
      let answered = false;
      while (cursor.next()) {
        // Late answers to a request that timed out.
        if (cursor.sequence < first || cursor.sequence > last) continue;
        if (cursor.type === MessageType.error) {
          settle(cursor.sequence, decodeOutcome(cursor));
          answered ||= cursor.sequence === last;
        } else onReply?.(cursor);
      }
      if (answered) return null;
      const now = performance.now();
      deadline ||= now + ANSWER_TIMEOUT_MS;
      if (now >= deadline) return netlinkError(Errno.ETIMEDOUT);
      native.wait(handle, Math.ceil(deadline - now));
      received = native.recv(handle, answers, DATAGRAM_BYTES);
    }
  }
}

function newOutcomes(count: number): Outcome[] {
  return new Array<Outcome>(count).fill(null);
}

function outOfMemory(outcomes: readonly Outcome[]): number[] {
  const indices: number[] = [];
  for (let i = 0; i < outcomes.length; i++) if (outcomes[i] && outcomes[i]!.errno === Errno.ENOMEM) indices.push(i);
  return indices;
}

/** Bad input of one message must not lose the others of its batch. */
function encodeOrRefuse(encode: Encode, writer: Writer): Outcome {
  try {
    encode(writer);
    return null;
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return { errno: EINVAL, code: error.code, text: error.message };
  }
}
