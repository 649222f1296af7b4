// A peer that sends broken frames, one after the other: the router stays up and small, the other peers notice nothing, and
// the offender is told why. CFND_MUTATIONS sets their number (a million takes some minutes) and CFND_SEED where they begin.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseConfig } from '../config/parse.ts';
import type { SessionMessage } from '../session/message.ts';
import { openOf } from '../session/peers.fixture.ts';
import { decodeFrame, encodeFrame } from '../wire/frame.ts';
import { digest, message, open, subscribe, update } from '../wire/messages.fixture.ts';
import { oracleFrame } from '../wire/oracle.fixture.ts';
import { SessionError } from '../wire/session-error.ts';
import { UpdateJoiner } from '../wire/update-joiner.ts';
import type { RouterEffect } from './effect.ts';
import type { RouterEventBody } from './event.ts';
import { allFields, FrameMutator } from './frame-mutator.fixture.ts';
import { createRouter, handle } from './handle.ts';
import { seeded } from './schedule.fixture.ts';
import { ribRows } from './view/services.ts';

const MUTATIONS = Number(process.env.CFND_MUTATIONS ?? 10_000);
const SEED = Number(process.env.CFND_SEED ?? 7);
const OFFENDER = 'offender';
const HONEST = ['honest-1', 'honest-2'];
const OFFENDERS_NUMBER = 3;
const LIMIT = 2000;
/** Share of the connections on which already the first frame is broken. */
const EARLY = 0.3;

const CONFIG = `
name: hub
site: hub
router-id: 10.0.9.1
domain: metro
security: plaintext
stamp: { enabled: false }
srv6: { locator: "5f00:0:1::/48" }
fib: { kind: memory, verify-interval: 0s }
steering: { services: [ { service: "fd00:cafe::80" } ] }
services: { web: "fd00:cafe::80" }
peers:
  - { name: offender, address: "fd00:1::1", passive: true, limits: { service: ${LIMIT}, link-state: ${LIMIT} } }
  - { name: honest-1, address: "fd00:1::2", passive: true }
  - { name: honest-2, address: "fd00:1::3", passive: true }
`;

function started() {
  const parsed = parseConfig(CONFIG);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  const router = createRouter();
  let atMs = 1000;
  const post = (body: RouterEventBody) => handle(router, { atMs: ++atMs, ...body });
  post({
    type: 'start',
    config: parsed.config,
    bootId: 'boot-hub',
    wallMs: 1_790_000_000_000,
    retained: [],
    capabilities: [],
  });
  const result = { failures: [], put: 0, removed: 0, netlinkDoneAtMs: 0, affinityDoneAtMs: 0 };
  post({ type: 'fib-done', what: 'sync', request: 1, result });
  return { post, state: router.state! };
}

type World = ReturnType<typeof started>;

/** An OPEN that is good; of another life each time, because broken ones bring in others. */
const goodOpen = (peer: string, number: number, life: string) =>
  encodeFrame(openOf({ name: peer, site: peer, routerId: `10.0.0.${number}`, bootId: life }));

/** Opens a connection and brings the session up, after whatever pause the peer is in. */
function establish(world: World, peer: string, connection: number, number: number): void {
  const { post, state } = world;
  call(world, peer, connection);
  post({ type: 'message', peer, connection, message: decodeFrame(goodOpen(peer, number, `life-${connection}`)) });
  post({ type: 'message', peer, connection, message: { type: 'KEEPALIVE' } });
  expect(state.peers.get(peer)!.session?.connection, peer).toBe(connection);
}

/** A connection on which nobody has spoken: what comes is judged as an OPEN is. */
function call({ post, state }: World, peer: string, connection: number): void {
  post({ type: 'timer', timer: `session/${peer}/idle-hold` });
  post({ type: 'timer', timer: `session/${peer}/limit` });
  post({ type: 'connection-opened', peer, connection, direction: 'inbound' });
  expect(state.peers.get(peer)!.fsm.name, peer).toBe('OpenSent');
}

/** One route of an honest peer. */
function route(number: number): Uint8Array {
  const address = (last: number) => Uint8Array.of(0xfd, 0, 0xca, 0xfe, ...new Array<number>(11).fill(0), last);
  const service = {
    attributeSets: [{ egressSid: address(number), site: `honest-${number}`, sitePath: [`honest-${number}`] }],
    handleDelta: [1],
    service: address(0x80),
    contactInstance: address(number),
    originator: [0x0a000000 + number],
  };
  return oracleFrame({ update: { service, endOfRib: [1] } });
}

/** Legal frames with every field of the schema in some of them. */
function corpus(): Uint8Array[] {
  const seed = { seed: SEED, numRuns: 150 };
  const messages = [message, open, update, subscribe, digest].flatMap((one) => fc.sample<SessionMessage>(one, seed));
  return messages.map((it) => encodeFrame(it));
}

const joiner = new UpdateJoiner();

const isTo = (effect: RouterEffect, peer: string) =>
  (effect.type === 'send' || effect.type === 'close') && effect.peer === peer;

