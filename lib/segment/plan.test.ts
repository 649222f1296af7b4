import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type LinkSpec, routerOf, topologyOf } from '../topology/fixture.ts';
import { computeSpf } from '../topology/spf.ts';
import { BEHAVIOUR, behaviourName } from './behaviours.ts';
import { planSegments } from './plan.ts';
import { makeSid } from './sid.ts';
import { SidBook } from './sid-book.ts';

// 1 - 2 - 3 - 4 - 5 in a row, and a slow way 1 - 6 - 4 around.
const nodes = topologyOf([
  [1, 2, 10],
  [2, 3, 10],
  [3, 4, 10],
  [4, 5, 10],
  [1, 6, 100],
  [6, 4, 100],
]);
const egressSid = '5f00:0:5:d6::';
const STRUCTURE = { block: 32, node: 16, function: 16, argument: 0 };
const PLAIN = ['none'] as const;
const plan = (path: number[], maxSidDepth = 10, among = nodes) =>
  planSegments({
    path: path.map(routerOf),
    nodes: among,
    sids: new SidBook(),
    egress: makeSid(egressSid, STRUCTURE, BEHAVIOUR.endDt6),
    maxSidDepth,
    flavours: PLAIN,
  });
const end = (node: number) => `5f00:0:${node}:1::`;

