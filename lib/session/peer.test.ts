// The FSM of one peer: the printed state x event table, and the cases that RFC 4271 and its successors name.
import { describe, expect, it } from 'vitest';
import type { SessionMessage } from './message.ts';
import { heardUpdate, initialPeer, type PeerState, stepPeer } from './peer.ts';
import type { PeerEffect, PeerEvent, PeerSessionConfig } from './peer-contract.ts';
import { configOf, openOf } from './peers.fixture.ts';

const CONFIG = configOf();

/** Runs events at one moment each; returns the last state and the effects of the last event. */
function run(events: readonly PeerEvent[], config: PeerSessionConfig = CONFIG, atMs: readonly number[] = []) {
  let state: PeerState = initialPeer();
  let effects: readonly PeerEffect[] = [];
  for (const [i, event] of events.entries()) ({ state, effects } = stepPeer(state, event, config, atMs[i] ?? 0));
  return { state, effects };
}

const start: PeerEvent = { type: 'start' };
const inbound = (connection: number): PeerEvent => ({ type: 'connection-opened', connection, direction: 'inbound' });
const outbound = (connection: number): PeerEvent => ({ type: 'connection-opened', connection, direction: 'outbound' });
const on = (connection: number, message: SessionMessage): PeerEvent => ({ type: 'message', connection, message });
const keepalive: SessionMessage = { type: 'KEEPALIVE' };
const endOfRib: SessionMessage = { type: 'UPDATE', endOfRib: ['service'] };
const cease = (subcode: number): SessionMessage => ({ type: 'NOTIFICATION', code: 6, subcode, data: '', text: 'bye' });

const TO: Record<string, readonly PeerEvent[]> = {
  Idle: [],
  Connect: [start],
  Active: [start, { type: 'connection-failed', reason: 'refused' }],
  OpenSent: [start, outbound(1)],
  OpenConfirm: [start, outbound(1), on(1, openOf())],
  Established: [start, outbound(1), on(1, openOf()), on(1, keepalive)],
};

const EVENTS: readonly (readonly [string, PeerEvent])[] = [
  ['start', start],
  ['stop', { type: 'stop', subcode: 2, text: 'upgrade' }],
  ['outbound opened', outbound(2)],
  ['inbound opened', inbound(2)],
  ['dial failed', { type: 'connection-failed', reason: 'refused' }],
  ['closed', { type: 'connection-closed', connection: 1, reason: 'reset' }],
  ['OPEN', on(1, openOf())],
  ['bad OPEN', on(1, openOf({ version: 9 }))],
  ['KEEPALIVE', on(1, keepalive)],
  ['UPDATE', on(1, endOfRib)],
  ['NOTIFICATION 6/2', on(1, cease(2))],
  ['NOTIFICATION 6/7', on(1, cease(7))],
  [
    'bad message',
    {
      type: 'bad-message',
      connection: 1,
      notification: { type: 'NOTIFICATION', code: 1, subcode: 2, data: '', text: '' },
    },
  ],
  ['connect-retry', { type: 'timer', timer: 'connect-retry' }],
  ['hold, expired', { type: 'timer', timer: 'hold' }],
  ['keepalive', { type: 'timer', timer: 'keepalive' }],
  ['idle-hold', { type: 'timer', timer: 'idle-hold' }],
  ['path down', { type: 'path-down', reason: 'eth1' }],
];

const short = (effect: PeerEffect): string => {
  switch (effect.type) {
    case 'send':
      return effect.message.type === 'NOTIFICATION'
        ? `${effect.message.code}/${effect.message.subcode}>${effect.connection}`
        : `${effect.message.type}>${effect.connection}`;
    case 'close':
      return `close ${effect.connection}`;
    case 'set-timer':
      return `+${effect.timer} ${effect.afterMs}`;
    case 'cancel-timer':
      return `-${effect.timer}`;
    case 'notice':
      return '';
    default:
      return effect.type;
  }
};

