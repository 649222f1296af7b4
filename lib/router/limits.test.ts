// What a peer may tell, and how fast, in a domain of hubs and sites.
import { describe, expect, test } from 'vitest';
import type { SessionMessage } from '../session/message.ts';
import { serviceRows, serviceUpdate } from '../session/update-rows.ts';
import { peerRows } from './view/peers.ts';
import { ALL, worldOfTest } from './world.fixture.ts';

const { begin, world, state, routes, instances, messages, logs, say, announcement } = worldOfTest();

describe('a limit', () => {
  const flood = (count: number) => {
    for (let handle = 900; handle < 900 + count; handle++)
      if (state('hub-0').peers.get('s-0')!.session !== undefined) say('s-0', 'hub-0', announcement({}, handle));
  };
  const limited = (action: string) => begin({ hubPeer: `limits: { service: 10, action: ${action}, restart: 5s }` });

  test('warns at its share, closes beyond with Cease 1, and tries again after its restart time', () => {
    limited('close');
    flood(7);
    expect(logs('hub-0', 'peer is near its limit')).toHaveLength(1);
    expect(state('hub-0').peers.get('s-0')!.session).toBeDefined();
    flood(11);
    expect(state('hub-0').peers.get('s-0')!.session).toBeUndefined();
    world().domain.simulation.run(10);
    const [bye] = messages('NOTIFICATION');
    expect(bye).toMatchObject({ to: 's-0', message: { code: 6, subcode: 1, text: 'more than 10 routes' } });
    expect(routes('hub-0').some((it) => it.attributes.instanceName.startsWith('extra'))).toBe(false);
    expect(state('hub-0').peers.get('s-1')!.session).toBeDefined();
    world().domain.simulation.run(4000);
    expect(state('hub-0').peers.get('s-0')!.session).toBeUndefined();
    world().domain.simulation.run(10_000);
    expect(state('hub-0').peers.get('s-0')!.session).toBeDefined();
  });

  test('that truncates takes no more and lets the session live', () => {
    limited('truncate');
    flood(20);
    expect(state('hub-0').peers.get('s-0')!.session).toBeDefined();
    expect(routes('hub-0').filter((it) => it.attributes.instanceName.startsWith('extra'))).toHaveLength(9);
    const row = peerRows(state('hub-0')).find((it) => it.name === 's-0')!;
    expect(row.refused).toEqual([{ reason: 'limit', rows: 11 }]);
  });
});

describe('a limit by service', () => {
  const begun = (options: string) => begin({ hubPeer: `limits: { ${options}, restart: 5s }` });
  const peer = () => state('hub-0').peers.get('s-0')!;
  /** The n-th contact instance of another service than the domain's, for each n. */
  const tell = (services: readonly number[], from = 900) => {
    const base = announcement({ sitePath: ['s-0'], onlyToDownstream: '' });
    if (base.type !== 'UPDATE') throw new Error('no UPDATE');
    const row = serviceRows(base.service!)[0]!;
    for (const [n, service] of services.entries()) {
      if (peer().session === undefined) return;
      const handle = from + n;
      const own = { handle, service: `fd00:cafe::${service}`, contactInstance: `fd00:bad::${handle}` };
      say('s-0', 'hub-0', { type: 'UPDATE', service: serviceUpdate([{ ...row, ...own }]) });
    }
  };
  const known = () => routes('hub-0').filter((it) => it.attributes.instanceName.startsWith('extra')).length;

  test('on services counts each once, warns, and closes beyond', () => {
    begun('services: 5');
    tell([1, 1, 1, 2, 2, 3]);
    expect(logs('hub-0', 'peer is near its limit')).toHaveLength(1);
    expect(peer().session!.perService!.services).toBe(4);
    tell([3, 2, 1, 4], 920);
    expect(peer().session).toBeDefined();
    tell([5], 930);
    expect(peer().session).toBeUndefined();
    expect(peer().lastError).toContain('more than 5 services');
    world().run(10);
    expect(messages('NOTIFICATION')[0]).toMatchObject({ to: 's-0', message: { code: 6, subcode: 1 } });
    world().run(15_000);
    expect(peer().session).toBeDefined();
  });

  test('on contact instances of one service takes no more of that one, and goes on with others', () => {
    begun('instances-per-service: 3, action: truncate');
    tell([7, 7, 7, 7, 7, 8]);
    expect(known()).toBe(4);
    expect(peerRows(state('hub-0')).find((it) => it.name === 's-0')!.refused).toEqual([{ reason: 'limit', rows: 2 }]);
    // What is withdrawn makes room; a handle that is given to the full service loses what it named.
    say('s-0', 'hub-0', { type: 'UPDATE', service: serviceUpdate([], [900]) });
    tell([7], 910);
    expect(known()).toBe(4);
    tell([7], 905);
    expect(known()).toBe(3);
    expect(peer().session).toBeDefined();
  });

  test('counts what policy holds back as well, and again when it is let in', () => {
    begin({ hubs: 1, hubPeer: 'limits: { instances-per-service: 3 }' });
    const q = { name: 'q', rules: [], otherwise: 'reject' as const };
    const attach = (importPolicy: string) => {
      const subscription = { services: [], regions: [], classes: [] };
      const peers = [{ name: 's-0', importPolicy, exportPolicy: '', subscription }];
      world().domain.simulation.post('hub-0', { type: 'policies', policies: [q], peers });
    };
    attach('q');
    tell([7, 7, 7]);
    expect([known(), peer().session!.held.size]).toEqual([0, 4]);
    attach('');
    expect([known(), peer().session!.held.size, peer().session!.perService!.beyond]).toEqual([3, 0, 0]);
    attach('q');
    tell([7], 910);
    expect(peer().session).toBeUndefined();
    expect(peer().lastError).toContain('more than 3 contact instances of one service');
  });
});

