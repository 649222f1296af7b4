// Entries of bench `wire`: routes and states as UPDATEs, and as what one protobuf message an entry is made from.
import { type ComputeState, METRIC_SOURCES, METRIC_STATISTICS } from '../../lib/model/compute-state.ts';
import { numberToRouterId, type Score } from '../../lib/model/identity.ts';
import { bytesToAddress } from '../../lib/net/address.ts';
import type { UpdateMessage } from '../../lib/session/message.ts';
import { computeUpdate, serviceUpdate } from '../../lib/session/update-rows.ts';
import { EXAMPLE_ATTRIBUTES } from './example-attributes.ts';

const rowsOf = <T>(size: number, make: (row: number) => T): T[] => Array.from({ length: size }, (_, row) => make(row));
const bytesOf = (row: number, kind: number) =>
  Uint8Array.of(0xfd, kind, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, row >> 16, row >> 8, row);
const SERVICES = 50;
const ORIGINATORS = 64;
const originator = (row: number) => 0x0a00_0001 + (row % ORIGINATORS);

export const routes = (size: number): UpdateMessage => ({
  type: 'UPDATE',
  service: serviceUpdate(
    rowsOf(size, (row) => ({
      handle: row + 1,
      service: bytesToAddress(bytesOf(row % SERVICES, 1)),
      contactInstance: bytesToAddress(bytesOf(row, 2)),
      originator: numberToRouterId(originator(row)),
      attributes: EXAMPLE_ATTRIBUTES,
    })),
  ),
});

export const routeEntries = (size: number): object[] =>
  rowsOf(size, (row) => ({
    handle: row + 1,
    service: bytesOf(row % SERVICES, 1),
    instance: bytesOf(row, 2),
    originator: originator(row),
    set: 0,
  }));

const stateOf = (row: number): ComputeState => ({
  sequence: 1_700_000_000_000 + row,
  score: (row % 11) as Score,
  computeScore: (row % 7) as Score,
  serviceScore: 5 as Score,
  serviceTimeUs: 300 + ((row * 37) % 90_000),
  workTimeUs: 4000 + (row % 100),
  spareCapacity: row % 100,
  inFlight: row % 20,
  arrivalRate: row % 300,
  workers: 8,
  source: 'measured',
  statistic: 'mean',
  windowMs: 1000,
  measuredAtMs: 1_700_000_000_000 + (row % 100),
  validForMs: 180_000,
});

export const states = (size: number): UpdateMessage => ({
  type: 'UPDATE',
  compute: computeUpdate(rowsOf(size, (row) => ({ handle: row + 1, state: stateOf(row) }))),
});

export const stateEntries = (size: number): object[] =>
  rowsOf(size, (row) => {
    const state = stateOf(row);
    const source = METRIC_SOURCES.indexOf(state.source) + 1;
    return { handle: row + 1, ...state, source, statistic: METRIC_STATISTICS.indexOf(state.statistic) + 1 };
  });
