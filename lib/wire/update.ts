// UPDATE of session.proto: puts the families' parts together. Each part at most once a frame.
import { FAMILIES, type Family } from '../model/identity.ts';
import {
  type ComputeUpdate,
  type LinkStateUpdate,
  type ServiceUpdate,
  type UpdateMessage,
  updateOf,
} from '../session/message.ts';
import { elements, emptyColumn, takeColumn } from './column.ts';
import { readComputeUpdate, writeComputeUpdate } from './compute-update.ts';
import { type Cursor, LEN, tagOf } from './cursor.ts';
import { namesOf, writeEnums } from './enums.ts';
import { FaultLog } from './fault-log.ts';
import { readLinkState, writeLinkState } from './link-state.ts';
import { readServiceUpdate, writeServiceUpdate } from './service-update.ts';
import type { FrameWriter } from './writer.ts';

const TAG = { service: tagOf(1, LEN), compute: tagOf(2, LEN), linkState: tagOf(3, LEN) } as const;
const END_OF_RIB = 4;
/** About what a row takes in either family. */
const ROW_BYTES = 36;

export function writeUpdate(writer: FrameWriter, message: UpdateMessage): void {
  if (message.service) {
    writer.uint32(TAG.service).fork(message.service.handle.length * ROW_BYTES);
    writeServiceUpdate(writer, message.service);
    writer.ldelim();
  }
  if (message.compute) {
    writer.uint32(TAG.compute).fork(message.compute.handle.length * ROW_BYTES);
    writeComputeUpdate(writer, message.compute);
    writer.ldelim();
  }
  if (message.linkState) {
    writer.uint32(TAG.linkState).fork();
    writeLinkState(writer, message.linkState);
    writer.ldelim();
  }
  writeEnums(writer, END_OF_RIB, FAMILIES, message.endOfRib ?? []);
}

/** Reads the body; entries that were dropped are in `faults`, and the field is absent when there were none. */
export function readUpdate(cursor: Cursor): UpdateMessage {
  const faults = new FaultLog();
  const markers = emptyColumn('uint32');
  let service: ServiceUpdate | undefined;
  let compute: ComputeUpdate | undefined;
  let linkState: LinkStateUpdate | undefined;
  while (cursor.more()) {
    const tag = cursor.tag();
    if (tag === TAG.service && service === undefined) service = readServiceUpdate(cursor.nested(), faults);
    else if (tag === TAG.compute && compute === undefined) compute = readComputeUpdate(cursor.nested(), faults);
    else if (tag === TAG.linkState && linkState === undefined) linkState = readLinkState(cursor.nested(), faults);
    else if (tag <= TAG.linkState && (tag & 7) === LEN) throw cursor.fault('a part of UPDATE appears twice');
    else if (tag >>> 3 === END_OF_RIB) takeColumn(cursor, tag, markers);
    else cursor.skip(tag);
  }
  if (markers.broken !== '') throw cursor.fault(`end_of_rib: ${markers.broken}`);
  const endOfRib = markers.count === 0 ? [] : namesOf<Family>(FAMILIES, elements(markers));
  const dropped = faults.list();
  const rows = updateOf(service, compute);
  if (linkState === undefined && endOfRib.length === 0 && dropped.length === 0) return rows;
  return {
    ...rows,
    ...(linkState && { linkState }),
    ...(endOfRib.length > 0 && { endOfRib }),
    ...(dropped.length > 0 && { faults: dropped }),
  };
}
