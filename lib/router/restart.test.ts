// One router and what it hears: when its start is over, and how long it keeps what a lost peer said.
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../config/parse.ts';
import { aCandidate } from '../decision/fixture.ts';
import type { Family } from '../model/identity.ts';
import { openOf } from '../session/peers.fixture.ts';
import type { RouterEventBody } from './event.ts';
import { createRouter, handle } from './handle.ts';
import { RESTART_TIME_MS } from './sessions.ts';

const PEER = 'core1';
const ROUTE = aCandidate(2).route;

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
function establish({ post, state }: Started, connection: number, families: readonly Family[]): void {
  const peer = PEER;
  post({ type: 'connection-opened', peer, connection, direction: 'inbound' });
  post({ type: 'message', peer, connection, message: openOf({ families }) });
  post({ type: 'message', peer, connection, message: { type: 'KEEPALIVE' } });
  expect(state.peers.get(PEER)!.session?.connection).toBe(connection);
}

/** The peer announces one route and completes its set. */
function announce({ post }: Started, connection: number): void {
  const { service, contactInstance, originator, attributes } = ROUTE;
  const rows = { service: [service], contactInstance: [contactInstance], originator: [originator] };
  const update = { attributeSets: [attributes], handle: [1], ...rows, attributeSet: [0], withdrawn: [] };
  const message = { type: 'UPDATE', service: update, endOfRib: ['service', 'compute', 'link-state'] } as const;
  post({ type: 'message', peer: PEER, connection, message });
}

describe('routes of a peer whose transport was lost', () => {
  function lost(): Started {
    const it = started();
    establish(it, 1, ['service', 'compute', 'link-state']);
    announce(it, 1);
    // Old enough not to count as oscillation, which would make the peer pause.
    it.post({ type: 'connection-closed', peer: PEER, connection: 1, reason: 'reset' }, 2000);
    expect(it.state.table.entries.size).toBe(1);
    return it;
  }
  const timer: RouterEventBody = { type: 'timer', timer: `session/${PEER}/restart` };

  test('go when it does not come back within the restart time', () => {
    const it = lost();
    it.post(timer, RESTART_TIME_MS);
    expect(it.state.table.entries.size).toBe(0);
  });

  test('stay when it announces them again', () => {
    const it = lost();
    establish(it, 2, ['service', 'compute', 'link-state']);
    announce(it, 2);
    it.post(timer, RESTART_TIME_MS);
    expect(it.state.table.entries.size).toBe(1);
  });

  test('go with the restart time when it comes back without the family, and will never say End-of-RIB of it', () => {
    const it = lost();
    establish(it, 2, ['link-state']);
    expect(it.state.table.entries.size).toBe(1);
    it.post(timer, RESTART_TIME_MS);
    expect(it.state.table.entries.size).toBe(0);
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
    establish(it, 1, ['service', 'compute', 'link-state']);
    announce(it, 1);
    expect(it.state.ready).toBe(false);
    const effects = it.post(health(false));
    expect(it.state.ready).toBe(true);
    const texts = effects.flatMap((effect) => (effect.type === 'log' ? [effect.text] : []));
    expect(texts).toContain('contact instance unhealthy');
  });

  test('not by a good check alone: the first sample says whether the instance can be offered', () => {
    const it = started();
    establish(it, 1, ['service', 'compute', 'link-state']);
    announce(it, 1);
    it.post(health(true));
    expect(it.state.ready).toBe(false);
    it.post({ type: 'timer', timer: 'ready' }, 5000);
    expect(it.state.ready).toBe(true);
  });
});