describe('the segment planner', () => {
  test('names every transit router, then the egress SID', () => {
    expect(plan([1, 2, 3, 4, 5])).toMatchObject({
      segments: [end(2), end(3), end(4), egressSid],
      bytes: 40 + 8 + 3 * 16,
      reason: 'complete',
      router: '',
    });
  });

  test.each([[[4, 5]], [[5]]])('path %j without transit is the egress SID alone', (path) => {
    expect(plan(path).segments).toEqual([egressSid]);
  });

  test('drops leading routers that the shortest path visits anyway when the depth is small', () => {
    expect(plan([1, 2, 3, 4, 5], 2)).toMatchObject({
      segments: [end(4), egressSid],
      reason: 'shortened',
      router: routerOf(4),
    });
    expect(plan([1, 2, 3, 4, 5], 1)).toMatchObject({
      segments: [egressSid],
      reason: 'shortened',
      router: routerOf(5),
    });
  });

  test('refuses to shorten a detour that must be named', () => {
    expect(plan([1, 6, 4, 5], 3).segments).toEqual([end(6), end(4), egressSid]);
    expect(plan([1, 6, 4, 5], 2)).toMatchObject({ segments: [], reason: 'too-deep', router: routerOf(5) });
  });

  test('a depth of 0 takes no list at all', () => {
    expect(plan([4, 5], 0)).toMatchObject({ segments: [], reason: 'too-deep' });
  });

  test('says which router has no End SID, and which is unknown', () => {
    const three = nodes.get(routerOf(3))!;
    const bare = new Map(nodes).set(routerOf(3), { ...three, locators: [] });
    const packed = new Map(nodes).set(routerOf(3), {
      ...three,
      locators: [{ ...three.locators[0]!, behaviour: BEHAVIOUR.endReplaceCsid }],
    });
    for (const without of [bare, packed]) {
      expect(plan([1, 2, 3, 4, 5], 9, without)).toMatchObject({
        segments: [],
        reason: 'no-end-sid',
        router: routerOf(3),
      });
    }
    expect(plan([1, 9, 5])).toMatchObject({ segments: [], reason: 'unknown-router', router: routerOf(9) });
    expect(plan([])).toMatchObject({ segments: [], reason: 'no-path', router: '' });
  });

  describe('packs what the routers on the path announce', () => {
    // Each router a locator of each kind; router 3 full SIDs only.
    const twins = new Map(
      [...nodes].map(([router, node]) => {
        const n = router.split('.')[3]!;
        const further = [
          {
            prefix: `fcbb:bbbb:${n}::/48`,
            endSid: `fcbb:bbbb:${n}::`,
            structure: { block: 32, node: 16, function: 0, argument: 80 },
            behaviour: BEHAVIOUR.endNextCsid,
          },
          {
            prefix: `fdbb:cafe:0:${n}::/64`,
            endSid: `fdbb:cafe:0:${n}:1::`,
            structure: { block: 48, node: 16, function: 16, argument: 48 },
            behaviour: BEHAVIOUR.endReplaceCsid,
          },
        ];
        const links = node.links.map((link) => ({
          ...link,
          endXSid: `5f00:0:${n}:e00${link.name.slice(3)}::`,
          adjacencySids: [
            {
              sid: `fcbb:bbbb:${n}:e00${link.name.slice(3)}::`,
              structure: { block: 32, node: 16, function: 16, argument: 64 },
              behaviour: BEHAVIOUR.endXNextCsid,
            },
          ],
        }));
        return [router, { ...node, links, locators: [...node.locators, ...(n === '3' ? [] : further)] }] as const;
      }),
    );
    const nextEgress = makeSid(
      'fcbb:bbbb:5:f001::',
      { block: 32, node: 16, function: 16, argument: 64 },
      60,
      '0.0.0.5',
    );
    const of = (path: number[], options: Partial<Parameters<typeof planSegments>[0]> = {}) =>
      planSegments({
        path: path.map(routerOf),
        nodes: twins,
        sids: new SidBook(),
        egress: nextEgress,
        maxSidDepth: 10,
        flavours: ['next', 'replace'],
        ...options,
      });

    test('into one container where all have uSIDs', () => {
      expect(of([1, 6, 4, 5])).toMatchObject({ segments: ['fcbb:bbbb:6:4:5:f001::'], bytes: 40, reason: 'complete' });
    });

    test('around a router that has none', () => {
      expect(of([1, 2, 3, 4, 5]).entries.map(({ kind, holds }) => [kind, holds.length])).toEqual([
        ['full', 1],
        ['full', 1],
        ['next', 2],
      ]);
    });

    test('with the flavours that are wanted only', () => {
      expect(of([1, 6, 4, 5], { flavours: [] }).segments).toEqual([end(6), end(4), nextEgress.address]);
      const egress = makeSid(
        'fdbb:cafe:0:5:f001::',
        { block: 48, node: 16, function: 16, argument: 48 },
        116,
        '0.0.0.5',
      );
      expect(of([1, 6, 4, 5], { egress, flavours: ['replace'] }).segments).toEqual([
        'fdbb:cafe:0:6:1::',
        '::5:f001:4:1',
      ]);
    });

    test('within the depth of the headend: what is packed fits where full SIDs do not', () => {
      expect(of([1, 6, 4, 5], { maxSidDepth: 1 }).reason).toBe('complete');
      expect(of([1, 6, 4, 5], { maxSidDepth: 1, flavours: [] }).reason).toBe('too-deep');
    });

    test('within the depth of an endpoint', () => {
      const shallow = new Map(twins).set(routerOf(2), { ...twins.get(routerOf(2))!, maxSegmentsLeft: 1 });
      // Router 2 would see two entries behind it; the shortest path goes there by itself.
      expect(of([1, 2, 3, 4, 5], { nodes: shallow })).toMatchObject({ reason: 'shortened', router: routerOf(3) });
      const detour = new Map(twins).set(routerOf(6), { ...twins.get(routerOf(6))!, maxSegmentsLeft: 1 });
      expect(of([1, 6, 4, 5], { nodes: detour }).reason).toBe('complete');
      expect(of([1, 6, 4, 5], { nodes: detour, flavours: [] }).reason).toBe('endpoint-too-shallow');
    });

    test('names a link that must be taken by End.X, and no End for either side of it', () => {
      // eth4 is 1 - 6, eth5 is 6 - 4.
      const links = [undefined, 'eth5', undefined];
      expect(of([1, 6, 4, 5], { links }).segments).toEqual(['fcbb:bbbb:6:e005:5:f001::']);
      expect(of([1, 6, 4, 5], { links: ['eth4'] }).segments).toEqual(['fcbb:bbbb:1:e004:4:5:f001:0']);
      expect(of([1, 6, 4, 5], { links: ['eth9'] })).toMatchObject({ reason: 'no-end-sid', router: routerOf(1) });
      // A pinned link is never left out.
      expect(of([1, 2, 3], { links: ['eth0'], maxSidDepth: 1, flavours: [] }).reason).toBe('too-deep');
    });
  });

  test('walking the list from SID to SID over shortest paths is never longer than the path that was asked for', () => {
    const node = fc.integer({ min: 1, max: 9 });
    const links = fc.array(fc.tuple(node, node, fc.integer({ min: 1, max: 5 })), { minLength: 8, maxLength: 30 });
    fc.assert(
      fc.property(links, node, node, fc.integer({ min: 1, max: 4 }), (specs, from, to, maxSidDepth) => {
        const random = topologyOf(specs.filter(([a, b]) => a !== b) as LinkSpec[], 9);
        const wanted = computeSpf(random, routerOf(from)).get(routerOf(to));
        fc.pre(wanted !== undefined && from !== to);
        const planned = planSegments({
          path: wanted!.path,
          nodes: random,
          sids: new SidBook(),
          egress: makeSid(`5f00:0:${to}:d6::`, STRUCTURE, BEHAVIOUR.endDt6),
          maxSidDepth,
          flavours: PLAIN,
        });
        expect(planned.segments.length).toBe(Math.min(maxSidDepth, wanted!.path.length - 1));
        let at = routerOf(from);
        let delayUs = 0;
        for (const sid of planned.segments) {
          const next = routerOf(Number.parseInt(sid.split(':')[2]!, 16));
          delayUs += computeSpf(random, at).get(next)!.delayUs;
          at = next;
        }
        expect([at, delayUs]).toEqual([routerOf(to), wanted!.delayUs]);
      }),
    );
  });
});

test.each([
  [1, 'End'],
  [16, 'End.DX6'],
  [18, 'End.DT6'],
  [20, 'End.DT46'],
  [31, 'End (PSP+USP+USD)'],
  [43, 'End with NEXT-CSID'],
  [59, 'End.X with NEXT-CSID (PSP+USP+USD)'],
  [62, 'End.DT6 with NEXT-CSID'],
  [97, 'End.XLBS with NEXT-CSID'],
  [104, 'End with REPLACE-CSID (PSP+USP)'],
  [120, 'End.DT46 with REPLACE-CSID'],
  [127, 'End.B6.Encaps.Red with REPLACE-CSID'],
  [125, 'behaviour 125'],
])('code point %i is %s', (codePoint, name) => {
  expect(behaviourName(codePoint)).toBe(name);
});
