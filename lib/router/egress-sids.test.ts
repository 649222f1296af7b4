import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseConfig } from '../config/parse.ts';
import type { FibCapability, FibObject } from '../fib/fib.ts';
import { allotEgressSids } from './egress-sids.ts';
import { prefixOfSid, sortLocators } from './locators.ts';

const NEXT = ['seg6local-next-csid', 'seg6local-next-csid-end-x'];
const NEXT_LOCATOR = { prefix: 'fcbb:bbbb:1::/48', behaviour: 'next-csid' };

interface Wanted {
  readonly host: number;
  readonly sid?: string;
}

function configOf(instances: readonly Wanted[], locator: object = NEXT_LOCATOR) {
  const parsed = parseConfig(
    JSON.stringify({
      name: 'eg1',
      site: 'site-1',
      'router-id': '0.0.0.1',
      security: 'plaintext',
      services: { web: 'fd00:cafe::80' },
      srv6: {
        locator: '5f00:0:1::/48',
        locators: [locator],
      },
      instances: instances.map(({ host, ...rest }) => ({
        name: `sv${host}`,
        service: 'web',
        address: `fd00:51::${host}`,
        metrics: { kind: 'push' },
        ...rest,
      })),
    }),
  );
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return parsed.config;
}

function allot(instances: readonly Wanted[], retained: readonly FibObject[] = [], able = NEXT) {
  const config = configOf(instances);
  const capabilities = NEXT.map((name): FibCapability => ({ name, available: able.includes(name), remark: '' }));
  const sids = allotEgressSids(config, sortLocators(config, capabilities).served, retained);
  return new Map(instances.map(({ host }, i) => [host, sids[i]!]));
}

/** What the kernel holds of an earlier life. */
function kernelOf(sids: ReturnType<typeof allot>): FibObject[] {
  return [...sids].map(([host, sid]) => ({
    kind: 'local-sid',
    prefix: prefixOfSid(sid),
    behaviour: { action: 'End.DX6', nexthop: `fd00:51::${host}` },
  }));
}

const textsOf = (sids: ReturnType<typeof allot>) => [...sids].map(([host, { sid }]) => `${host} ${sid}`);

test('a first life numbers contact instances in the order of the file, but for what is configured', () => {
  expect(textsOf(allot([{ host: 1 }, { host: 2, sid: 'fcbb:bbbb:1:100::' }, { host: 3 }]))).toEqual([
    '1 fcbb:bbbb:1:f001::',
    '2 fcbb:bbbb:1:100::',
    '3 fcbb:bbbb:1:f002::',
  ]);
});

test('a SID that is configured is given to nobody else, also where a function is as short as the numbers', () => {
  const locator = { prefix: 'fdbb:cafe:0:100::/56', behaviour: 'replace-csid', 'csid-bits': 16 };
  const config = configOf([{ host: 1 }, { host: 2, sid: 'fdbb:cafe:0:1f1::' }, { host: 3 }], locator);
  const { served } = sortLocators(config, [{ name: 'replace-csid', available: true, remark: '' }]);
  expect(allotEgressSids(config, served, []).map(({ sid }) => sid)).toEqual([
    'fdbb:cafe:0:1f2::',
    'fdbb:cafe:0:1f1::',
    'fdbb:cafe:0:1f3::',
  ]);
});

test('over a restart a contact instance keeps its SID, whatever the file says before it', () => {
  const before = allot([{ host: 1 }, { host: 2 }, { host: 3 }]);
  const after = allot([{ host: 9 }, { host: 3 }, { host: 2 }], kernelOf(before));
  expect(textsOf(after)).toEqual(['9 fcbb:bbbb:1:f001::', '3 fcbb:bbbb:1:f003::', '2 fcbb:bbbb:1:f002::']);
});

test('a SID in a locator that is no longer the best one is given up', () => {
  const before = allot([{ host: 1 }, { host: 2 }], [], []);
  expect(textsOf(before)[0]).toBe('1 5f00:0:1:f001::');
  expect(textsOf(allot([{ host: 2 }, { host: 1 }], kernelOf(before)))).toEqual([
    '2 fcbb:bbbb:1:f001::',
    '1 fcbb:bbbb:1:f002::',
  ]);
});

test('whoever is in both files keeps its SID, and no two have the same', () => {
  const hosts = fc.uniqueArray(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(hosts, hosts, (one, other) => {
      const before = allot(one.map((host) => ({ host })));
      const after = allot(
        other.map((host) => ({ host })),
        kernelOf(before),
      );
      for (const [host, { sid }] of after) if (before.has(host)) expect(sid).toBe(before.get(host)!.sid);
      expect(new Set([...after.values()].map(({ sid }) => sid)).size).toBe(after.size);
    }),
    { numRuns: 60 },
  );
});