describe('the FSM', () => {
  it('is this table', () => {
    const lines: string[] = [];
    for (const [name, event] of EVENTS) {
      lines.push(`${name}:`);
      for (const [from, way] of Object.entries(TO)) {
        const before = run(way).state;
        // Late enough for every hold timer, OpenSent's included.
        const atMs = name === 'hold, expired' ? 300_000 : 100;
        const { state, effects } = stepPeer(before, event, CONFIG, atMs);
        if (state === before && effects.length === 0) continue;
        lines.push(`  ${from} -> ${[state.name, ...effects.map(short).filter((text) => text !== '')].join(', ')}`);
      }
    }
    expect(`\n${lines.join('\n')}\n`).toMatchInlineSnapshot(`
      "
      start:
        Idle -> Connect, connect
      stop:
        Connect -> Idle
        Active -> Idle, -connect-retry
        OpenSent -> Idle, 6/2>1, close 1, -hold
        OpenConfirm -> Idle, 6/2>1, close 1, -keepalive, -hold
        Established -> Idle, 6/2>1, close 1, down, -keepalive, -hold
      outbound opened:
        Idle -> Idle, close 2
        Connect -> OpenSent, OPEN>2, +hold 240000
        Active -> OpenSent, OPEN>2, -connect-retry, +hold 240000
        OpenSent -> OpenSent, close 2
        OpenConfirm -> OpenConfirm, close 2
        Established -> Established, close 2
      inbound opened:
        Idle -> Idle, 6/5>2, close 2
        Connect -> OpenSent, OPEN>2, +hold 240000
        Active -> OpenSent, OPEN>2, +hold 240000
        OpenSent -> OpenSent, OPEN>2
        OpenConfirm -> OpenConfirm, OPEN>2
        Established -> Established, OPEN>2
      dial failed:
        Connect -> Active, +connect-retry 500
      closed:
        OpenSent -> Active, +connect-retry 500, -hold
        OpenConfirm -> Active, +connect-retry 500, -keepalive, -hold
        Established -> Idle, down, +idle-hold 1000, -keepalive, -hold
      OPEN:
        OpenSent -> OpenConfirm, KEEPALIVE>1, +keepalive 1000, +hold 3000
        OpenConfirm -> Idle, 5/2>1, close 1, +idle-hold 1000, -keepalive, -hold
        Established -> Idle, 5/3>1, close 1, down, +idle-hold 1000, -keepalive, -hold
      bad OPEN:
        OpenSent -> Idle, 2/1>1, close 1, +idle-hold 1000, -hold
        OpenConfirm -> Idle, 5/2>1, close 1, +idle-hold 1000, -keepalive, -hold
        Established -> Idle, 5/3>1, close 1, down, +idle-hold 1000, -keepalive, -hold
      KEEPALIVE:
        OpenSent -> Idle, 5/1>1, close 1, +idle-hold 1000, -hold
        OpenConfirm -> Established, up
        Established -> Established
      UPDATE:
        OpenSent -> Idle, 5/1>1, close 1, +idle-hold 1000, -hold
        OpenConfirm -> Idle, 5/2>1, close 1, +idle-hold 1000, -keepalive, -hold
        Established -> Established, deliver
      NOTIFICATION 6/2:
        OpenSent -> Idle, close 1, +idle-hold 1000, -hold
        OpenConfirm -> Idle, close 1, +idle-hold 1000, -keepalive, -hold
        Established -> Idle, close 1, down, +idle-hold 1000, -keepalive, -hold
      NOTIFICATION 6/7:
        OpenSent -> Active, close 1, +connect-retry 500, -hold
        OpenConfirm -> Active, close 1, +connect-retry 500, -keepalive, -hold
        Established -> Active, close 1, down, +connect-retry 500, -keepalive, -hold
      bad message:
        OpenSent -> Idle, 1/2>1, close 1, +idle-hold 1000, -hold
        OpenConfirm -> Idle, 1/2>1, close 1, +idle-hold 1000, -keepalive, -hold
        Established -> Idle, 1/2>1, close 1, down, +idle-hold 1000, -keepalive, -hold
      connect-retry:
        Active -> Connect, connect
      hold, expired:
        OpenSent -> Idle, 4/0>1, close 1, +idle-hold 1000
        OpenConfirm -> Idle, 4/0>1, close 1, +idle-hold 1000, -keepalive
        Established -> Idle, 4/0>1, close 1, down, +idle-hold 1000, -keepalive
      keepalive:
        OpenConfirm -> OpenConfirm, KEEPALIVE>1, +keepalive 1000
        Established -> Established, KEEPALIVE>1, +keepalive 1000
      idle-hold:
      path down:
        OpenSent -> Active, 6/10>1, close 1, +connect-retry 500, -hold
        OpenConfirm -> Active, 6/10>1, close 1, +connect-retry 500, -keepalive, -hold
        Established -> Active, 6/10>1, close 1, down, +connect-retry 500, -keepalive, -hold
      "
    `);
  });

  it('announces shutdown to the peer with its text (RFC 9003) and stays down until started', () => {
    const { state, effects } = run([...TO.Established!, { type: 'stop', subcode: 2, text: 'upgrade' }]);
    expect(effects[0]).toMatchObject({ type: 'send', message: { code: 6, subcode: 2, text: 'upgrade' } });
    expect(effects[1]).toEqual({ type: 'close', connection: 1 });
    expect(effects).toContainEqual(expect.objectContaining({ type: 'down', sent: true, reason: 'stopped: upgrade' }));
    expect(stepPeer(state, { type: 'timer', timer: 'idle-hold' }, CONFIG, 1e6)).toEqual({ state, effects: [] });
  });

  it('arms the hold timer again only for what is left, and never per message', () => {
    let { state } = run(TO.Established!);
    for (let atMs = 100; atMs <= 2900; atMs += 100) {
      const step = stepPeer(state, on(1, endOfRib), CONFIG, atMs);
      expect(step.effects.map((effect) => effect.type)).toEqual(['deliver']);
      state = step.state;
    }
    const fired = stepPeer(state, { type: 'timer', timer: 'hold' }, CONFIG, 3000);
    expect(fired.effects).toEqual([{ type: 'set-timer', timer: 'hold', afterMs: 2900 }]);
    const expired = stepPeer(fired.state, { type: 'timer', timer: 'hold' }, CONFIG, 5900);
    expect(expired.effects[0]).toMatchObject({ type: 'send', message: { code: 4 } });
    expect(expired.state.name).toBe('Idle');
  });

  it('runs neither hold nor keepalive timer when either side proposed 0', () => {
    const { state, effects } = run([start, outbound(1), on(1, openOf({ holdTimeMs: 0 })), on(1, keepalive)]);
    expect(state).toMatchObject({ name: 'Established', holdDueMs: Number.POSITIVE_INFINITY });
    expect(effects.filter((effect) => effect.type === 'set-timer')).toEqual([]);
  });

  it('pauses longer each time a peer misbehaves, up to a minute, and forgets it after a minute of peace', () => {
    let state: PeerState = initialPeer();
    const pauses: number[] = [];
    state = stepPeer(state, start, CONFIG, 0).state;
    for (let i = 0; i < 9; i++) {
      state = stepPeer(state, outbound(i), CONFIG, 0).state;
      const step = stepPeer(state, on(i, openOf({ domain: 'other' })), CONFIG, 0);
      for (const effect of step.effects) if (effect.type === 'set-timer') pauses.push(effect.afterMs);
      state = stepPeer(step.state, { type: 'timer', timer: 'idle-hold' }, CONFIG, 0).state;
    }
    expect(pauses).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
    for (const event of [outbound(20), on(20, openOf()), on(20, keepalive)])
      state = stepPeer(state, event, CONFIG, 0).state;
    const after = stepPeer(state, on(20, cease(4)), CONFIG, 60_000);
    expect(after.effects).toContainEqual({ type: 'set-timer', timer: 'idle-hold', afterMs: 1000 });
  });

  it('tries again after connect-retry, without a pause, when the path went down or the transport was lost', () => {
    for (const event of [
      { type: 'path-down', reason: 'eth1' },
      { type: 'connection-closed', connection: 1, reason: 'reset' },
    ] as const) {
      let { state } = run(TO.Established!);
      const step = stepPeer(state, event, CONFIG, 5000);
      state = step.state;
      expect(state.name).toBe('Active');
      expect(step.effects).toContainEqual({ type: 'set-timer', timer: 'connect-retry', afterMs: 500 });
    }
  });

  it('pauses when a session dies as soon as it is up, again and again', () => {
    const { state } = run(TO.Established!);
    expect(stepPeer(state, { type: 'connection-closed', connection: 1, reason: 'reset' }, CONFIG, 10).state.name).toBe(
      'Idle',
    );
  });

  it('never dials when passive, but takes the call', () => {
    const passive = configOf({ passive: true });
    const { state, effects } = run([start], passive);
    expect([state.name, effects]).toEqual(['Active', []]);
    expect(run([start, inbound(1), on(1, openOf()), on(1, keepalive)], passive).state.name).toBe('Established');
  });

  it('takes the new connection of a peer that has restarted, whoever dialled', () => {
    for (const routerId of ['10.0.0.2', '9.0.0.1']) {
      const established = [start, outbound(1), on(1, openOf({ routerId })), on(1, keepalive), inbound(2)];
      const { state, effects } = run([...established, on(2, openOf({ routerId, bootId: 'boot-b-2' }))]);
      expect(state).toMatchObject({ name: 'OpenConfirm', current: { id: 2 } });
      expect(effects.find((effect) => effect.type === 'down')).not.toHaveProperty('notification');
      expect(effects.map(short)).toEqual(expect.arrayContaining(['6/7>1', 'close 1', 'down', 'KEEPALIVE>2']));
    }
  });

  it.each([
    ['10.0.0.2', 2],
    ['9.0.0.1', 1],
  ])('with a peer %s keeps connection %i of one we dialled and one it dialled', (routerId, survivor) => {
    const both = [start, outbound(1), inbound(2)];
    for (const first of [1, 2]) {
      const { state } = run([...both, on(first, openOf({ routerId })), on(3 - first, openOf({ routerId }))]);
      expect(state).toMatchObject({ name: 'OpenConfirm', current: { id: survivor }, pending: [] });
    }
  });

  it('does not let a second call with a wrong OPEN disturb the session', () => {
    const { state, effects } = run([...TO.Established!, inbound(2), on(2, openOf({ domain: 'other' }))]);
    expect(state).toMatchObject({ name: 'Established', current: { id: 1 }, pending: [] });
    expect(effects.slice(0, 2).map(short)).toEqual(['2/12>2', 'close 2']);
  });

  it.each(Object.keys(TO))('takes the short way for an UPDATE in %s only where it is the same', (name) => {
    const { state } = run(TO[name]!);
    for (const connection of [1, 2]) {
      const short = heardUpdate(state, connection, 50);
      const whole = stepPeer(state, on(connection, endOfRib), CONFIG, 50);
      if (short === undefined) expect(name === 'Established' && connection === 1).toBe(false);
      else expect(whole).toEqual({ state: short, effects: [{ type: 'deliver', connection, message: endOfRib }] });
    }
  });
});
