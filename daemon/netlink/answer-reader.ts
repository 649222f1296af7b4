// Answers to requests, as the kernel queues them on the socket. Decides which messages they belong to, what is late, and when
// there are no more to come; knows nothing of what was asked.
import { MessageType } from '../../lib/netlink/constants.ts';
import { decodeOutcome, Errno, netlinkError } from '../../lib/netlink/errors.ts';
import { type Message, Messages } from '../../lib/netlink/reader.ts';
import { Answers, isAcceptance, type Outcome } from './outcomes.ts';
import { ANSWER_TIMEOUT_MS, DATAGRAM_BYTES, type KernelSocket } from './socket.ts';

export class AnswerReader {
  readonly #socket: KernelSocket;
  readonly #answers = new Answers(4 * DATAGRAM_BYTES);
  readonly #cursor = new Messages(this.#answers.bytes);

  constructor(socket: KernelSocket) {
    this.#socket = socket;
  }

  /** What is received into. */
  get bytes(): Uint8Array {
    return this.#answers.bytes;
  }

  /** All of the `received` bytes in the buffer are the good acknowledgement of message `last`. */
  isAcceptance(received: number, last: number): boolean {
    return isAcceptance(this.#answers, 0, received, last);
  }

  /**
   * Reads answers until that of message `last` has come; `outcomes[at]` is that of message `first`. `firstReceived` is how many
   * bytes are in the buffer already, or a negative errno.
   */
  settle(
    firstReceived: number,
    first: number,
    last: number,
    outcomes: Outcome[],
    at: number,
    onReply?: (message: Message) => void,
  ): void {
    const { native, handle } = this.#socket;
    const { bytes } = this.#answers;
    const cursor = this.#cursor;
    const deadline = performance.now() + ANSWER_TIMEOUT_MS;
    const lose = (errno: number) => {
      for (let i = at; i <= at + last - first; i++) outcomes[i] ??= netlinkError(errno);
    };
    for (let received = firstReceived; ; received = native.recv(handle, bytes, DATAGRAM_BYTES)) {
      if (received < 0 && received !== -Errno.EAGAIN) {
        // Answers were lost: what is still queued belongs to this send, and must not be met by the next.
        if (received === -Errno.ENOBUFS) while (native.recv(handle, bytes, DATAGRAM_BYTES) > 0);
        lose(-received);
        return;
      }
      cursor.rewind(Math.max(0, received));
      let answered = false;
      while (cursor.next()) {
        // Late answers to a request that timed out.
        if (cursor.sequence < first || cursor.sequence > last) continue;
        if (cursor.type === MessageType.error) {
          outcomes[at + cursor.sequence - first] = decodeOutcome(cursor);
          answered ||= cursor.sequence === last;
        } else onReply?.(cursor);
      }
      if (answered) return;
      const left = deadline - performance.now();
      if (left <= 0) {
        lose(Errno.ETIMEDOUT);
        return;
      }
      native.wait(handle, Math.ceil(left));
    }
  }
}
