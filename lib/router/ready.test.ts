// How long a start waits for the tables of its peers: an End-of-RIB that comes too early takes routes from everybody.
import { expect, test } from 'vitest';
import { parseConfig } from '../config/parse.ts';
import { FAMILIES } from '../model/identity.ts';
import { openOf } from '../session/peers.fixture.ts';
import type { RouterEventBody } from './event.ts';
import { createRouter, handle } from './handle.ts';

const REMOTE = openOf();
const CONFIG = `
name: a
site: site-a
router-id: 10.0.0.9
role: hub
security: plaintext
domain: metro
stamp: { enabled: false }
fib: { kind: memory }
srv6: { locator: "5f00:0:9::/48" }
peers:
  - { name: b, address: "fd00:1::2", hold-time: 0s }
`;
/** Is configured and never comes. */
const AWAY = '  - { name: c, address: "fd00:2::2" }';

/** A hub that has just started and a peer that begins to tell; `until` runs time, 100 ms a step, and says when it was ready. */
function started(more = '') {
  const parsed = parseConfig(CONFIG + more);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  const router = createRouter();
  const timers = new Map<string, number>();
  let atMs = 1000;
  let readyAtMs = Number.NaN;
  const post = (body: RouterEventBody) => {
    for (const effect of handle(router, { atMs, ...body })) {
      if (effect.type === 'set-timer') timers.set(effect.timer, effect.atMs);
      if (effect.type === 'log' && effect.text === 'initial exchange complete') readyAtMs = atMs - 1000;
    }
  };
  const say = (message: Extract<RouterEventBody, { type: 'message' }>['message']) =>
    post({ type: 'message', peer: 'b', connection: 1, message });
  post({
    ...{ type: 'start', config: parsed.config, bootId: 'boot-a', wallMs: 1_790_000_000_000 },
    ...{ retained: [], capabilities: [] },
  });
  post({ type: 'connection-opened', peer: 'b', connection: 1, direction: 'inbound', identity: [] });
  say({ ...REMOTE, holdTimeMs: 0 });
  say({ type: 'KEEPALIVE' });
  const until = (ms: number, each: () => void = () => {}) => {
    for (; atMs < 1000 + ms; atMs += 100) {
      for (const [timer, due] of timers) if (due <= atMs && timers.delete(timer)) post({ type: 'timer', timer });
      each();
    }
    return readyAtMs;
  };
  return {
    say,
    until,
    readyAfterMs: () => readyAtMs,
    late: (ms: number, body: RouterEventBody) => {
      atMs = 1000 + ms;
      post(body);
    },
    tell: () => say({ type: 'UPDATE' }),
    end: () => say({ type: 'UPDATE', endOfRib: [...FAMILIES] }),
  };
}

test('a peer that says nothing is waited for until the deadline', () => {
  expect(started().until(10_000)).toBe(5000);
});

test('one that is still telling is waited for until it is done, or falls silent', () => {
  const done = started();
  expect(done.until(12_000, done.tell)).toBeNaN();
  done.end();
  expect(done.until(12_100)).toBe(12_000);
  const silent = started();
  expect(silent.until(12_000, silent.tell)).toBeNaN();
  expect(silent.until(20_000)).toBeLessThan(14_000);
});

test('but one that never comes to an end is not waited for beyond a minute', () => {
  const endless = started();
  expect(endless.until(80_000, endless.tell)).toBe(60_000);
});

test('nor is one that is done and goes on reporting, when another never comes', () => {
  const it = started(AWAY);
  it.end();
  expect(it.until(10_000, it.tell)).toBe(5000);
});

test('that nobody tells any more is found when the timer fires, not by whatever is looked at before in a busy turn', () => {
  const busy = started();
  busy.until(4000, busy.tell);
  busy.late(6000, { type: 'link', name: 'eth9', up: true });
  expect(busy.readyAfterMs()).toBeNaN();
  busy.tell();
  busy.late(6000, { type: 'timer', timer: 'ready' });
  expect(busy.readyAfterMs()).toBeNaN();
});
