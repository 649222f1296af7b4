// Bench `wire`: nanoseconds a route and a state, encoded and decoded, in columns (lib/wire) and as one protobuf message an
// entry (the peer), both sides in one process, in alternating slices; and whole messages from one process to another.
import { giveBack } from '../../lib/model/state-buffers.ts';
import type { SessionMessage, UpdateMessage } from '../../lib/session/message.ts';
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
import { routeEntries, routes, stateEntries, states } from './wire-entries.ts';
import { type ObjectCodec, routeObjects, stateObjects } from './wire-objects.fixture.ts';
import { transportId, transportRows } from './wire-transport.ts';

const SIZES = [1, 100, 1000];
const ENTRIES_PER_SLICE = 100_000;
/** DESIGN section 12: columns cost a fraction of objects; here they also start and end as the text of the core. */
const TARGETS: Readonly<Record<number, number>> = { 100: 1, 1000: 0.8 };
const MOST_NS = 60;
/** A message of one entry is bounded by half of what gRPC alone takes to receive it (7 us). */
const SINGLE_TARGET_NS = 3500;

const VERBS = ['encode', 'decode'] as const;
const idOf = (verb: string, what: string, size: number): string => `C.${verb}.${what}.${size}`;
/** The figure itself, of rows that are judged by a ratio. */
const figureId = (id: string): string => `${id}.ns`;

export const bench: Bench = {
  summary: 'columns on the wire against one protobuf message an entry, ns an entry',
  ids: [
    ...SIZES.flatMap((size) =>
      ['route', 'state'].flatMap((what) =>
        VERBS.flatMap((verb) => {
          const id = idOf(verb, what, size);
          return size in TARGETS ? [id, figureId(id)] : [id];
        }),
      ),
    ),
    ...SIZES.map(transportId),
  ],
  run,
};

async function run(options: BenchOptions): Promise<Document> {
  const rows: Row[] = [];
  for (const size of SIZES) {
    options.progress(`${size} entries a message`);
    rows.push(...(await measure('route', size, routes(size), routeObjects, routeEntries(size), options)));
    rows.push(...(await measure('state', size, states(size), stateObjects, stateEntries(size), options)));
  }
  const sizes = SIZES.filter((size) => options.isWanted(transportId(size)));
  rows.push(...(await transportRows(sizes, options)));
  return { bench: 'wire', machine: machine(), rows: rows.filter(({ id }) => options.isWanted(id)) };
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
    decode: [timed(() => release(decodeFrame(ours))), timed(() => objects.decode(theirs))],
  } as const;
  const rows: Row[] = [];
  for (const verb of VERBS) {
    const id = idOf(verb, what, size);
    if (!options.isWanted(id) && !options.isWanted(figureId(id))) continue;
    const [mine, peer] = pairs[verb];
    for (let i = 0; i < 2; i++) void [mine(), peer()];
    const method = `median of ${options.rounds} alternating slices of ${ENTRIES_PER_SLICE} entries, processor time; ${(ours.length / size).toFixed(1)} bytes an entry against ${(theirs.length / size).toFixed(1)}`;
    const row = { id, what: `${verb} ${size} ${what}(s) a message`, unit: 'ns', method };
    const rounds = await interleave(options.rounds, mine, peer);
    // A single route carries its attribute set with it, which the peer's does not: no ratio, a bound.
    const target = TARGETS[size];
    if (target === undefined) {
      const figure = median(rounds.map((round) => round.ours));
      rows.push(absolute({ ...row, ours: figure, better: 'lower', target: SINGLE_TARGET_NS }));
    } else {
      const peerName = 'protobufjs, one message an entry';
      rows.push(comparison({ ...row, peerName, better: 'lower', target }, rounds));
      const figure = median(rounds.map((round) => round.ours));
      rows.push(absolute({ ...row, id: figureId(id), ours: figure, better: 'lower', target: MOST_NS }));
    }
  }
  return rows;
}

/** As the daemon does with what the core has read. */
function release(message: SessionMessage): void {
  if (message.type === 'UPDATE' && message.compute) giveBack(message.compute.state);
}

/** Processor time of one repetition: this thread's own, so that neighbours on the machine count little. */
function nanoseconds(act: () => unknown, repeat: number): number {
  const before = process.cpuUsage();
  for (let i = 0; i < repeat; i++) act();
  const spent = process.cpuUsage(before);
  return ((spent.user + spent.system) * 1000) / repeat;
}
