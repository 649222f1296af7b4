// What the kernel has answered to each of many messages, by index, and messages that never came to be.
import { CodedError } from '../../lib/errors.ts';
import { MessageType } from '../../lib/netlink/constants.ts';
import { Errno, type NetlinkError } from '../../lib/netlink/errors.ts';
import type { Encode, Writer } from '../../lib/netlink/writer.ts';

/** `null`: accepted. A codec that refused its input is an error too, with the codec's code and EINVAL. */
export type Outcome = NetlinkError | null;

/** Appends the message with this index; pure, so that a retry may call it again. */
export type EncodeAt = (writer: Writer, index: number) => void;

/** What is received into, also in 32- and 16-bit units. */
export class Answers {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly halves: Uint16Array;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.words = new Int32Array(this.bytes.buffer);
    this.halves = new Uint16Array(this.bytes.buffer);
  }
}

const EINVAL = 22;
/** NLMSG_ERROR of a capped answer: header, errno, the request's header. Offsets in 32- and 16-bit units. */
const ACKNOWLEDGEMENT_BYTES = 36;
const TYPE_HALF = 2;
const SEQUENCE_WORD = 2;
const ERRNO_WORD = 4;

export function newOutcomes(count: number): Outcome[] {
  return new Array<Outcome>(count).fill(null);
}

/** The usual answer, told without a cursor: `length` bytes at `from` are the acknowledgement of message `last`, and it is good. */
export function isAcceptance({ words, halves }: Answers, from: number, length: number, last: number): boolean {
  if (length !== ACKNOWLEDGEMENT_BYTES) return false;
  const at = from >> 2;
  return (
    words[at + SEQUENCE_WORD] === last &&
    words[at + ERRNO_WORD] === 0 &&
    halves[(from >> 1) + TYPE_HALF] === MessageType.error
  );
}

export function outOfMemory(outcomes: readonly Outcome[]): number[] {
  const indices: number[] = [];
  for (let i = 0; i < outcomes.length; i++) if (outcomes[i] && outcomes[i]!.errno === Errno.ENOMEM) indices.push(i);
  return indices;
}

export function callEncode(writer: Writer, encode: Encode): void {
  encode(writer);
}

/** Bad input of one message must not lose the others of its batch. */
export function encodeOrRefuse<T>(encode: (writer: Writer, item: T) => void, writer: Writer, item: T): Outcome {
  try {
    encode(writer, item);
    return null;
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return { errno: EINVAL, code: error.code, text: error.message };
  }
}
