// What a router makes of its locators: what it programs, announces and allots by what its kernel has shown that it can, and
// what it believes of others' SIDs. Then two of them with a list that is packed, over a restart.
import { describe, expect, test } from 'vitest';
import type { RouterConfig } from '../config/config.ts';
import { parseConfig } from '../config/parse.ts';
import type { FibCapability, FibObject } from '../fib/fib.ts';
import type { NodeAdvertisement } from '../model/link-state.ts';
import { nodeOf } from '../topology/fixture.ts';
import type { RouterEffect } from './effect.ts';
import { wanted } from './fib-plan.ts';
import { createRouter, handle } from './handle.ts';
import { install } from './link-state.ts';
import { egressOf, pinnedLinks, planAlong } from './segment-lists.ts';
import { fibText } from './view/fib-text.ts';

const NEXT = ['seg6local-next-csid', 'seg6local-next-csid-end-x'];
const REPLACE = ['replace-csid'];

function configOf(extra: object = {}, srv6: object = {}): RouterConfig {
  const parsed = parseConfig(
    JSON.stringify({
      name: 'eg1',
      site: 'site-1',
      'router-id': '0.0.0.1',
      security: 'plaintext',
      services: { web: 'fd00:cafe::80' },
      stamp: { enabled: false },
      srv6: {
        locator: '5f00:0:1::/48',
        locators: [
          { prefix: 'fcbb:bbbb:1::/48', behaviour: 'next-csid' },
          { prefix: 'fdbb:cafe:0:1::/64', behaviour: 'replace-csid' },
        ],
        ...srv6,
      },
      links: [
        { name: 'eth1', neighbour: '0.0.0.2', 'local-address': 'fd00:0::1', 'remote-address': 'fd00:0::2' },
        { name: 'eth2', neighbour: '0.0.0.2', 'local-address': 'fd00:1::1', 'remote-address': 'fd00:1::2' },
      ],
      instances: [{ name: 'sv1', service: 'web', address: 'fd00:51::80', metrics: { kind: 'push' } }],
      ...extra,
    }),
  );
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return parsed.config;
}

function started(able: readonly string[], config = configOf()) {
  const router = createRouter();
  const capabilities = [...NEXT, ...REPLACE].map(
    (name): FibCapability => ({ name, available: able.includes(name), remark: '' }),
  );
  const effects: RouterEffect[] = [];
  effects.push(
    ...handle(router, { atMs: 1, type: 'start', config, bootId: 'a', wallMs: 1e12, retained: [], capabilities }),
  );
  for (const { name } of config.links) effects.push(...handle(router, { atMs: 2, type: 'link', name, up: true }));
  const state = router.state!;
  const logs = () => effects.flatMap((it) => (it.type === 'log' ? [`${it.text} ${JSON.stringify(it.fields)}`] : []));
  const post = (event: Parameters<typeof handle>[1]) => effects.push(...handle(router, event));
  return { state, logs, post, effects };
}

const textsOf = (objects: readonly FibObject[]) => objects.map(fibText);
const endsOf = (node: NodeAdvertisement | undefined) =>
  node!.locators.map(({ endSid, behaviour }) => [endSid, behaviour]);

