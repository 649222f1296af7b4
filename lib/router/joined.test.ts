// UPDATEs that were joined (lib/wire/update-joiner.ts) leave a router as they would one after the other.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { UpdateMessage } from '../session/message.ts';
import { computeUpdate, serviceUpdate } from '../session/update-rows.ts';
import { decodeFrame, encodeFrame } from '../wire/frame.ts';
import { UpdateJoiner } from '../wire/update-joiner.ts';
import { SERVICE } from './domain.fixture.ts';
import type { RouterEvent } from './event.ts';
import { ALL, World } from './world.fixture.ts';

type Said = Extract<RouterEvent, { type: 'message' }>;

const FROM = 's-0';
const TO = 'hub-0';

const peerOf = (world: World) => world.state(TO).peers.get(FROM)!;

function post(world: World, said: Pick<Said, 'message' | 'bytes' | 'count'>): void {
  const { connection } = peerOf(world).session!;
  world.domain.simulation.post(TO, { type: 'message', peer: FROM, connection, ...said });
}

function sayEach(world: World, frames: readonly Uint8Array[]): void {
  for (const frame of frames) post(world, { message: decodeFrame(frame), bytes: frame.length });
}

/** As a connection does with the frames of one read. Returns how many events it made of them. */
function sayJoined(world: World, frames: readonly Uint8Array[]): number {
  const joiner = new UpdateJoiner();
  let events = 0;
  const flush = () => {
    const joined = joiner.take();
    if (joined === undefined) return false;
    post(world, joined);
    events++;
    return true;
  };
  for (const frame of frames) {
    if (joiner.add(frame, 0, frame.length) || (flush() && joiner.add(frame, 0, frame.length))) continue;
    post(world, { message: decodeFrame(frame), bytes: frame.length });
    events++;
  }
  flush();
  return events;
}

function known(world: World) {
  const { session, messagesIn, refusals } = peerOf(world);
  const handles = Array.from({ length: 12 }, (_, i) => session!.handles.resolve(900 + i));
  return { routes: world.routes(TO), handles, size: session!.handles.size, messagesIn, refusals };
}

const handle = fc.integer({ min: 900, max: 904 });
const instance = fc.integer({ min: 1, max: 4 });
const route = fc.record({ handle, instance, drain: fc.boolean() });
const report = fc.record({ handle, sequence: fc.integer({ min: 1, max: 40 }), score: fc.nat(10) });
/** Mostly a route and its state under one handle, as routers say them. */
const message = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .tuple(route, report)
      .map(([r, s]) => ({ gone: [], routes: [r], states: [{ ...s, handle: r.handle }] })),
  },
  { weight: 1, arbitrary: report.map((s) => ({ gone: [], routes: [], states: [s] })) },
  { weight: 1, arbitrary: handle.map((h) => ({ gone: [h], routes: [], states: [] })) },
  {
    weight: 2,
    arbitrary: fc.record({
      gone: fc.array(handle, { maxLength: 1 }),
      routes: fc.array(route, { maxLength: 2 }),
      states: fc.array(report, { maxLength: 2 }),
    }),
  },
);

type Message = typeof message extends fc.Arbitrary<infer T> ? T : never;

/** `since`: what sequences begin at, so that reports are news now and then. */
function frameOf(world: World, { gone, routes, states }: Message, since: number) {
  const { attributes } = world.routeTo(FROM, 0)!;
  const rows = routes.map((it) => ({
    handle: it.handle,
    service: SERVICE,
    contactInstance: `fd00:bad::${it.instance}`,
    originator: '10.9.9.9',
    attributes: { ...attributes, egressSid: `5f00:0:99:${it.instance}::`, drain: it.drain },
  }));
  const state = world.routeTo(FROM, 0)!.state!;
  const reports = states.map((it) => ({
    handle: it.handle,
    state: { ...state, sequence: since + it.sequence, score: it.score as typeof state.score },
  }));
  const update: UpdateMessage = {
    type: 'UPDATE',
    ...(rows.length + gone.length > 0 && { service: serviceUpdate(rows, gone) }),
    ...(reports.length > 0 && { compute: computeUpdate(reports) }),
  };
  return encodeFrame(update);
}

describe('UPDATEs of one read', () => {
  test('come to the same, joined or one after the other', () => {
    const [each, joined] = [new World({ hubs: 1 }), new World({ hubs: 1 })];
    let [messages, events] = [0, 0];
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 12 }), (read) => {
        const frames = read.map((it) => frameOf(each, it, messages));
        sayEach(each, frames);
        events += sayJoined(joined, frames);
        messages += frames.length;
        expect(known(joined)).toEqual(known(each));
      }),
      { numRuns: 400 },
    );
    // Otherwise it shows nothing.
    expect(events).toBeLessThan(messages * 0.8);
    each.run(1000);
    joined.run(1000);
    for (const name of each.domain.sites) expect(joined.routes(name)).toEqual(each.routes(name));
    expect(joined.instances('s-1')).toEqual(expect.arrayContaining(ALL));
  });
});
