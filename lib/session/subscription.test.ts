import { expect, test } from 'vitest';
import { EVERYTHING, isEverything, SubscriptionFilter } from './subscription.ts';

const WEB = 'fd00:cafe::80';
const route = { region: 'eu-west', classes: ['interactive'] };

test.each([
  ['nothing in particular', {}, true],
  ['the service itself', { services: [`${WEB}/128`] }, true],
  ['a prefix around it', { services: ['fd00:beef::/32', 'fd00:cafe::/32'] }, true],
  ['other services', { services: ['fd00:cafe::81/128', 'fd00:beef::/32'] }, false],
  ['its region', { regions: ['us-east', 'eu-west'] }, true],
  ['another region', { regions: ['us-east'] }, false],
  ['its class', { classes: ['interactive'] }, true],
  ['another class', { classes: ['batch'] }, false],
  ['its service in another region', { services: [`${WEB}/128`], regions: ['us-east'] }, false],
])('a subscription to %s', (_, lists, wants) => {
  expect(new SubscriptionFilter({ ...EVERYTHING, ...lists }).wants(WEB, route)).toBe(wants);
  expect(isEverything({ ...EVERYTHING, ...lists })).toBe(Object.keys(lists).length === 0);
});

test('an instance that names no class serves every class, one without a region is in none', () => {
  expect(new SubscriptionFilter({ ...EVERYTHING, classes: ['batch'] }).wants(WEB, { region: '', classes: [] })).toBe(
    true,
  );
  expect(new SubscriptionFilter({ ...EVERYTHING, regions: ['eu'] }).wants(WEB, { region: '', classes: [] })).toBe(
    false,
  );
});