describe('a limit on the pace of UPDATEs', () => {
  const limits = (action: string) =>
    `limits: { updates: { per-second: 10, burst: 20 }, action: ${action}, restart: 5s }`;
  const peer = () => state('hub-0').peers.get('s-0')!;
  const talk = (count: number) => {
    for (let n = 0; n < count && peer().session !== undefined; n++) say('s-0', 'hub-0', { type: 'UPDATE' });
  };

  test('lets bursts pass and the pace itself for ever, and ends a session that goes on beyond it', () => {
    begin({ hubs: 1, hubPeer: limits('close') });
    for (let second = 0; second < 20; second++) {
      talk(9);
      world().run(1000);
    }
    expect(logs('hub-0', 'peer is near its limit')).toEqual([]);
    talk(18);
    expect(logs('hub-0', 'peer is near its limit')).toHaveLength(1);
    expect(peer().session).toBeDefined();
    talk(10);
    expect(peer().session).toBeUndefined();
    world().run(10);
    const text = 'more than 10 UPDATEs a second';
    expect(messages('NOTIFICATION')[0]).toMatchObject({ to: 's-0', message: { code: 6, subcode: 8, text } });
    world().run(15_000);
    expect(peer().session).toBeDefined();
    for (const name of world().domain.sites) expect(instances(name), name).toEqual(ALL);
  });

  test('counts each of those that were joined into one', () => {
    begin({ hubs: 1, hubPeer: limits('close') });
    const talkJoined = (count: number) => {
      const { connection } = peer().session!;
      const message = { type: 'UPDATE' } as const;
      world().domain.simulation.post('hub-0', { type: 'message', peer: 's-0', connection, message, count });
    };
    const before = peer().messagesIn;
    talkJoined(18);
    expect(peer().messagesIn).toBe(before + 18);
    expect(logs('hub-0', 'peer is near its limit')).toHaveLength(1);
    expect(peer().session).toBeDefined();
    talkJoined(3);
    expect(peer().session).toBeUndefined();
  });

  test('that truncates only says so: an UPDATE left out would be a lie', () => {
    begin({ hubs: 1, hubPeer: limits('truncate') });
    talk(100);
    say('s-0', 'hub-0', announcement({}));
    expect(peer().session).toBeDefined();
    expect(logs('hub-0', 'peer is near its limit')).toHaveLength(1);
    expect(instances('hub-0')).toContain('extra-900');
  });
});

describe('a limit on bytes', () => {
  const limits = (action: string) =>
    `limits: { bytes: { per-second: 100kB, burst: 1MB }, action: ${action}, restart: 5s }`;
  const peer = () => state('hub-0').peers.get('s-0')!;
  const send = (bytes: number, message: SessionMessage = { type: 'UPDATE' }) => {
    const connection = peer().session?.connection;
    if (connection !== undefined)
      world().domain.simulation.post('hub-0', { type: 'message', peer: 's-0', connection, message, bytes });
  };

  test('lets a burst and the rate itself pass, and ends a session that goes beyond, with whatever message', () => {
    begin({ hubs: 1, hubPeer: limits('close') });
    for (let second = 0; second < 30; second++) {
      send(99_000);
      world().run(1000);
    }
    expect(logs('hub-0', 'peer is near its limit')).toEqual([]);
    send(900_000);
    expect(logs('hub-0', 'peer is near its limit')).toHaveLength(1);
    expect(peer().session).toBeDefined();
    send(300_000, { type: 'ROUTE-REFRESH', family: 'service', phase: 'request' });
    expect(peer().session).toBeUndefined();
    world().run(10);
    const text = 'more than 100000 bytes a second';
    expect(messages('NOTIFICATION')[0]).toMatchObject({ to: 's-0', message: { code: 6, subcode: 8, text } });
    world().run(15_000);
    expect(peer().session).toBeDefined();
  });

  test('is only said where the action is to truncate, and is not owed for ever', () => {
    begin({ hubs: 1, hubPeer: limits('truncate') });
    for (let i = 0; i < 100; i++) send(1_000_000);
    expect(peer().session).toBeDefined();
    world().run(21_000);
    send(1000);
    expect(logs('hub-0', 'peer is near its limit')).toHaveLength(1);
    send(900_000);
    expect(logs('hub-0', 'peer is near its limit')).toHaveLength(2);
  });
});