describe('a router serves what its kernel can', () => {
  test.each([
    [[...NEXT, ...REPLACE], [1, 43, 101], 'fdbb:cafe:0:1:f001::', 116],
    [NEXT, [1, 43], 'fcbb:bbbb:1:f001::', 60],
    [[], [1], '5f00:0:1:f001::', 16],
    // End alone, as before Linux 6.6, is not enough.
    [['seg6local-next-csid'], [1], '5f00:0:1:f001::', 16],
  ])('able to %j it announces %j, and its contact instance gets %s', (able, behaviours, sid, behaviour) => {
    const { state } = started(able);
    expect(endsOf(state.ownNode).map(([, code]) => code)).toEqual(behaviours);
    const [instance] = state.instances.values();
    expect(instance!.attributes).toMatchObject({ egressSid: sid, behaviour });
    expect(wanted(state).filter((it) => it.kind === 'replace-csid')).toHaveLength(
      able.includes('replace-csid') ? 3 : 0,
    );
    const ends = state.ownNode!.links[0]!.adjacencySids ?? [];
    expect(ends.map((it) => it.behaviour)).toEqual(behaviours.slice(1).map((code) => (code === 43 ? 52 : 105)));
  });

  test('and says once what it cannot', () => {
    const { logs } = started(NEXT);
    expect(logs().filter((line) => line.startsWith('locator not served'))).toEqual([
      'locator not served: the kernel cannot {"locator":"fdbb:cafe:0:1::/64","lacks":"replace-csid"}',
    ]);
  });

  test('a SID configured in a locator that is not served is replaced by one that is', () => {
    const instances = [
      { name: 'sv1', service: 'web', address: 'fd00:51::80', sid: 'fdbb:cafe:0:1:100::', metrics: { kind: 'push' } },
    ];
    const { state, logs } = started(NEXT, configOf({ instances }));
    expect([...state.instances.values()][0]!.attributes.egressSid).toBe('fcbb:bbbb:1:f001::');
    expect(logs().some((line) => line.startsWith('egress sid replaced'))).toBe(true);
  });

  test('the SIDs are what each kind of endpoint needs', () => {
    const texts = textsOf(wanted(started([...NEXT, ...REPLACE]).state));
    expect(texts).toEqual(
      expect.arrayContaining([
        'fcbb:bbbb:1::/48 encap seg6local action End flavors next-csid lblen 32 nflen 16',
        // Node and function are shifted out together.
        'fcbb:bbbb:1:e001::/64 encap seg6local action End.X nh6 fd00::2 oif eth1 flavors next-csid lblen 32 nflen 32',
        'blackhole fdbb:cafe:0:1::/64 table 254',
        'fdbb:cafe:0:1:1::/80 nft End flavors replace-csid nflen 32',
        'fdbb:cafe:0:1:e002::/80 nft End.X mark 0xffd flavors replace-csid nflen 32',
        '::/0 via fd00:1::2 dev eth2 table 13837',
        'fdbb:cafe:0:1:f001::/80 encap seg6local action End.DX6 nh6 fd00:51::80',
      ]),
    );
    expect(texts.filter((text) => text.startsWith('blackhole fcbb'))).toEqual([]);
  });

  test('an End that the forwarding plane refuses is withdrawn until it is in force', () => {
    const { state, post, effects } = started([...NEXT, ...REPLACE]);
    const failure = { key: 'replace-csid fdbb:cafe:0:1:1::/80', code: 'nft', text: 'refused' };
    const result = { put: 0, removed: 0, netlinkDoneAtMs: 0, affinityDoneAtMs: 0 };
    post({ atMs: 3, type: 'fib-done', what: 'sync', request: 1, result: { ...result, failures: [failure] } });
    expect(endsOf(state.ownNode).map(([, code]) => code)).toEqual([1, 43]);
    post({ atMs: 500, type: 'timer', timer: 'fib-retry' });
    const retried = effects.findLast((it) => it.type === 'fib-apply');
    expect(retried!.delta.put.map(fibText)).toEqual(['fdbb:cafe:0:1:1::/80 nft End flavors replace-csid nflen 32']);
    const { request } = retried!;
    post({ atMs: 501, type: 'fib-done', what: 'apply', request, result: { ...result, failures: [] } });
    expect(endsOf(state.ownNode).map(([, code]) => code)).toEqual([1, 43, 101]);
  });
});

