// The structured capabilities of OPEN, and the two small messages that came with them: SUBSCRIBE and DIGEST.
// A fault in any of them is a broken frame: there is no entry to withdraw.
import { FAMILIES, type Family } from '../model/identity.ts';
import {
  type DigestMessage,
  type GracefulRestart,
  type LongLivedRestart,
  NOTIFICATION,
  type Subscription,
} from '../session/message.ts';
import { elements, emptyColumn, takeColumn, toUint32 } from './column.ts';
import { type Cursor, FIXED32, LEN, tagOf, VARINT } from './cursor.ts';
import { namesOf, writeEnums } from './enums.ts';
import { MAX_LIST, MAX_SUBSCRIBED } from './limits.ts';
import { prefixFromWire, prefixToWire } from './prefix.ts';
import { HEADER_SUBCODE, SessionError } from './session-error.ts';
import { takeListText, writeTexts } from './text.ts';
import type { FrameWriter } from './writer.ts';

const RESTART = { time: tagOf(1, VARINT), families: 2, preserved: 3 } as const;
const LONG = { time: tagOf(1, VARINT), families: 2 } as const;
const SUBSCRIPTION = { services: tagOf(1, LEN), lengths: 2, regions: tagOf(3, LEN), classes: tagOf(4, LEN) } as const;
const DIGEST = { family: tagOf(1, VARINT), count: tagOf(2, VARINT), low: tagOf(3, FIXED32), high: tagOf(4, FIXED32) };
const PREFIX_BYTES = 16;

export function writeGracefulRestart(writer: FrameWriter, part: GracefulRestart): void {
  writer.fork();
  if (part.restartTimeMs > 0) writer.uint32(RESTART.time).uint32(toUint32(part.restartTimeMs));
  writeEnums(writer, RESTART.families, FAMILIES, part.families);
  writeEnums(writer, RESTART.preserved, FAMILIES, part.preserved);
  writer.ldelim();
}

export function takeGracefulRestart(cursor: Cursor): GracefulRestart {
  let restartTimeMs = 0;
  const families = emptyColumn('uint32');
  const preserved = emptyColumn('uint32');
  while (cursor.more()) {
    const tag = cursor.tag();
    if (tag === RESTART.time) restartTimeMs = cursor.uint32();
    else if (tag >>> 3 === RESTART.families) takeColumn(cursor, tag, families);
    else if (tag >>> 3 === RESTART.preserved) takeColumn(cursor, tag, preserved);
    else cursor.skip(tag);
  }
  if (families.broken + preserved.broken !== '') throw cursor.fault(families.broken || preserved.broken);
  return { restartTimeMs, families: familyNames(elements(families)), preserved: familyNames(elements(preserved)) };
}

export function writeLongLived(writer: FrameWriter, part: LongLivedRestart): void {
  writer.fork();
  if (part.staleTimeMs > 0) writer.uint32(LONG.time).uint32(toUint32(part.staleTimeMs));
  writeEnums(writer, LONG.families, FAMILIES, part.families);
  writer.ldelim();
}

export function takeLongLived(cursor: Cursor): LongLivedRestart {
  let staleTimeMs = 0;
  const families = emptyColumn('uint32');
  while (cursor.more()) {
    const tag = cursor.tag();
    if (tag === LONG.time) staleTimeMs = cursor.uint32();
    else if (tag >>> 3 === LONG.families) takeColumn(cursor, tag, families);
    else cursor.skip(tag);
  }
  if (families.broken !== '') throw cursor.fault(families.broken);
  return { staleTimeMs, families: familyNames(elements(families)) };
}

export function writeSubscription(writer: FrameWriter, { services, regions, classes }: Subscription): FrameWriter {
  if (services.length > 0) {
    const wire = services.map(prefixToWire);
    const bytes = new Uint8Array(wire.length * PREFIX_BYTES);
    for (const [i, prefix] of wire.entries()) bytes.set(prefix.bytes, i * PREFIX_BYTES);
    writer.uint32(SUBSCRIPTION.services).bytes(bytes);
    writer.uint32(tagOf(SUBSCRIPTION.lengths, LEN)).fork();
    for (const { length } of wire) writer.uint32(length);
    writer.ldelim();
  }
  writeTexts(writer, SUBSCRIPTION.regions, regions);
  writeTexts(writer, SUBSCRIPTION.classes, classes);
  return writer;
}

export function readSubscription(cursor: Cursor): Subscription {
  let bytes: Uint8Array = new Uint8Array(0);
  const lengths = emptyColumn('uint32');
  const regions: string[] = [];
  const classes: string[] = [];
  while (cursor.more()) {
    const tag = cursor.tag();
    if (tag === SUBSCRIPTION.services) bytes = cursor.bytes();
    else if (tag >>> 3 === SUBSCRIPTION.lengths) takeColumn(cursor, tag, lengths);
    else if (tag === SUBSCRIPTION.regions) takeListText(cursor, regions, MAX_LIST);
    else if (tag === SUBSCRIPTION.classes) takeListText(cursor, classes, MAX_LIST);
    else cursor.skip(tag);
  }
  const { broken } = lengths;
  const values = elements(lengths);
  if (broken !== '') throw cursor.fault(broken);
  if (values.length > MAX_SUBSCRIBED) throw cursor.fault(`more than ${MAX_SUBSCRIBED} subscribed services`);
  if (bytes.length !== values.length * PREFIX_BYTES) throw cursor.fault('subscribed services and lengths differ');
  const services = Array.from(values, (length, i) =>
    prefixFromWire(cursor, bytes.subarray(i * PREFIX_BYTES, (i + 1) * PREFIX_BYTES), length),
  );
  return { services, regions, classes };
}

export function writeDigest(writer: FrameWriter, message: DigestMessage): void {
  writer.uint32(DIGEST.family).uint32(FAMILIES.indexOf(message.family) + 1);
  if (message.count > 0) writer.uint32(DIGEST.count).uint32(message.count);
  writer.uint32(DIGEST.low).fixed32(message.low);
  writer.uint32(DIGEST.high).fixed32(message.high);
}

export function readDigest(cursor: Cursor): DigestMessage {
  const read = { familyNumber: 0, count: 0, low: 0, high: 0 };
  while (cursor.more()) {
    const tag = cursor.tag();
    if (tag === DIGEST.family) read.familyNumber = cursor.uint32();
    else if (tag === DIGEST.count) read.count = cursor.uint32();
    else if (tag === DIGEST.low) read.low = cursor.fixed32();
    else if (tag === DIGEST.high) read.high = cursor.fixed32();
    else cursor.skip(tag);
  }
  const { familyNumber, ...sums } = read;
  const family = FAMILIES[familyNumber - 1];
  if (family !== undefined) return { type: 'DIGEST', family, ...sums };
  throw new SessionError(
    NOTIFICATION.messageHeader,
    HEADER_SUBCODE.badType,
    'digest',
    `no such family: ${familyNumber}`,
  );
}

const familyNames = (numbers: Iterable<number>): Family[] => namesOf<Family>(FAMILIES, numbers);
