import { expect, test } from 'vitest';
import { parseConfig } from './parse.ts';
import { unappliedOptions } from './unapplied.ts';

const BASE = `
name: a
site: s
router-id: 10.0.0.1
security: plaintext
srv6: { locator: "5f00:0:1::/48" }
links: [ { name: core, neighbour: 10.0.0.2, delay: 1ms, local-address: "fd00::1", remote-address: "fd00::2" } ]
policies: { picky: { rules: [], otherwise: accept } }
peers: [ { name: b, address: "fd00::2", hold-time: 9s } ]
`;

function parsed(text: string) {
  const outcome = parseConfig(text);
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.errors));
  return outcome.config;
}

const changed = (...edits: [string, string][]) =>
  unappliedOptions(parsed(BASE), parsed(edits.reduce((text, [from, to]) => text.replace(from, to), BASE)));

test('what is the same needs no restart, nor do policies and what is heard', () => {
  expect(changed()).toEqual([]);
  expect(
    changed(
      ['otherwise: accept', 'otherwise: reject'],
      ['hold-time: 9s', 'hold-time: 9s, import: picky, subscribe: { regions: [r] }'],
    ),
  ).toEqual([]);
});

test.each([
  [['hold-time: 9s', 'hold-time: 30s'], ['peers.b.hold-time']],
  [['delay: 1ms', 'delay: 2ms'], ['links.core.delay']],
  [['10.0.0.1', '10.0.0.9'], ['router-id']],
  [['peers: [', 'peers: [ { name: c, address: "fd00::3" },'], ['peers.c']],
  [['security', 'stamp: { interval: 200ms }\nsecurity'], ['stamp.interval']],
] as [[string, string], string[]][])('%j: %j', (edit, options) => {
  expect(changed(edit)).toEqual(expect.arrayContaining(options));
});
