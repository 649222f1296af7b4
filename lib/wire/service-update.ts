// ServiceUpdate of session.proto: reachability as columns. Unreadable handles break the frame, because without them nobody
// knows what to withdraw (RFC 7606 section 3 j); every other fault withdraws the rows it touches.
import { invariant } from '../errors.ts';
import type { ServiceAttributes } from '../model/service-route.ts';
import { ADDRESS_WORDS } from '../net/address-words.ts';
import { NOTIFICATION, type ServiceUpdate } from '../session/message.ts';
import { packAddresses, spreadAddresses } from './address-column.ts';
import { recentSet, rememberSet } from './attribute-memo.ts';
import { readAttributes, writeAttributes } from './attributes.ts';
import { type Column, emptyColumn, spread, sumDeltas, takeColumn, writeColumn, writeDeltas } from './column.ts';
import { type Cursor, LEN, type Span, tagOf, WireFault } from './cursor.ts';
import type { FaultLog } from './fault-log.ts';
import { MAX_HANDLE, MAX_ROWS } from './limits.ts';
import { SessionError, UPDATE_SUBCODE } from './session-error.ts';
import { int32s } from './words.ts';
import type { FrameWriter } from './writer.ts';

const FIELD = { handle: 2, originator: 5, attributeSet: 6, withdrawn: 7 } as const;
const TAG = { attributeSets: tagOf(1, LEN), service: tagOf(3, LEN), contactInstance: tagOf(4, LEN) } as const;
const NO_SPAN: Span = { from: 0, length: 0 };

/** Writes the body; more than `MAX_ROWS` rows or handles outside `1..MAX_HANDLE` are a bug of the caller. */
export function writeServiceUpdate(writer: FrameWriter, update: ServiceUpdate): void {
  const rows = update.handle.length;
  invariant(rows <= MAX_ROWS && update.withdrawn.length <= MAX_ROWS, `at most ${MAX_ROWS} rows a frame`);
  const { service, contactInstance, originator, attributeSet } = update;
  invariant(
    service.length === rows * ADDRESS_WORDS &&
      contactInstance.length === rows * ADDRESS_WORDS &&
      originator.length === rows &&
      attributeSet.length === rows,
    'columns of a service update have equal lengths',
  );
  for (const set of update.attributeSets) {
    writer.uint32(TAG.attributeSets).fork();
    writeAttributes(writer, set);
    writer.ldelim();
  }
  writeDeltas(writer, FIELD.handle, update.handle);
  if (rows > 0) {
    writer.uint32(TAG.service).bytes(packAddresses(update.service));
    writer.uint32(TAG.contactInstance).bytes(packAddresses(update.contactInstance));
    writeColumn(writer, FIELD.originator, 'fixed32', update.originator);
    writeColumn(writer, FIELD.attributeSet, 'uint32', update.attributeSet);
  }
  writeDeltas(writer, FIELD.withdrawn, update.withdrawn);
}

/** Reads the body. Rows whose keys cannot be read come back in `withdrawn`, those without attributes with set -1. */
export function readServiceUpdate(cursor: Cursor, faults: FaultLog): ServiceUpdate {
  const sets: (ServiceAttributes | undefined)[] = [];
  const handles = emptyColumn('sint32');
  const originators = emptyColumn('fixed32');
  const setIndexes = emptyColumn('uint32');
  const withdrawals = emptyColumn('sint32');
  let services = NO_SPAN;
  let instances = NO_SPAN;
  while (cursor.more()) {
    const tag = cursor.tag();
    if (tag === TAG.attributeSets) sets.push(takeSet(cursor, sets.length, faults));
    else if (tag === TAG.service) services = cursor.span();
    else if (tag === TAG.contactInstance) instances = cursor.span();
    else if (tag >>> 3 === FIELD.handle) takeColumn(cursor, tag, handles);
    else if (tag >>> 3 === FIELD.originator) takeColumn(cursor, tag, originators);
    else if (tag >>> 3 === FIELD.attributeSet) takeColumn(cursor, tag, setIndexes);
    else if (tag >>> 3 === FIELD.withdrawn) takeColumn(cursor, tag, withdrawals);
    else cursor.skip(tag);
  }
  const handle = handleColumn(handles, 'service.handle_delta');
  const withdrawn = handleColumn(withdrawals, 'service.withdrawn_delta');
  const columns = {
    service: spreadAddresses(cursor, services, handle.length),
    contactInstance: spreadAddresses(cursor, instances, handle.length),
    originator: spread(originators, handle.length),
  };
  const { service, contactInstance, originator } = columns;
  if (service === undefined || contactInstance === undefined || originator === undefined) {
    const name = service === undefined ? 'service' : contactInstance === undefined ? 'contact_instance' : 'originator';
    if (handle.length > 0) faults.add(`service.${name}`, 'wrong length of the column: rows withdrawn', handle.length);
    return { ...EMPTY, withdrawn: joined(withdrawn, handle) };
  }
  return settleRows(
    { handle, service, contactInstance, originator, withdrawn },
    spread(setIndexes, handle.length),
    sets,
    faults,
  );
}

