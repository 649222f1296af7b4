import { join } from 'node:path';
import { expect, test } from 'vitest';
import { linkBetween, readFacts, uplinksOf } from './facts.ts';

const facts = readFacts(join(import.meta.dirname, '../..'), 'metro-3');

test('each client is known by the ingress it sits behind', () => {
  expect(facts.clients).toEqual([
    { client: 'u1', ingress: 'in1' },
    { client: 'u2', ingress: 'in2' },
  ]);
  expect(facts.cores).toEqual(['core1', 'core2']);
});

test('cutting a site off means its links to routers, not the one to its service host', () => {
  expect(uplinksOf(facts, 'eg1')).toEqual(['core1--eg1']);
  expect(uplinksOf(facts, 'eg2')).toEqual(['core1--eg2', 'core2--eg2']);
});

test('a link is found from either end, with its delay', () => {
  expect(linkBetween(facts, 'in1', 'core1')).toEqual({ name: 'in1--core1', delayUs: 1000 });
  expect(linkBetween(facts, 'core1', 'in1').name).toBe('in1--core1');
  expect(() => linkBetween(facts, 'in1', 'eg3')).toThrow('no link between in1 and eg3');
});
