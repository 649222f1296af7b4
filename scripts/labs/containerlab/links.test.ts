import { expect, test } from 'vitest';
import { PERFECT } from '../impairment.ts';
import { parseLabFile } from '../parse-clab.ts';
import { findLink, netemArguments } from './links.ts';

test('netem is given all of a quality at once, in microseconds and kbit/s', () => {
  const quality = { delayUs: 2500, jitterUs: 100, lossPercent: 0.5, rateBps: 100_000_000 };
  expect(netemArguments('clab-x-a', 'eth1', quality).join(' ')).toBe(
    'tools netem set --node clab-x-a --interface eth1 --delay 2500us --jitter 100us --loss 0.5 --rate 100000',
  );
});

test('a jitter alone gets the least delay, without which netem refuses it', () => {
  expect(netemArguments('a', 'eth1', { ...PERFECT, jitterUs: 50 })).toContain('1us');
});

test('a perfect quality takes netem away', () => {
  expect(netemArguments('a', 'eth1', PERFECT)).toEqual([
    'tools',
    'netem',
    'reset',
    '--node',
    'a',
    '--interface',
    'eth1',
  ]);
});

test('a rate below one kbit/s does not become unlimited', () => {
  expect(netemArguments('a', 'eth1', { ...PERFECT, rateBps: 10 }).at(-1)).toBe('1');
});

test('a link is found by its name and by either end, and not otherwise', () => {
  const text =
    'name: x\ntopology:\n  nodes:\n    a: { kind: linux }\n    b: { kind: linux }\n  links:\n    - endpoints: ["a:eth1", "b:eth2"]\n';
  const lab = parseLabFile(text, '/x/x.clab.yml', {});
  for (const name of ['a--b', 'a:eth1', 'b:eth2']) expect(findLink(lab, name)).toBe(lab.links[0]);
  expect(() => findLink(lab, 'a:eth2')).toThrow('lab x has no link a:eth2; it has a--b');
});
