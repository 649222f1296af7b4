// One router and what it hears: when its start is over, and how long it keeps what a lost peer said.
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../config/parse.ts';
import { aCandidate } from '../decision/fixture.ts';
import type { Family, Score } from '../model/identity.ts';
import type { ServiceAttributes } from '../model/service-route.ts';
import type { OpenMessage } from '../session/message.ts';
import { openOf } from '../session/peers.fixture.ts';
import { computeUpdate, serviceUpdate } from '../session/update-rows.ts';
import type { RouterEventBody } from './event.ts';
import { createRouter, handle } from './handle.ts';
import { ribRows } from './view/services.ts';

const PEER = 'core1';
const ROUTE = aCandidate(2).route;
const RESTART_TIME_MS = 120_000;
const LONG_LIVED_MS = 3_600_000;
const ALL: readonly Family[] = ['service', 'compute', 'link-state'];
const KEPT: readonly Family[] = ['service', 'compute'];
/** What a peer says that restarts gracefully. */
const GRACEFUL: Partial<OpenMessage> = {
  gracefulRestart: { restartTimeMs: 300_000, families: KEPT, preserved: KEPT },
  longLived: { staleTimeMs: 7_200_000, families: KEPT },
};

const CONFIG = `
name: eg1
site: site-1
router-id: 10.0.0.1
security: plaintext
domain: metro
services: { web: "fd00:cafe::80" }
stamp: { enabled: false }
srv6: { locator: "5f00:0:1::/48" }
links: [ { name: eth1, neighbour: 10.0.0.2, local-address: "fd00:1::1", remote-address: "fd00:1::2" } ]
peers: [ { name: ${PEER}, address: "fd00:1::2" } ]
instances:
  - { name: sv1, service: web, address: "fd00:51::80", sid: "5f00:0:1:80::",
      metrics: { kind: prometheus, url: "http://[fd00:51::80]/metrics" }, health: { kind: http, url: "http://[fd00:51::80]/" } }
`;

/** A router that has started over an empty kernel, its link up, and nothing heard. */
function started() {
  const parsed = parseConfig(CONFIG);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  const router = createRouter();
  let atMs = 1000;
  const start: RouterEventBody = {
    type: 'start',
    config: parsed.config,
    bootId: 'boot-a',
    wallMs: 1_790_000_000_000,
    retained: [],
    capabilities: [],
  };
  const post = (body: RouterEventBody, afterMs = 1) => handle(router, { atMs: (atMs += afterMs), ...body });
  post(start);
  post({ type: 'link', name: 'eth1', up: true });
  const result = { failures: [], put: 0, removed: 0, netlinkDoneAtMs: 0, affinityDoneAtMs: 0 };
  post({ type: 'fib-done', what: 'sync', request: 1, result });
  return { post, state: router.state! };
}

type Started = ReturnType<typeof started>;

/** The peer dials and both sides are Established. */
function establish({ post, state }: Started, connection: number, open: Partial<OpenMessage> = GRACEFUL): void {
  const peer = PEER;
  post({ type: 'connection-opened', peer, connection, direction: 'inbound' });
  post({ type: 'message', peer, connection, message: openOf(open) });
  post({ type: 'message', peer, connection, message: { type: 'KEEPALIVE' } });
  expect(state.peers.get(PEER)!.session?.connection).toBe(connection);
}

/** The peer announces one route and completes its set. */
function announce({ post }: Started, connection: number, fields: Partial<ServiceAttributes> = {}): void {
  const attributes = { ...ROUTE.attributes, validForMs: 60_000, ...fields };
  const service = serviceUpdate([{ handle: 1, ...ROUTE, attributes }]);
  const message = { type: 'UPDATE', service, endOfRib: ALL } as const;
  post({ type: 'message', peer: PEER, connection, message });
}

