import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ComputeState } from '../model/compute-state.ts';
import type { Score } from '../model/identity.ts';
import type { ServiceAttributes } from '../model/service-route.ts';
import { routeKeyText } from '../model/service-route.ts';
import { bestAttributes, LOCAL, RouteTable } from './route-table.ts';

const route = { service: 'fd00:cafe::80', contactInstance: 'fd00:51::10', originator: '10.0.0.21' };
const key = routeKeyText(route);

function attributes(sitePath: string[]): ServiceAttributes {
  return {
    egressSid: '5f00:0:21:100::',
    sidStructure: { block: 32, node: 16, function: 16, argument: 0 },
    behaviour: 16,
    sitePath,
    clusterList: [],
    communities: [],
    onlyToDownstream: '',
    site: 'site-1',
    serviceName: 'web',
    instanceName: 'sv1',
    classes: [],
    capabilities: [],
    region: '',
    residency: [],
    priceMicros: 0,
    carbon: 0,
    energy: 0,
    securityLevel: 0,
    preference: 0,
    drain: false,
    validForMs: 0,
  };
}

function compute(sequence: number): ComputeState {
  const score = 9 as Score;
  return {
    sequence,
    score,
    computeScore: score,
    serviceScore: score,
    serviceTimeUs: 1,
    workTimeUs: 1,
    spareCapacity: 1,
    inFlight: 0,
    arrivalRate: 0,
    workers: 1,
    source: 'measured',
    statistic: 'mean',
    windowMs: 1000,
    measuredAtMs: 0,
    validForMs: 1000,
  };
}

test('the version with the shorter path is used, and the longer one takes over when it goes', () => {
  const table = new RouteTable();
  const near = attributes(['site-1']);
  const far = attributes(['transit-2', 'site-1']);
  expect(table.announce('b', 2, route, far)).toBe('added');
  expect(table.announce('a', 9, route, near)).toBe('changed');
  expect(bestAttributes(table.entries.get(key)!)).toBe(near);
  expect(table.withdraw('a', key)).toBe('changed');
  expect(bestAttributes(table.entries.get(key)!)).toBe(far);
  expect(table.withdraw('b', key)).toBe('removed');
  expect(table.byService.size).toBe(0);
});

test('a stale version stays in use, and only what was not announced again is swept', () => {
  const table = new RouteTable();
  const near = attributes(['site-1']);
  table.announce('a', 1, route, near);
  table.announce('b', 2, route, attributes(['transit-2', 'site-1']));
  expect(table.markStale('a')).toBe(1);
  expect(bestAttributes(table.entries.get(key)!)).toBe(near);
  expect(table.staleKeys('a')).toEqual([key]);
  table.announce('a', 1, route, near);
  expect(table.staleKeys('a')).toEqual([]);
});

test('state follows the highest sequence, whoever brings it, and never comes before reachability', () => {
  const table = new RouteTable();
  expect(table.updateState(key, compute(1), 'a', 0)).toBe('unknown-route');
  table.announce(LOCAL, 0, route, attributes([]));
  expect(table.updateState(key, compute(5), 'a', 1)).toBe('newer');
  expect(table.updateState(key, compute(5), 'b', 2)).toBe('older');
  expect(table.updateState(key, compute(4), 'b', 3)).toBe('older');
  expect(table.entries.get(key)!.stateReceivedAtMs).toBe(1);
});

test('which version is used depends on what was said, never on the order it was said in', () => {
  const peers = ['a', 'b', 'c', 'd'];
  const command = fc.record({
    peer: fc.constantFrom(...peers),
    path: fc.array(fc.constantFrom('s1', 's2', 's3'), { minLength: 1, maxLength: 3 }),
  });
  fc.assert(
    fc.property(fc.uniqueArray(command, { selector: (it) => it.peer, minLength: 1 }), fc.nat(), (said, shift) => {
      const build = (order: typeof said) => {
        const table = new RouteTable();
        for (const { peer, path } of order) table.announce(peer, peers.indexOf(peer), route, attributes(path));
        return table.entries.get(key)!.best;
      };
      const rotated = [...said.slice(shift % said.length), ...said.slice(0, shift % said.length)];
      expect(build(rotated)).toBe(build(said));
      expect(build([...said].reverse())).toBe(build(said));
    }),
  );
});
