import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PolicyConfig, PolicyMatch, PolicyRule } from '../config/config.ts';
import { aCandidate } from '../decision/fixture.ts';
import type { ServiceAttributes } from '../model/service-route.ts';
import { matchesPattern } from '../pattern.ts';
import { Policy, type PolicyRoute } from './policy.ts';

const ANY: PolicyMatch = { services: [], sites: [], regions: [], tags: [], classes: [], peers: [], communities: [] };

function rule(name: string, fields: Partial<Omit<PolicyRule, 'match' | 'set'>> & Record<'match' | 'set', object>) {
  return {
    name,
    verdict: fields.verdict ?? 'accept',
    match: { ...ANY, ...fields.match },
    set: { addCommunities: [], removeCommunities: [], ...fields.set },
  } satisfies PolicyRule;
}

function policy(rules: readonly PolicyRule[], otherwise: PolicyConfig['otherwise'] = 'reject'): Policy {
  return new Policy({ name: 'p', rules, otherwise });
}

function route(fields: Partial<ServiceAttributes> = {}, peer = 'hub1'): PolicyRoute {
  const { attributes } = aCandidate(1).route;
  return { service: 'fd00:cafe::80', peer, attributes: { ...attributes, site: 'edge-7', ...fields } };
}

describe('a condition', () => {
  const cases: [string, Partial<PolicyMatch>, PolicyRoute, boolean][] = [
    ['on a service by prefix', { services: ['fd00:cafe::/64'] }, route(), true],
    ['on a service by address', { services: ['fd00:cafe::81/128'] }, route(), false],
    ['on the site, with a wildcard', { sites: ['core-*', 'edge-*'] }, route(), true],
    ['on another site', { sites: ['core-*'] }, route(), false],
    ['on a capability', { tags: ['accelerator:*'] }, route({ capabilities: ['accelerator:h100'] }), true],
    ['on residency', { tags: ['eu'] }, route({ residency: ['eu'] }), true],
    ['on a tag that the route has not', { tags: ['eu'] }, route(), false],
    ['on a region', { regions: ['eu-west'] }, route({ region: 'eu-west' }), true],
    ['on a class', { classes: ['batch'] }, route({ classes: ['batch', 'bulk'] }), true],
    ['on the peer', { peers: ['hub2'] }, route(), false],
    ['on a community', { communities: ['partner:*'] }, route({ communities: ['partner:a'] }), true],
    ['on two things of which one holds', { sites: ['edge-7'], peers: ['hub2'] }, route(), false],
  ];
  test.each(cases)('%s', (_, match, given, holds) => {
    expect(policy([rule('r', { match, set: {} })]).apply(given).accepted).toBe(holds);
  });
});

test('the first rule that decides does, and says so', () => {
  const given = policy([
    rule('not-partner', { match: { communities: ['partner:*'] }, set: {}, verdict: 'reject' }),
    rule('edges', { match: { sites: ['edge-*'] }, set: { preference: 7 } }),
    rule('all', { match: {}, set: {}, verdict: 'reject' }),
  ]);
  const outcome = given.explain(route());
  expect(outcome).toMatchObject({ accepted: true, by: 'edges', attributes: { preference: 7 } });
  expect(outcome.steps).toEqual([
    { rule: 'not-partner', result: 'communities' },
    { rule: 'edges', result: 'matched' },
  ]);
  expect(given.explain(route({ communities: ['partner:a'] }))).toMatchObject({ accepted: false, by: 'not-partner' });
});

test('a rule that continues changes what later rules see', () => {
  const given = policy([
    rule('mark', { match: {}, set: { addCommunities: ['seen'], removeCommunities: ['old'] }, verdict: 'continue' }),
    rule('seen', { match: { communities: ['seen'] }, set: { drain: true } }),
  ]);
  const { attributes } = given.apply(route({ communities: ['old', 'kept'] }));
  expect(attributes).toMatchObject({ communities: ['kept', 'seen'], drain: true });
});

test('what no rule decided meets the verdict of the policy, with nothing changed', () => {
  const given = route();
  expect(policy([], 'accept').apply(given)).toEqual({ accepted: true, by: 'otherwise', attributes: given.attributes });
  expect(policy([]).apply(given)).toMatchObject({ accepted: false, by: 'otherwise' });
});

test('one attribute set stays one: changed alike it is one object, whatever the service and peer', () => {
  const given = policy([
    rule('web', { match: { services: ['fd00:cafe::/64'] }, set: { preference: 1 } }),
    rule('rest', { match: {}, set: {} }),
  ]);
  const one = route();
  const other = { ...one, service: 'fd00:cafe::81', peer: 'hub2' };
  expect(given.apply(other).attributes).toBe(given.apply(one).attributes);
  expect(given.apply({ ...one, service: 'fd00:beef::1' }).attributes).toBe(one.attributes);
});

test('apply, which remembers, and explain, which does not, always agree', () => {
  const some = <T>(...values: T[]) => fc.subarray(values);
  const match = fc.record({
    services: some('fd00:cafe::/64', 'fd00::/16'),
    sites: some('edge-*', 'core-1'),
    regions: fc.constant([]),
    tags: some('gpu'),
    classes: fc.constant([]),
    peers: some('hub1', 'hub2'),
    communities: some('a', 'b'),
  });
  const rules = fc.array(
    fc.record({
      name: fc.constantFrom('x', 'y'),
      match,
      set: fc.record({ addCommunities: some('a'), removeCommunities: some('b') }),
      verdict: fc.constantFrom('accept' as const, 'reject' as const, 'continue' as const),
    }),
    { maxLength: 4 },
  );
  const routes = fc.array(
    fc.record({
      service: fc.constantFrom('fd00:cafe::80', 'fd01::1'),
      peer: fc.constantFrom('hub1', 'hub2'),
      set: fc.nat(2),
    }),
  );
  const sets = [route(), route({ site: 'core-1', communities: ['b'] }), route({ capabilities: ['gpu'] })];
  fc.assert(
    fc.property(rules, fc.constantFrom('accept' as const, 'reject' as const), routes, (list, otherwise, asked) => {
      const given = policy(list, otherwise);
      for (const { set, ...rest } of asked) {
        const one = { ...rest, attributes: sets[set]!.attributes };
        const { steps: _, ...explained } = given.explain(one);
        expect(given.apply(one)).toEqual(explained);
      }
    }),
  );
});

test.each([
  ['edge-*', 'edge-', true],
  ['*-7', 'edge-7', true],
  ['e*e*7', 'edge-7', true],
  ['a*a', 'a', false],
  ['*', '', true],
  ['edge', 'edge-7', false],
  ['a*b*c', 'acb', false],
])('pattern %s on %j: %s', (pattern, text, matches) => {
  expect(matchesPattern(pattern, text)).toBe(matches);
});