describe('SIDs of others', () => {
  const replace = { prefix: 'fdbb:cafe:0:2::/64', structure: { block: 48, node: 16, function: 16, argument: 48 } };
  test.each([
    ['fits', { ...replace, endSid: 'fdbb:cafe:0:2:1::', behaviour: 101 }, undefined],
    ['has C-SID 0', { ...replace, prefix: 'fdbb:cafe::/64', endSid: 'fdbb:cafe::', behaviour: 101 }, 'zero-csid'],
    ['has an argument', { ...replace, endSid: 'fdbb:cafe:0:2:1::1', behaviour: 101 }, 'argument-not-zero'],
    [
      'has a C-SID of 24 bits',
      {
        ...replace,
        structure: { block: 48, node: 16, function: 8, argument: 56 },
        endSid: 'fdbb:cafe:0:2:100::',
        behaviour: 101,
      },
      'length-of-flavour',
    ],
    ['is a service SID', { ...replace, endSid: 'fdbb:cafe:0:2:1::', behaviour: 118 }, 'wrong-behaviour'],
    ['lies elsewhere', { ...replace, endSid: 'fdbb:cafe:0:3:1::', behaviour: 101 }, 'outside-locator'],
  ])('one that %s', (_, locator, fault) => {
    const { state } = started([]);
    const node = nodeOf(2, []);
    state.effects = [];
    install(state, { ...node, locators: [...node.locators, locator] }, undefined);
    const refusals = state.effects.flatMap((it) =>
      it.type === 'log' && it.text === 'announced sid refused' ? [it.fields] : [],
    );
    expect(refusals.map((fields) => fields.reason)).toEqual(fault === undefined ? [] : [fault]);
    const { ends } = state.sids.of(state.lsdb.nodes.get('0.0.0.2')!);
    expect(ends.map((sid) => sid.behaviour)).toEqual(fault === undefined ? [1, 101] : [1]);
  });
});

describe('parallel links of different delay', () => {
  const twoWay = (delay: number) => {
    const link = { neighbour: '0.0.0.1', delayMinUs: delay, delayAvgUs: delay };
    return nodeOf(2, [
      { ...nodeLink('eth1', 'fd00::2', 'fd00::1'), ...link, delayMinUs: 900 },
      { ...nodeLink('eth2', 'fd00:1::2', 'fd00:1::1'), ...link },
    ]);
  };
  const nodeLink = (name: string, localAddress: string, remoteAddress: string) => ({
    name,
    localAddress,
    remoteAddress,
    delayVariationUs: 0,
    loss: 0,
    bandwidthBps: 1e9,
    adminGroups: 0,
    srlg: [],
    endXSid: '',
  });
  const measured = (underlay: boolean) => {
    const run = started([...NEXT, ...REPLACE], configOf({ fib: { underlay } }));
    const figures = { delayMinUs: 900, delayAvgUs: 900, delayVariationUs: 0, loss: 0 };
    run.post({ atMs: 3, type: 'link-measured', link: 'eth1', ...figures });
    run.post({ atMs: 3, type: 'link-measured', link: 'eth2', ...figures, delayMinUs: 100, delayAvgUs: 100 });
    install(run.state, twoWay(100), undefined);
    return run.state;
  };
  const egress = {
    egressSid: '5f00:0:2:d6::',
    sidStructure: { block: 32, node: 16, function: 16, argument: 0 },
    behaviour: 18,
  };
  const path = ['0.0.0.1', '0.0.0.2'];

  test('are pinned by End.X of the fastest where another IGP chooses among them', () => {
    const state = measured(false);
    expect(pinnedLinks(state, path)).toEqual(['eth2']);
    // Never REPLACE-CSID of our own: the packet does not pass our prerouting hook.
    const plan = planAlong(state, path, egressOf(egress, '0.0.0.2'));
    expect([
      ['5f00:0:1:e002::', egress.egressSid],
      ['fcbb:bbbb:1:e002::', egress.egressSid],
    ]).toContainEqual([...plan.segments]);
  });

  test('need no segment where our own underlay takes the fastest', () => {
    expect(planAlong(measured(true), path, egressOf(egress, '0.0.0.2')).segments).toEqual([egress.egressSid]);
  });
});