describe('routes of a peer whose session is lost', () => {
  function heard(fields: Partial<ServiceAttributes> = {}, open = GRACEFUL): Started {
    const it = started();
    establish(it, 1, open);
    announce(it, 1, fields);
    return it;
  }

  function lost(fields: Partial<ServiceAttributes> = {}, open = GRACEFUL): Started {
    const it = heard(fields, open);
    // Old enough not to count as oscillation, which would make the peer pause.
    it.post({ type: 'connection-closed', peer: PEER, connection: 1, reason: 'reset' }, 2000);
    return it;
  }
  const timer: RouterEventBody = { type: 'timer', timer: `session/${PEER}/restart` };
  const routes = ({ state }: Started) => state.table.size;
  const communities = ({ state }: Started) =>
    [...state.table.rows()].map((row) => state.table.bestAttributes(row).communities);
  const notified = (code: number, subcode: number): RouterEventBody => ({
    type: 'message',
    peer: PEER,
    connection: 1,
    message: { type: 'NOTIFICATION', code, subcode, data: '', text: '' },
  });

  test('stay for the shorter of both restart times, then as long-lived stale, and then go', () => {
    const it = lost();
    expect(it.state.peers.get(PEER)!.retention).toMatchObject({ phase: 'stale' });
    expect(communities(it)).toEqual([[]]);
    it.post(timer, RESTART_TIME_MS);
    expect(it.state.peers.get(PEER)!.retention).toMatchObject({
      phase: 'long-lived',
      untilMs: it.state.atMs + LONG_LIVED_MS,
    });
    expect(communities(it)).toEqual([['llgr-stale']]);
    it.post(timer, LONG_LIVED_MS);
    expect(routes(it)).toBe(0);
  });

  test('are shown with the score that decisions give them', () => {
    const it = heard();
    const report = { ...aCandidate(2).state!, score: 9 as Score };
    const message = { type: 'UPDATE', compute: computeUpdate([{ handle: 1, state: report }]) } as const;
    it.post({ type: 'message', peer: PEER, connection: 1, message });
    const shown = () => ribRows(it.state).map(({ state }) => state?.score);
    expect(shown()).toEqual([9]);
    it.post({ type: 'connection-closed', peer: PEER, connection: 1, reason: 'reset' }, 2000);
    it.post(timer, RESTART_TIME_MS);
    expect(shown()).toEqual([3]);
  });

  test('go with the restart time when one side does not keep them longer, or the route says so', () => {
    const { gracefulRestart } = GRACEFUL;
    for (const it of [lost({}, { gracefulRestart: gracefulRestart! }), lost({ communities: ['no-llgr'] })]) {
      expect(routes(it)).toBe(1);
      it.post(timer, RESTART_TIME_MS);
      expect(routes(it)).toBe(0);
    }
  });

  test('go at once when the peer never spoke of restarting, or the route does not outlive its session', () => {
    expect(routes(lost({}, {}))).toBe(0);
    expect(routes(lost({ validForMs: 0 }))).toBe(0);
  });

  test('stay when it announces them again, fresh as before, however late', () => {
    for (const away of [1, RESTART_TIME_MS]) {
      const it = lost();
      it.post(timer, away === 1 ? 0 : away);
      establish(it, 2);
      announce(it, 2);
      expect(it.state.peers.get(PEER)!.retention.phase).toBe('none');
      expect(communities(it)).toEqual([[]]);
    }
  });

  test('are given the restart time anew when it returns, and swept at its End-of-RIB', () => {
    const it = lost();
    it.post({ type: 'timer', timer: 'other' }, RESTART_TIME_MS - 1000);
    establish(it, 2);
    expect(it.state.peers.get(PEER)!.retention.untilMs).toBeGreaterThan(it.state.atMs + RESTART_TIME_MS - 100);
    expect(routes(it)).toBe(1);
    it.post({ type: 'message', peer: PEER, connection: 2, message: { type: 'UPDATE', endOfRib: ['service'] } });
    expect(routes(it)).toBe(0);
  });

  test('go when it returns and never completes its set', () => {
    const it = lost();
    establish(it, 2);
    it.post(timer, RESTART_TIME_MS);
    expect(routes(it)).toBe(0);
  });

  test.each<[string, Partial<OpenMessage>]>([
    ['without the family', { ...GRACEFUL, families: ['link-state'] }],
    ['without graceful restart', {}],
    [
      'without having kept forwarding',
      { bootId: 'boot-c', gracefulRestart: { restartTimeMs: 1, families: KEPT, preserved: [] } },
    ],
  ])('go at once when it returns %s', (_, open) => {
    const it = lost();
    establish(it, 2, open);
    expect(routes(it)).toBe(0);
  });

  test.each([
    ['hold timer expired', 4, 0, 1],
    ['a malformed UPDATE', 3, 1, 1],
    ['administrative reset', 6, 4, 1],
    ['administrative shutdown', 6, 2, 0],
    ['hard reset', 6, 9, 0],
    ['path down', 6, 10, 0],
  ])('after NOTIFICATION: %s', (_, code, subcode, left) => {
    const it = heard();
    it.post(notified(code, subcode), 2000);
    expect(it.state.peers.get(PEER)!.session).toBeUndefined();
    expect(routes(it)).toBe(left);
  });
});

describe('a start is over', () => {
  const health = (ok: boolean): RouterEventBody => ({
    type: 'instance-health',
    service: 'fd00:cafe::80',
    contactInstance: 'fd00:51::80',
    ok,
    reason: ok ? '' : 'connection refused',
  });

  test('once every verdict is in, a bad one too', () => {
    const it = started();
    establish(it, 1);
    announce(it, 1);
    expect(it.state.ready).toBe(false);
    const effects = it.post(health(false));
    expect(it.state.ready).toBe(true);
    const texts = effects.flatMap((effect) => (effect.type === 'log' ? [effect.text] : []));
    expect(texts).toContain('contact instance unhealthy');
  });

  test('not by a good check alone: the first sample says whether the instance can be offered', () => {
    const it = started();
    establish(it, 1);
    announce(it, 1);
    it.post(health(true));
    expect(it.state.ready).toBe(false);
    it.post({ type: 'timer', timer: 'ready' }, 5000);
    expect(it.state.ready).toBe(true);
  });
});
