// Transactions of nf_tables: the messages between a begin and an end, of which the kernel takes all or none. The kernel
// works inside send(), so the outcome is there when it returns. Decides what the answers mean together; knows no rules.
import { Flag } from '../../lib/netlink/constants.ts';
import { decodeOutcome, Errno, netlinkError } from '../../lib/netlink/errors.ts';
import { encodeBatchBegin, encodeBatchEnd } from '../../lib/netlink/nft/batch.ts';
import { NETFILTER_PROTOCOL } from '../../lib/netlink/nft/numbers.ts';
import { Messages } from '../../lib/netlink/reader.ts';
import { type Encode, Writer } from '../../lib/netlink/writer.ts';
import { Answers, isAcceptance, type Outcome } from './outcomes.ts';
import { DATAGRAM_BYTES, KernelSocket, type SocketOptions } from './socket.ts';

const RECEIVE_BUFFER = 1 << 20;

export class TransactionSocket {
  readonly #socket: KernelSocket;
  readonly #writer = new Writer();
  readonly #answers = new Answers(2 * DATAGRAM_BYTES);
  readonly #cursor = new Messages(this.#answers.bytes);
  #attached: Uint8Array | undefined;
  #sequence = 0;

  /** Throws `CodedError` with the errno's name, e.g. EPROTONOSUPPORT where nf_tables is not there. */
  constructor(options: Omit<SocketOptions, 'protocol'> = {}) {
    this.#socket = new KernelSocket({ ...options, protocol: NETFILTER_PROTOCOL }, RECEIVE_BUFFER, () => {});
  }

  /**
   * Performs at least one message as one transaction, synchronously. `null`: in force. An error: nothing has changed,
   * except after ETIMEDOUT and ENOBUFS, when that is not known.
   */
  commit(messages: readonly Encode[]): Outcome {
    const writer = this.#writer;
    writer.reset();
    if (this.#sequence > 0x7fff_0000) this.#sequence = 0;
    const first = this.#append(encodeBatchBegin);
    let last = first;
    for (const encode of messages) last = this.#append(encode);
    // The acknowledgement of a message is told after the commit, and is the same on every kernel; that of the end is not.
    writer.stamp(last, Flag.ack);
    this.#append(encodeBatchEnd);
    const received = this.#exchange(last);
    if (isAcceptance(this.#answers, 0, received, last)) return null;
    const outcome = this.#judge(received, first, last);
    if (outcome) this.#drain();
    return outcome;
  }

  close(): void {
    this.#socket.close();
  }

  #append(encode: Encode): number {
    encode(this.#writer);
    this.#sequence++;
    this.#writer.stamp(this.#sequence, 0);
    return this.#sequence;
  }

  #exchange(last: number): number {
    const { native, handle } = this.#socket;
    if (this.#writer.bytes !== this.#attached) {
      this.#attached = this.#writer.bytes;
      native.attach(handle, this.#attached, this.#answers.bytes);
    }
    return native.exchange(handle, 0, this.#writer.length, last);
  }

  /** The first refusal, whichever message it names; success only when the last message's acknowledgement is there. */
  #judge(received: number, first: number, last: number): Outcome {
    if (received < 0) return netlinkError(received === -Errno.EAGAIN ? Errno.ETIMEDOUT : -received);
    this.#cursor.rewind(received);
    let acknowledged = false;
    while (this.#cursor.next()) {
      if (this.#cursor.sequence < first) continue;
      const error = decodeOutcome(this.#cursor);
      if (error) return error;
      acknowledged ||= this.#cursor.sequence === last;
    }
    return acknowledged ? null : netlinkError(Errno.ETIMEDOUT);
  }

  /** What else was said about a failed transaction must not be met by the next. */
  #drain(): void {
    const { native, handle } = this.#socket;
    while (native.recv(handle, this.#answers.bytes, DATAGRAM_BYTES) > 0);
  }
}
