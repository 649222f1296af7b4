// One router among peers: what it takes of an UPDATE, with entries of authorisation and bounds on numbers.
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../config/parse.ts';
import { aCandidate } from '../decision/fixture.ts';
import type { ComputeState } from '../model/compute-state.ts';
import type { Score } from '../model/identity.ts';
import { routerUri } from '../security/identity.ts';
import { openOf } from '../session/peers.fixture.ts';
import { computeUpdate, serviceUpdate } from '../session/update-rows.ts';
import type { RouterEffect } from './effect.ts';
import type { RouterEventBody } from './event.ts';
import { createRouter, handle } from './handle.ts';
import { peerRows } from './view/peers.ts';
import { ribRows } from './view/services.ts';

const WALL_MS = 1_790_000_000_000;
const PEER = 'b';
const REMOTE = openOf();
const WEB = 'fd00:cafe::80';

const CONFIG = `
name: a
site: site-a
router-id: 10.0.0.9
security: plaintext
domain: metro
stamp: { enabled: false }
srv6: { locator: "5f00:0:9::/48" }
peers: [ { name: ${PEER}, address: "fd00:1::2" } ]
plausibility: { refused-rows: 3 }
authorisation:
  - { site: ${REMOTE.site}, router-ids: [ ${REMOTE.routerId} ], services: [ "fd00:cafe::/64" ], locators: [ "5f00:0:2::/48" ] }
`;

/** The same router where certificates count. */
const CERTIFIED = CONFIG.replace(
  'security: plaintext',
  'security: mutual-tls\ntls: { certificate: /pki/a.pem, key: /pki/a.key, authorities: /pki/ca.pem }',
);

function established(config = CONFIG) {
  const parsed = parseConfig(config);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  const router = createRouter();
  let atMs = 1000;
  const post = (body: RouterEventBody): readonly RouterEffect[] => handle(router, { atMs: (atMs += 1), ...body });
  post({ type: 'start', config: parsed.config, bootId: 'boot-a', wallMs: WALL_MS, retained: [], capabilities: [] });
  const peer = PEER;
  const identity = [routerUri(REMOTE.domain, REMOTE.site, REMOTE.name)];
  post({ type: 'connection-opened', peer, connection: 1, direction: 'inbound', identity });
  const say = (message: Extract<RouterEventBody, { type: 'message' }>['message']) =>
    post({ type: 'message', peer, connection: 1, message });
  say(REMOTE);
  say({ type: 'KEEPALIVE' });
  const state = router.state!;
  return {
    say,
    announce: (service: string, handleNumber = 1, site = REMOTE.site) => {
      const attributes = {
        ...aCandidate(2).route.attributes,
        site,
        sitePath: [REMOTE.site],
        egressSid: '5f00:0:2:80::',
        serviceName: 'web',
      };
      const row = {
        handle: handleNumber,
        service,
        contactInstance: 'fd00:52::1',
        originator: REMOTE.routerId,
        attributes,
      };
      return say({ type: 'UPDATE', service: serviceUpdate([row]) });
    },
    report: (more: Partial<ComputeState>, handleNumber = 1) => {
      const report = { ...REPORT, ...more };
      return say({ type: 'UPDATE', compute: computeUpdate([{ handle: handleNumber, state: report }]) });
    },
    rib: () => ribRows(state),
    /** Our own advertisement, as an earlier life would have sent it. */
    echo: (sequence: number) =>
      say({ type: 'UPDATE', linkState: { nodes: [{ ...state.ownNode!, sequence, prefixes: ['fd00:bad::/64'] }] } }),
    ownSequence: () => state.ownNode!.sequence,
    settle: () => post({ type: 'timer', timer: 'settle' }),
    refused: () => Object.fromEntries(peerRows(state)[0]!.refused.map(({ reason, rows }) => [reason, rows])),
  };
}