test(`${MUTATIONS} broken frames leave the router up and small, its other sessions untouched, and the offender with a reason`, () => {
  const world = started();
  const { post, state } = world;
  let connection = 1;
  for (const [i, peer] of HONEST.entries()) {
    establish(world, peer, connection, i + 1);
    post({ type: 'message', peer, connection: connection++, message: decodeFrame(route(i + 1)) });
  }
  const honest = () =>
    ribRows(state)
      .filter((row) => HONEST.includes(row.from))
      .map((row) => row.contactInstance);
  const before = honest();
  expect(before).toHaveLength(HONEST.length);

  const random = seeded(SEED);
  const mutator = new FrameMutator(random);
  const frames = corpus();
  const pick = () => frames[Math.floor(random() * frames.length)]!;
  const told = new Map<string, number>();
  for (let n = 0; n < MUTATIONS; n++) {
    const offender = state.peers.get(OFFENDER)!;
    const isEarly = offender.session === undefined && random() < EARLY;
    if (isEarly) call(world, OFFENDER, ++connection);
    else if (offender.session === undefined) establish(world, OFFENDER, ++connection, OFFENDERS_NUMBER);
    // Before the session is up it is mostly its OPEN that is broken.
    // No flipped bit makes its life one that is to come: that would be a replay.
    const early = goodOpen(OFFENDER, OFFENDERS_NUMBER, `boot-${connection}`);
    const frame = isEarly && random() < 0.8 ? early : pick();
    const bytes = mutator.mutate(frame, pick());
    const effects = post(eventOf(bytes, connection));
    for (const peer of HONEST)
      expect(effects.some((it) => isTo(it, peer) && (it.type === 'close' || isNotification(it)))).toBe(false);
    if (isEarly && offender.fsm.name === 'OpenConfirm') {
      // Broken where it does not matter, or something else than was meant: a session all the same.
      post({ type: 'message', peer: OFFENDER, connection, message: { type: 'KEEPALIVE' } });
      expect(offender.session?.connection).toBe(connection);
      told.set('up', (told.get('up') ?? 0) + 1);
    }
    if (offender.session !== undefined) continue;
    const said = effects.find((it) => it.type === 'send' && it.peer === OFFENDER && isNotification(it));
    if (said?.type === 'send' && said.message.type === 'NOTIFICATION') {
      expect(said.message.text).not.toBe('');
      const key = `${said.message.code}/${said.message.subcode}`;
      told.set(key, (told.get(key) ?? 0) + 1);
    } else {
      // RFC 4271 4.5: a NOTIFICATION is not answered.
      expect(decodeFrame(bytes).type).toBe('NOTIFICATION');
      told.set('received', (told.get('received') ?? 0) + 1);
    }
  }
  for (const peer of HONEST) expect(state.peers.get(peer)!.fsm.name).toBe('Established');
  expect(honest()).toEqual(before);
  // Bounded by configuration while it is there, and nothing is left of it when it says good-bye.
  expect(ribRows(state).length).toBeLessThanOrEqual(LIMIT + HONEST.length);
  expect(state.lsdb.nodes.size).toBeLessThanOrEqual(LIMIT + 1);
  if (state.peers.get(OFFENDER)!.session === undefined) establish(world, OFFENDER, ++connection, OFFENDERS_NUMBER);
  const bye = { type: 'NOTIFICATION', code: 6, subcode: 2, data: '', text: 'bye' } as const;
  post({ type: 'message', peer: OFFENDER, connection, message: bye });
  for (let i = 0; i < 100; i++) post({ type: 'timer', timer: 'flush' });
  expect(ribRows(state)).toHaveLength(HONEST.length);
  if (MUTATIONS >= 10_000) expect([...allFields()].filter((field) => !mutator.reached.has(field))).toEqual([]);
  // Each kind of fault that the protocol has a word for came up; a broken handle is rare.
  const kinds = [
    '1/2',
    '1/3',
    '3/1',
    '7/1',
    '5/1',
    '5/3',
    '2/1',
    '2/12',
    'received',
    'up',
    ...(MUTATIONS >= 100_000 ? ['3/10'] : []),
  ];
  expect([...told.keys()]).toEqual(expect.arrayContaining(kinds));
  if (process.env.CFND_MUTATIONS !== undefined) {
    global.gc?.();
    const heapMiB = Math.round(process.memoryUsage().heapUsed / 2 ** 20);
    console.log(
      JSON.stringify({ mutations: MUTATIONS, sessions: connection, told: Object.fromEntries(told), heapMiB }),
    );
  }
}, 3_600_000);

/** As a connection reads it: plain UPDATEs take the short way. */
function eventOf(bytes: Uint8Array, connection: number): RouterEventBody {
  const joined = joiner.add(bytes, 0, bytes.length) ? joiner.take() : undefined;
  if (joined !== undefined) return { type: 'message', peer: OFFENDER, connection, ...joined };
  try {
    return { type: 'message', peer: OFFENDER, connection, message: decodeFrame(bytes) };
  } catch (error) {
    if (!(error instanceof SessionError)) throw error;
    return { type: 'bad-message', peer: OFFENDER, connection, notification: error.notification };
  }
}

function isNotification(effect: RouterEffect): boolean {
  return effect.type === 'send' && effect.message.type === 'NOTIFICATION';
}
