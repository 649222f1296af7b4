// Where a parcel of messages lies while a thread of the addon sends it, and what the answers to it say. A parcel goes in a few
// sends; of each only the last message asks for an acknowledgement.
import { MessageType } from '../../lib/netlink/constants.ts';
import { decodeOutcome, netlinkError } from '../../lib/netlink/errors.ts';
import { Messages } from '../../lib/netlink/reader.ts';
import { Writer } from '../../lib/netlink/writer.ts';
import { Answers, isAcceptance, newOutcomes, type Outcome } from './outcomes.ts';
import { DATAGRAM_BYTES } from './socket.ts';

/** Sends of one parcel at most. */
const PORTIONS = 4;
/** Words of struct Portion in nlsender.h. */
const PORTION = 4;
const END = 0;
const SEQUENCE = 1;
const ANSWERED = 2;
const FAILURE = 3;

/** Undefined: all were accepted. Called in the order in which parcels were sent; must not send anything itself. */
export type OnAnswered = (outcomes: Outcome[] | undefined) => void;

/** What a parcel is made in, and its answers are read into; for one parcel at a time. */
export class Berth {
  readonly index: number;
  readonly portions = new Int32Array(PORTIONS * PORTION);
  readonly answers = new Answers(4 * DATAGRAM_BYTES);
  readonly writer = new Writer();
  /** What the addon knows. */
  attached: Uint8Array | undefined;
  /** Sequence number of message 0, and of the first of each portion. */
  first = 0;
  readonly firsts: number[] = [];
  count = 0;
  /** Known before anything was sent. */
  refused: Outcome[] | undefined;
  onAnswered: OnAnswered = () => {};

  constructor(index: number) {
    this.index = index;
  }
}

export function addPortion({ portions, firsts }: Berth, end: number, first: number, last: number): void {
  const at = firsts.length * PORTION;
  portions[at + END] = end;
  portions[at + SEQUENCE] = last;
  firsts.push(first);
}

/** What the kernel has answered; undefined: it has accepted all. */
export function outcomesOf(berth: Berth): Outcome[] | undefined {
  const { portions, firsts } = berth;
  let outcomes = berth.refused;
  for (let i = 0, from = 0; i < firsts.length; i++) {
    const at = i * PORTION;
    const to = portions[at + ANSWERED]!;
    const last = portions[at + SEQUENCE]!;
    const failure = portions[at + FAILURE]!;
    if (failure !== 0 || !isAcceptance(berth.answers, from, to - from, last)) {
      outcomes ??= newOutcomes(berth.count);
      readAnswers(berth, from, to, firsts[i]!, last, outcomes);
      if (failure !== 0) loseFrom(berth, firsts[i]!, last, failure, outcomes);
    }
    from = to;
  }
  return outcomes;
}

function readAnswers(berth: Berth, from: number, to: number, first: number, last: number, outcomes: Outcome[]): void {
  const answers = new Messages(berth.answers.bytes.subarray(from, to), to - from);
  while (answers.next()) {
    // Late answers to a request that timed out.
    if (answers.sequence < first || answers.sequence > last || answers.type !== MessageType.error) continue;
    outcomes[answers.sequence - berth.first] = decodeOutcome(answers);
  }
}

/** Only the last message asks for an answer when all is well: without it no other is known to be. */
function loseFrom(berth: Berth, first: number, last: number, errno: number, outcomes: Outcome[]): void {
  for (let sequence = first; sequence <= last; sequence++) outcomes[sequence - berth.first] ??= netlinkError(errno);
}

/** Not sent, or not known to have been. */
export function allFailed({ count, refused }: Berth, errno: number): Outcome[] {
  const outcomes = refused ?? newOutcomes(count);
  for (let i = 0; i < count; i++) outcomes[i] ??= netlinkError(errno);
  return outcomes;
}