const EMPTY: ServiceUpdate = {
  attributeSets: [],
  handle: new Uint32Array(0),
  service: new Uint32Array(0),
  contactInstance: new Uint32Array(0),
  originator: new Uint32Array(0),
  attributeSet: new Int32Array(0),
  withdrawn: new Uint32Array(0),
};

const joined = (a: Uint32Array, b: Uint32Array): Uint32Array => {
  const both = new Uint32Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
};

type KeyColumns = Omit<ServiceUpdate, 'attributeSets' | 'attributeSet'>;

/** Joins keys with attribute sets; what does not fit is withdrawn and said. */
function settleRows(
  keys: KeyColumns,
  indexes: Uint32Array | undefined,
  sets: readonly (ServiceAttributes | undefined)[],
  faults: FaultLog,
): ServiceUpdate {
  const rows = keys.handle.length;
  if (keys.originator.includes(0)) return withoutRouterZero(keys, indexes, sets, faults);
  // Malformed sets leave a hole; sets move up so that the message holds only sets that can be used.
  const attributeSets: ServiceAttributes[] = [];
  const newIndex = sets.map((set) => (set === undefined ? -1 : attributeSets.push(set) - 1));
  const attributeSet = int32s(rows);
  let orphans = 0;
  for (let row = 0; row < rows; row++) {
    const old = indexes === undefined ? -1 : indexes[row]!;
    attributeSet[row] = old >= 0 && old < sets.length ? newIndex[old]! : -1;
    if (old >= sets.length) orphans++;
  }
  if (indexes === undefined) faults.add('service.attribute_set', 'wrong length of the column: rows withdrawn', rows);
  else if (orphans > 0) faults.add('service.attribute_set', 'no such attribute set: row withdrawn', orphans);
  const { handle, service, contactInstance, originator, withdrawn } = keys;
  return { attributeSets, handle, service, contactInstance, originator, attributeSet, withdrawn };
}

/** RFC 6286: router id 0 names nobody, so such a row has no key; its handle is withdrawn. */
function withoutRouterZero(
  keys: KeyColumns,
  indexes: Uint32Array | undefined,
  sets: readonly (ServiceAttributes | undefined)[],
  faults: FaultLog,
): ServiceUpdate {
  const good = (_: unknown, row: number) => keys.originator[row] !== 0;
  const goodWord = (_: unknown, word: number) => keys.originator[Math.floor(word / ADDRESS_WORDS)] !== 0;
  const bad = keys.handle.filter((_, row) => keys.originator[row] === 0);
  faults.add('service.originator', 'router id 0: row withdrawn', bad.length);
  return settleRows(
    {
      handle: keys.handle.filter(good),
      service: keys.service.filter(goodWord),
      contactInstance: keys.contactInstance.filter(goodWord),
      originator: keys.originator.filter(good),
      withdrawn: joined(keys.withdrawn, bad),
    },
    indexes?.filter(good),
    sets,
    faults,
  );
}

/** The next attribute set; undefined: it is malformed, and that is said. */
export function takeSet(cursor: Cursor, index: number, faults: FaultLog): ServiceAttributes | undefined {
  if (index >= MAX_ROWS) {
    const text = `more than ${MAX_ROWS} attribute sets`;
    throw new SessionError(NOTIFICATION.update, UPDATE_SUBCODE.malformed, 'service.attribute_sets', text);
  }
  const body = cursor.nested();
  const { view, pos: from, end } = body;
  const recent = recentSet(view, from, end);
  if (recent !== undefined) return recent;
  try {
    const set = readAttributes(body);
    rememberSet(view, from, end, set);
    return set;
  } catch (error) {
    if (!(error instanceof WireFault)) throw error;
    faults.add('service.attribute_sets', `${error.message}: its rows are withdrawn`);
    return undefined;
  }
}

/** Handles of a key column, or the end of the session: without them nothing can be withdrawn. */
export function handleColumn(column: Column<Int32Array>, field: string): Uint32Array {
  const handles = sumDeltas(column, MAX_HANDLE);
  if (handles !== undefined) return handles;
  const text = column.broken || `handle outside 1..${MAX_HANDLE}`;
  throw new SessionError(NOTIFICATION.update, UPDATE_SUBCODE.invalidKeys, field, text);
}
