import { describe, expect, it } from 'vitest';
import { readAffinity } from './affinity-readback.ts';
import { sameObject } from './equality.ts';
import type { AffinityService } from './fib.ts';

const main = 'svc_fd00_cafe__80';
const key = { concat: [{ payload: { protocol: 'ip6', field: 'saddr' } }, { meta: { key: 'l4proto' } }] };

/** One contact instance's rules, in the shape in which nft 1.0.6 prints them. */
function learned(slot: number, mark: number) {
  const marked = {
    mangle: { key: { meta: { key: 'mark' } }, value: { '|': [{ '&': [{}, 0xfffff000 + mark] }, mark] } },
  };
  const store = (op: string, name: string, timeout?: number) => ({
    set: { op, elem: { elem: { val: key, ...(timeout && { timeout }) } }, set: `@${name}_${slot}` },
  });
  const match = (name: string) => ({ match: { op: '==', left: key, right: `@${name}_${slot}` } });
  const keep = `${main}_keep_${slot}`;
  return [
    { set: { name: `live_${slot}` } },
    { set: { name: `closing_${slot}` } },
    { set: { name: `recent_${slot}` } },
    { set: { name: `share_${slot}` } },
    { chain: { name: `${main}_learn_${slot}` } },
    { chain: { name: keep } },
    { rule: { chain: `${main}_learn_${slot}`, expr: [marked, store('add', 'live', 338)] } },
    { rule: { chain: keep, expr: [marked, store('update', 'live', 338)] } },
    { rule: { chain: keep, expr: [store('add', 'recent', 38)] } },
    { rule: { chain: main, expr: [match('recent'), marked, { accept: null }] } },
    { rule: { chain: main, expr: [match('live'), { goto: { target: keep } }] } },
    { rule: { chain: main, expr: [match('closing'), marked, { return: null }] } },
    {
      rule: {
        chain: `${main}_finish`,
        expr: [match('live'), marked, store('delete', 'live'), store('delete', 'recent'), store('add', 'closing', 2)],
      },
    },
  ];
}

const frame = [
  { metainfo: { version: '1.0.6' } },
  { chain: { name: 'classify', hook: 'prerouting' } },
  { rule: { chain: 'classify', expr: [] } },
  { rule: { chain: 'classify', expr: [] } },
  { chain: { name: 'svc_fd00_cafe__80' } },
  { chain: { name: 'svc_fd00_cafe__80_finish' } },
  { chain: { name: 'svc_fd00_cafe__80_decide' } },
  { counter: { name: 'svc_fd00_cafe__80_new' } },
  { rule: { chain: 'svc_fd00_cafe__80_decide', expr: [{ counter: 'svc_fd00_cafe__80_new' }] } },
  { rule: { chain: 'svc_fd00_cafe__80', expr: [{ jump: { target: 'svc_fd00_cafe__80_finish' } }] } },
  { rule: { chain: 'svc_fd00_cafe__80', expr: [{ match: { op: '!=' } }, { return: null }] } },
];
const leave = { rule: { chain: main, expr: [{ goto: { target: 'svc_fd00_cafe__80_decide' } }] } };
const lookUp = (slot: number) => ({
  rule: {
    chain: 'svc_fd00_cafe__80_decide',
    expr: [
      { match: { op: '==', left: { jhash: { mod: 1000, seed: 24301 } }, right: `@share_${slot}` } },
      { goto: { target: `${main}_learn_${slot}` } },
    ],
  },
});
const shares = new Map([
  ['share_1', [{ from: 0, to: 998 }]],
  ['share_2', [{ from: 999, to: 999 }]],
]);
const map = { map: { name: 'services6', elem: [['fd00:cafe::80', { goto: { target: 'svc_fd00_cafe__80' } }]] } };
const text = (...nftables: unknown[]) => JSON.stringify({ nftables });
const lookUps = [lookUp(1), lookUp(2)];
const whole = [...frame, ...learned(1, 0x101), ...learned(2, 0x102), leave, ...lookUps, ...lookUps];

