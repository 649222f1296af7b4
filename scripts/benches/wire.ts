// Bench `wire`: nanoseconds a route and a state, encoded and decoded, in columns (lib/wire) and as one protobuf message an
// entry (the peer). Both sides in one process, in alternating slices.
import { type ComputeState, METRIC_SOURCES, METRIC_STATISTICS } from '../../lib/model/compute-state.ts';
import { numberToRouterId, type Score } from '../../lib/model/identity.ts';
import type { ServiceAttributes } from '../../lib/model/service-route.ts';
import { bytesToAddress } from '../../lib/net/address.ts';
import type { UpdateMessage } from '../../lib/session/message.ts';
import { computeUpdate, serviceUpdate } from '../../lib/session/update-rows.ts';
import { decodeFrame, encodeFrame } from '../../lib/wire/frame.ts';
import {
  absolute,
  type Bench,
  type BenchOptions,
  comparison,
  type Document,
  interleave,
  machine,
  median,
  type Row,
} from './report.ts';
import { type ObjectCodec, routeObjects, stateObjects } from './wire-objects.fixture.ts';

const SIZES = [1, 100, 1000];
const ENTRIES_PER_SLICE = 100_000;
/** DESIGN section 12: columns cost a fraction of objects; here they also start and end as the text of the core. */
const TARGETS: Readonly<Record<number, number>> = { 100: 1, 1000: 0.8 };
/** A message of one entry is bounded by half of what gRPC alone takes to receive it (7 us). */
const SINGLE_TARGET_NS = 3500;

export const bench: Bench = { summary: 'columns on the wire against one protobuf message an entry, ns an entry', run };

async function run(options: BenchOptions): Promise<Document> {
  const rows: Row[] = [];
  for (const size of SIZES) {
    options.progress(`${size} entries a message`);
    rows.push(...(await measure('route', size, routes(size), routeObjects, routeEntries(size), options)));
    rows.push(...(await measure('state', size, states(size), stateObjects, stateEntries(size), options)));
  }
  return { bench: 'wire', machine: machine(), rows };
}

async function measure(
  what: string,
  size: number,
  update: UpdateMessage,
  objects: ObjectCodec,
  entries: readonly object[],
  options: BenchOptions,
): Promise<Row[]> {
  const ours = encodeFrame(update);
  const theirs = objects.encode(entries);
  const repeat = Math.max(1, Math.round(ENTRIES_PER_SLICE / size));
  const timed = (act: () => unknown) => () => nanoseconds(act, repeat) / size;
  const pairs = {
    encode: [timed(() => encodeFrame(update)), timed(() => objects.encode(entries))],
    decode: [timed(() => decodeFrame(ours)), timed(() => objects.decode(theirs))],
  } as const;
  const rows: Row[] = [];
  for (const [verb, [mine, peer]] of Object.entries(pairs)) {
    for (let i = 0; i < 2; i++) void [mine(), peer()];
    const method = `median of ${options.rounds} alternating slices of ${ENTRIES_PER_SLICE} entries, processor time; ${(ours.length / size).toFixed(1)} bytes an entry against ${(theirs.length / size).toFixed(1)}`;
    const row = { id: `C.${verb}.${what}.${size}`, what: `${verb} ${size} ${what}(s) a message`, unit: 'ns', method };
    const rounds = await interleave(options.rounds, mine, peer);
    // A single route carries its attribute set with it, which the peer's does not: no ratio, a bound.
    const target = TARGETS[size];
    if (target === undefined) {
      const figure = median(rounds.map((round) => round.ours));
      rows.push(absolute({ ...row, ours: figure, better: 'lower', target: SINGLE_TARGET_NS }));
    } else {
      const peerName = 'protobufjs, one message an entry';
      rows.push(comparison({ ...row, peerName, better: 'lower', target }, rounds));
    }
  }
  return rows;
}

/** Processor time of one repetition: this thread's own, so that neighbours on the machine count little. */
function nanoseconds(act: () => unknown, repeat: number): number {
  const before = process.cpuUsage();
  for (let i = 0; i < repeat; i++) act();
  const spent = process.cpuUsage(before);
  return ((spent.user + spent.system) * 1000) / repeat;
}

const rowsOf = <T>(size: number, make: (row: number) => T): T[] => Array.from({ length: size }, (_, row) => make(row));
const bytesOf = (row: number, kind: number) =>
  Uint8Array.of(0xfd, kind, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, row >> 16, row >> 8, row);
const SERVICES = 50;
const ORIGINATORS = 64;
const originator = (row: number) => 0x0a00_0001 + (row % ORIGINATORS);

const ATTRIBUTES: ServiceAttributes = {
  egressSid: '5f00:0:31:e000::',
  sidStructure: { block: 32, node: 16, function: 16, argument: 0 },
  behaviour: 18,
  sitePath: ['site-1'],
  clusterList: [],
  communities: [],
  onlyToDownstream: '',
  site: 'site-1',
  serviceName: 'web',
  instanceName: 'web-1',
  classes: ['interactive'],
  capabilities: [],
  region: 'north',
  residency: [],
  priceMicros: 5000,
  carbon: 120,
  energy: 300,
  securityLevel: 1,
  preference: 100,
  drain: false,
  validForMs: 60_000,
};

const routes = (size: number): UpdateMessage => ({
  type: 'UPDATE',
  service: serviceUpdate(
    rowsOf(size, (row) => ({
      handle: row + 1,
      service: bytesToAddress(bytesOf(row % SERVICES, 1)),
      contactInstance: bytesToAddress(bytesOf(row, 2)),
      originator: numberToRouterId(originator(row)),
      attributes: ATTRIBUTES,
    })),
  ),
});

const routeEntries = (size: number): object[] =>
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

const states = (size: number): UpdateMessage => ({
  type: 'UPDATE',
  compute: computeUpdate(rowsOf(size, (row) => ({ handle: row + 1, state: stateOf(row) }))),
});

const stateEntries = (size: number): object[] =>
  rowsOf(size, (row) => {
    const state = stateOf(row);
    const source = METRIC_SOURCES.indexOf(state.source) + 1;
    return { handle: row + 1, ...state, source, statistic: METRIC_STATISTICS.indexOf(state.statistic) + 1 };
  });