const REPORT: ComputeState = {
  sequence: 100,
  score: 9 as Score,
  computeScore: 9 as Score,
  serviceScore: 9 as Score,
  serviceTimeUs: 5000,
  workTimeUs: 5000,
  spareCapacity: 100,
  inFlight: 1,
  arrivalRate: 10,
  workers: 4,
  source: 'measured',
  statistic: 'mean',
  windowMs: 1000,
  measuredAtMs: WALL_MS,
  validForMs: 60_000,
};

const logs = (effects: readonly RouterEffect[]) => effects.filter((effect) => effect.type === 'log');

describe('a route', () => {
  test('that its origin may announce is taken, any other is not, and is told of once', () => {
    const it = established();
    it.announce(WEB);
    expect(it.rib().map((row) => row.service)).toEqual([WEB]);
    const first = it.announce('fd00:beef::80', 2);
    expect(logs(first)).toMatchObject([{ level: 'warn', fields: { peer: PEER, reason: 'service' } }]);
    expect(logs(it.announce('fd00:beef::81', 3))).toEqual([]);
    expect(it.rib().map((row) => row.service)).toEqual([WEB]);
    expect(it.refused()).toEqual({ service: 2 });
  });

  test('that becomes one it may not announce is withdrawn', () => {
    const it = established();
    it.announce(WEB);
    it.announce(WEB, 1, 'site-other');
    expect(it.rib()).toEqual([]);
    expect(it.refused()).toEqual({ path: 1 });
  });

  test('refused more often than the limit ends the session with the reason', () => {
    const it = established();
    const effects = [1, 2, 3, 4].flatMap((n) => it.announce('fd00:beef::80', n));
    const sent = effects.flatMap((effect) => (effect.type === 'send' ? [effect.message] : []));
    const text = expect.stringContaining('more than 3 rows refused, the last one: service');
    expect(sent).toContainEqual(expect.objectContaining({ type: 'NOTIFICATION', code: 3, subcode: 13, text }));
  });
});

describe('a report', () => {
  test('under the handle of a refused route tells nothing about anybody', () => {
    const it = established();
    it.announce('fd00:beef::80', 2);
    it.report({}, 2);
    expect(it.rib()).toEqual([]);
  });

  test('that goes back is refused and counted; an equal one is only old', () => {
    const it = established();
    it.announce(WEB);
    it.report({});
    it.report({});
    expect(it.refused()).toEqual({});
    it.report({ sequence: 99, score: 1 as Score });
    expect(it.refused()).toEqual({ replayed: 1 });
    expect(it.rib()[0]!.state?.score).toBe(9);
  });

  test('that is not believable is in quarantine, until three in a row are', () => {
    const it = established();
    it.announce(WEB);
    it.report({});
    expect(logs(it.report({ sequence: 101, workers: 2 ** 31 }))).toMatchObject([{ fields: { number: 'workers' } }]);
    const now = () => [it.rib()[0]!.quarantine, it.rib()[0]!.state?.score];
    expect(now()).toEqual(['workers', 0]);
    it.report({ sequence: 102 });
    it.report({ sequence: 103 });
    expect(now()).toEqual(['workers', 0]);
    it.report({ sequence: 104 });
    expect(now()).toEqual(['', 9]);
  });
});

describe('our own advertisement, brought back by a peer', () => {
  test('is outdone where an earlier life may have sent it', () => {
    const it = established(CERTIFIED);
    it.settle();
    const sequence = it.ownSequence() + 1000;
    it.echo(sequence);
    expect(it.ownSequence()).toBe(sequence + 1);
    expect(it.refused()).toEqual({});
  });

  test('does not take us to sequences that nobody else would believe', () => {
    const it = established(CERTIFIED);
    it.settle();
    const before = it.ownSequence();
    it.echo(Number.MAX_SAFE_INTEGER);
    expect(it.ownSequence()).toBe(before);
    expect(it.refused()).toEqual({ 'future-sequence': 1 });
  });
});