const expected: AffinityService = {
  kind: 'affinity',
  service: 'fd00:cafe::80',
  mode: 'flow',
  instances: [
    { slot: 1, mark: 0x101, weight: 999, failed: false },
    { slot: 2, mark: 0x102, weight: 1, failed: false },
  ],
  idleTimeoutMs: 300_000,
  closingTimeoutMs: 2000,
};

describe('affinity read back', () => {
  it('gives the service that was rendered', () => {
    const { services, damaged } = readAffinity([text(...whole), text(map)], shares);
    expect(services).toHaveLength(1);
    expect(sameObject(services[0]!, expected)).toBe(true);
    expect([...damaged]).toEqual([]);
  });

  it('reads a lone contact instance as the whole weight, and an empty share as none', () => {
    const documents = [text(...frame, ...learned(1, 0x101), leave, lookUp(1), lookUp(1)), text(map)];
    const one = readAffinity(documents, new Map([['share_1', [{ from: 0, to: 999 }]]]));
    expect(one.services[0]!.instances).toEqual([{ slot: 1, mark: 0x101, weight: 1000, failed: false }]);
    const none = readAffinity(documents, new Map([['share_1', []]]));
    expect(none.services[0]!.instances[0]!.weight).toBe(0);
    expect([...none.damaged, ...one.damaged]).toEqual([]);
  });

  it('calls a service damaged when any one of its parts is gone', () => {
    for (let gone = 1; gone < whole.length; gone++) {
      const { services, damaged } = readAffinity([text(...whole.filter((_, i) => i !== gone)), text(map)], shares);
      const found = services.find((service) => sameObject(service, expected));
      expect(!found || damaged.has('fd00:cafe::80'), JSON.stringify(whole[gone])).toBe(true);
    }
    expect([...readAffinity([text(...whole)], shares).damaged]).toEqual(['fd00:cafe::80']);
  });

  it.each([
    ['is gone', undefined, [{ from: 999, to: 999 }]],
    ['leaves hashes out', [{ from: 0, to: 900 }], []],
    [
      'is in pieces',
      [
        { from: 0, to: 4 },
        { from: 5, to: 998 },
      ],
      [{ from: 999, to: 999 }],
    ],
    ['is cut in another order', [{ from: 1, to: 999 }], [{ from: 0, to: 0 }]],
    ['overlaps another', [{ from: 0, to: 998 }], [{ from: 0, to: 0 }]],
  ])('calls a service damaged when a share %s', (_, first, second) => {
    const { damaged } = readAffinity(
      [text(...whole), text(map)],
      new Map([
        ['share_1', first],
        ['share_2', second],
      ]),
    );
    expect([...damaged]).toEqual(['fd00:cafe::80']);
  });

  it.each([
    [
      'one leads elsewhere',
      [
        lookUp(1),
        { rule: { ...lookUp(2).rule, expr: [lookUp(2).rule.expr[0], { goto: { target: 'operators_own' } }] } },
      ],
    ],
    ['they are asked in another order the second time', [lookUp(1), lookUp(2), lookUp(2), lookUp(1)]],
    ['one is asked twice at once', [lookUp(1), lookUp(1), lookUp(2), lookUp(2)]],
  ])('calls a service damaged when of the look-ups %s', (_, changed) => {
    const rules = changed.length === 2 ? [...changed, ...lookUps] : changed;
    const document = text(...frame, ...learned(1, 0x101), ...learned(2, 0x102), leave, ...rules);
    expect([...readAffinity([document, text(map)], shares).damaged]).toEqual(['fd00:cafe::80']);
  });

  it('finds nothing in an empty table and ignores foreign chains', () => {
    expect(readAffinity([text(), text({ chain: { name: 'svc_operators_own' } })], new Map()).services).toEqual([]);
  });

  it('throws on what is not JSON', () => {
    expect(() => readAffinity(['Error: no such table'], new Map())).toThrow(SyntaxError);
  });
});
