import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { linkOf, nodeOf, routerOf } from './fixture.ts';
import { DEFAULT_LSDB_LIMITS, Lsdb } from './lsdb.ts';

const link = linkOf('eth1', 2, 'fd00::1', 'fd00::2', 100);

describe('the link-state database', () => {
  test('takes the first advertisement of a router', () => {
    const lsdb = new Lsdb();
    expect(lsdb.install(nodeOf(1, [link], 7))).toEqual({
      outcome: 'installed',
      topologyChanged: true,
      reachabilityChanged: true,
    });
    expect(lsdb.nodes.get(routerOf(1))?.sequence).toBe(7);
  });

  test('refuses an equal and an older sequence with the reason, and keeps what it has', () => {
    const lsdb = new Lsdb();
    lsdb.install(nodeOf(1, [link], 7));
    expect(lsdb.install(nodeOf(1, [], 7))).toEqual({ outcome: 'refused', reason: 'equal' });
    expect(lsdb.install(nodeOf(1, [], 6))).toEqual({ outcome: 'refused', reason: 'older' });
    expect(lsdb.nodes.get(routerOf(1))?.links).toEqual([link]);
  });

  test('says whether a newer advertisement moves paths or only routes', () => {
    const lsdb = new Lsdb();
    lsdb.install(nodeOf(1, [link], 1));
    expect(lsdb.install(nodeOf(1, [{ ...link }], 2))).toMatchObject({
      topologyChanged: false,
      reachabilityChanged: false,
    });
    expect(lsdb.install(nodeOf(1, [{ ...link, delayMinUs: 200 }], 3))).toMatchObject({
      topologyChanged: true,
      reachabilityChanged: false,
    });
    expect(lsdb.install({ ...nodeOf(1, [{ ...link, delayMinUs: 200 }], 4), prefixes: ['fd00:9::/64'] })).toMatchObject({
      topologyChanged: false,
      reachabilityChanged: true,
    });
    expect(lsdb.install(nodeOf(1, [{ ...link, srlg: [7] }], 5))).toMatchObject({
      topologyChanged: true,
      reachabilityChanged: true,
    });
  });

  test('refuses a router beyond its size, but still updates those it holds', () => {
    const lsdb = new Lsdb({ ...DEFAULT_LSDB_LIMITS, maxNodes: 2 });
    lsdb.install(nodeOf(1, []));
    lsdb.install(nodeOf(2, []));
    expect(lsdb.install(nodeOf(3, []))).toEqual({ outcome: 'refused', reason: 'full' });
    expect(lsdb.install(nodeOf(2, [], 2))).toMatchObject({ outcome: 'installed' });
    expect(lsdb.remove(routerOf(1))?.originator).toBe(routerOf(1));
    expect(lsdb.install(nodeOf(3, []))).toMatchObject({ outcome: 'installed' });
  });

  test('refuses an advertisement with more links or prefixes than allowed', () => {
    const lsdb = new Lsdb({ maxNodes: 9, maxLinksPerNode: 1, maxPrefixesPerNode: 2 });
    expect(lsdb.install(nodeOf(1, [link, link]))).toEqual({ outcome: 'refused', reason: 'too-many-links' });
    expect(lsdb.install({ ...nodeOf(1, []), prefixes: ['fd00:1::/64', 'fd00:2::/64'] })).toEqual({
      outcome: 'refused',
      reason: 'too-many-prefixes',
    });
    expect(lsdb.nodes.size).toBe(0);
  });

  test('removing a router that is not held is nothing', () => {
    expect(new Lsdb().remove(routerOf(1))).toBeUndefined();
  });

  test('holds the highest sequence of every router whatever the order of arrival', () => {
    const flood = fc.array(fc.record({ node: fc.integer({ min: 1, max: 5 }), sequence: fc.nat(20) }), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(flood, (arrivals) => {
        const lsdb = new Lsdb();
        const highest = new Map<string, number>();
        for (const { node, sequence } of arrivals) {
          lsdb.install(nodeOf(node, [], sequence));
          highest.set(routerOf(node), Math.max(sequence, highest.get(routerOf(node)) ?? 0));
        }
        expect(new Map([...lsdb.nodes].map(([router, held]) => [router, held.sequence]))).toEqual(highest);
      }),
    );
  });
});
