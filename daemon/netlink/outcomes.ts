// What the kernel has answered to each of many messages, by index, and messages that never came to be.
import { CodedError } from '../../lib/errors.ts';
import { Errno, type NetlinkError } from '../../lib/netlink/errors.ts';
import type { Encode, Writer } from '../../lib/netlink/writer.ts';

/** `null`: accepted. A codec that refused its input is an error too, with the codec's code and EINVAL. */
export type Outcome = NetlinkError | null;

const EINVAL = 22;

export function newOutcomes(count: number): Outcome[] {
  return new Array<Outcome>(count).fill(null);
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
