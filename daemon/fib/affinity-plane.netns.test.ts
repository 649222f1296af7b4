import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { leavesTrace } from '../../lib/fib/affinity-classes.ts';
import { objectText, sameObject } from '../../lib/fib/equality.ts';
import { AFFINITY_MODES, type AffinityService } from '../../lib/fib/fib.ts';
import type { TrafficMatch } from '../../lib/model/traffic-match.ts';
import { canonicalPrefix } from '../../lib/net/address.ts';
import { AffinityPlane } from './affinity-plane.ts';
import { NftNetlink } from './nft-netlink.ts';
import { Namespace, whyNoKernelTests } from './testing/namespaces.ts';

const skip = whyNoKernelTests();

function service(address: string, weights: Readonly<Record<number, number>>, failed: number[] = []): AffinityService {
  return {
    kind: 'affinity',
    service: address,
    mode: 'flow',
    instances: Object.entries(weights).map(([slot, weight]) => ({
      slot: Number(slot),
      mark: 0x100 + Number(slot),
      weight,
      failed: failed.includes(Number(slot)),
    })),
    idleTimeoutMs: 60_000,
    closingTimeoutMs: 2000,
  };
}

/** Instances in slots from `base` on, with weights that sum to 1000 or are all 0. */
const someInstances = (base: number) =>
  fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 4 }).map((parts): AffinityService['instances'] => {
    const total = parts.reduce((a, b) => a + b, 0);
    const shares = parts.map((part) => (total === 0 ? 0 : Math.floor((part * 1000) / total)));
    if (total > 0) shares[shares.length - 1]! += 1000 - shares.reduce((a, b) => a + b, 0);
    return shares.map((weight, i) => ({ slot: base + i, mark: 0x101 + base + i, weight, failed: false }));
  });

const someClass = (base: number, name: string, address: string) =>
  fc
    .record({
      mode: fc.constantFrom(...AFFINITY_MODES),
      instances: someInstances(base),
      idleTimeoutMs: fc.constantFrom(1000, 60_000),
      closingTimeoutMs: fc.constantFrom(2000, 3000),
      clientBits: fc.constantFrom(undefined, ...(address.includes(':') ? [8, 56, 64] : [8, 24])),
    })
    .map(({ clientBits, instances, ...one }) => ({
      name,
      ...one,
      instances: one.mode === 'bucket' ? [] : instances,
      ...(one.mode === 'client' && clientBits !== undefined && { clientBits }),
      ...(one.mode === 'bucket' && name !== '' && { mark: 0x100 + base }),
    }));

const someMatch = (address: string): fc.Arbitrary<TrafficMatch> => {
  const ipv6 = address.includes(':');
  const bits = fc.integer({ min: 1, max: ipv6 ? 128 : 32 });
  return fc.record(
    {
      dscp: fc.integer({ min: 0, max: 63 }),
      source: fc.tuple(ipv6 ? fc.ipV6() : fc.ipV4(), bits).map(([ip, length]) => canonicalPrefix(`${ip}/${length}`)),
      protocol: fc.constantFrom('tcp' as const, 'udp' as const),
      ports: fc
        .tuple(fc.integer({ min: 1, max: 65535 }), fc.integer({ min: 0, max: 99 }))
        .map(([from, more]) => ({ from, to: Math.min(65535, from + more) })),
      ...(ipv6 && { flowLabel: fc.integer({ min: 0, max: 0xfffff }) }),
    },
    { requiredKeys: [] },
  );
};

const anyService = (address: string, base: number): fc.Arbitrary<AffinityService> =>
  fc
    .tuple(
      someClass(base + 1, '', address),
      fc.tuple(fc.option(someClass(base + 5, 'gold', address)), fc.option(someClass(base + 20, 'low.9-a_b', address))),
      fc.array(fc.tuple(someMatch(address), fc.constantFrom('', 'gold', 'low.9-a_b')), { maxLength: 4 }),
    )
    .map(([{ name: _, ...own }, named, rules]) => {
      const classes = named.filter((one) => one !== null);
      const known = ['', ...classes.map(({ name }) => name)];
      const classifier = rules.flatMap(([match, of]) => (known.includes(of) ? [{ match, class: of }] : []));
      return {
        kind: 'affinity',
        service: address,
        ...own,
        ...(classes.length > 0 && { classes, classifier }),
      } as AffinityService;
    });

describe.skipIf(skip !== undefined)(`affinity in nftables${skip ? ` (skipped: ${skip})` : ''}`, () => {
  let namespace: Namespace;
  let plane: AffinityPlane;

  beforeEach(async () => {
    namespace = new Namespace('aff');
    plane = new AffinityPlane({ markMask: 0xfff, netns: namespace.name });
    expect(await plane.probe()).toBe('');
  });
  afterEach(async () => {
    await plane.close();
    namespace.remove();
  });

  const change = (...services: AffinityService[]) => plane.change(new Map(services.map((it) => [it.service, it])));
  const learn = (slot: number, ...ports: number[]) => {
    const flows = ports.map((port) => `2001:db8::1 . tcp . ${port} . 80 timeout 1m`).join(', ');
    namespace.run('nft', `add element inet cfnd_affinity live_${slot} { ${flows} }`);
  };
  const counts = async () => Object.fromEntries(await plane.countByListing());

  it('merges what arrives while a transaction runs, and ends at the newest wish', async () => {
    const before = plane.transactions;
    const results = await Promise.all(
      Array.from({ length: 200 }, (_, i) => change(service('fd00:cafe::80', { 1: i, 2: 1000 - i }))),
    );
    expect(results.flat()).toEqual([]);
    // The first makes the chains; what came meanwhile is one more.
    expect(plane.transactions - before).toBe(2);
    const read = await plane.readBack();
    expect(read!.services[0]!.instances.map(({ weight }) => weight)).toEqual([199, 801]);
  });

  it('forgets the flows of a failed instance even when a newer wish overtakes the failure', async () => {
    await change(service('fd00:cafe::80', { 1: 500, 2: 500 }));
    learn(1, 1000, 1001, 1002);
    learn(2, 2000);
    const running = change(service('fd00:cafe::80', { 1: 400, 2: 600 }));
    const failing = change(service('fd00:cafe::80', { 1: 0, 2: 1000 }, [1]));
    const newest = change(service('fd00:cafe::80', { 1: 100, 2: 900 }));
    expect([await running, await failing, await newest].flat()).toEqual([]);
    expect(await counts()).toEqual({ 1: 0, 2: 1 });
  });

  it('keeps learned flows through new weights, other timeouts, other marks and other instances', async () => {
    await change(service('fd00:cafe::80', { 1: 500, 2: 500 }));
    learn(1, 1000, 1001);
    learn(2, 2000);
    await change(service('fd00:cafe::80', { 1: 1000, 2: 0 }));
    await change({ ...service('fd00:cafe::80', { 1: 1000, 2: 0 }), idleTimeoutMs: 5000 });
    await change(service('fd00:cafe::80', { 1: 0, 2: 1, 3: 999 }));
    expect(await counts()).toEqual({ 1: 2, 2: 1, 3: 0 });
    await change(service('fd00:cafe::80', { 2: 1000 }));
    expect(await counts()).toEqual({ 2: 1 });
    expect(namespace.run('nft', 'list', 'ruleset')).not.toMatch(/_1\b|_3\b/);
  });

  /** The shares of both as the nft program reads them. */
  const split = () =>
    [1, 2].map((slot) => {
      const listed = namespace.run('nft', 'list', 'set', 'inet', 'cfnd_affinity', `share_${slot}`);
      return /elements = \{ ([^}]*?) \}/.exec(listed.replaceAll(/\s+/g, ' '))?.[1] ?? '';
    });

  it('changes weights without the nft program, and nft reads them as meant', async () => {
    await change(service('fd00:cafe::80', { 1: 500, 2: 500 }), service('fd00:cafe::81', { 3: 1000 }));
    expect(plane.programmed).toBe(1);
    await change(service('fd00:cafe::80', { 1: 999, 2: 1 }), service('fd00:cafe::81', { 3: 0 }));
    expect(split()).toEqual(['0-998', '999']);
    await change(service('fd00:cafe::80', { 1: 0, 2: 0 }));
    expect(split()).toEqual(['', '']);
    await change(service('fd00:cafe::80', { 1: 0, 2: 1000 }));
    expect(split()).toEqual(['', '0-999']);
    expect(plane).toMatchObject({ programmed: 1, transactions: 4 });
  });

  it('counts each transaction that took effect, as the kernel does', async () => {
    const generation = new NftNetlink(namespace.name);
    try {
      await change(service('fd00:cafe::80', { 1: 500, 2: 500 }));
      const base = generation.generation()! - plane.transactions;
      for (const weight of [1, 1, 2, 1000, 0]) await change(service('fd00:cafe::80', { 1: weight, 2: 1000 - weight }));
      expect(plane.transactions).toBe(5);
      expect(generation.generation()! - plane.transactions).toBe(base);
    } finally {
      generation.close();
    }
  });

  it.each([
    ['lost an element', 'delete element inet cfnd_affinity share_2 { 500-999 }'],
    ['was emptied', 'flush set inet cfnd_affinity share_2'],
    ['was divided anew', 'flush set inet cfnd_affinity share_2; add element inet cfnd_affinity share_2 { 0-9 }'],
    [
      'went with its rules',
      'flush chain inet cfnd_affinity svc_fd00_cafe__80_decide; delete set inet cfnd_affinity share_2',
    ],
  ])('notices that a share %s, and repairs it by the next change or by hand', async (_, damage) => {
    const before = service('fd00:cafe::80', { 1: 500, 2: 500 });
    await change(before);
    namespace.run('nft', damage);
    const read = (await plane.readBack())!;
    expect(read.damaged.has(before.service) || !sameObject(read.services[0]!, before)).toBe(true);
    expect(await change(service('fd00:cafe::80', { 1: 600, 2: 400 }))).toEqual([]);
    expect([...(await plane.readBack())!.damaged]).toEqual([]);
    expect(split()).toEqual(['0-599', '600-999']);
    // The same without having looked first: the kernel's refusal is the notice.
    namespace.run('nft', damage.replace('500-999', '600-999'));
    expect(await change(service('fd00:cafe::80', { 1: 700, 2: 300 }))).toEqual([]);
    expect([...(await plane.readBack())!.damaged]).toEqual([]);
    expect(split()).toEqual(['0-699', '700-999']);
  });

  it('notices any rule of a classed service that is gone, and repairs it', async () => {
    const slots = (base: number) =>
      [0, 1].map((i) => ({ slot: base + i, mark: 0x100 + base + i, weight: 500, failed: false }));
    const times = { idleTimeoutMs: 60_000, closingTimeoutMs: 2000 };
    const whole: AffinityService = {
      ...service('fd00:cafe::80', { 1: 500, 2: 500 }),
      classes: [
        { name: 'gold', mode: 'client', instances: slots(11), clientBits: 64, ...times },
        { name: 'bulk', mode: 'bucket', instances: [], mark: 0x120, ...times },
        { name: 'rest', mode: 'none', instances: slots(21), ...times },
      ],
      classifier: [
        { match: { dscp: 46 }, class: 'gold' },
        { match: { flowLabel: 5, protocol: 'udp' }, class: 'bulk' },
        { match: { source: '2001:db8::/32' }, class: 'rest' },
      ],
    };
    expect(await change(whole)).toEqual([]);
    const count = rules().length;
    expect(count).toBeGreaterThan(20);
    // Handles are new after each repair; the order is not.
    for (let i = 0; i < count; i++) {
      const [of, handle] = rules()[i]!;
      namespace.run('nft', 'delete', 'rule', 'inet', 'cfnd_affinity', of, 'handle', handle);
      const read = (await plane.readBack())!;
      const [seen] = read.services;
      const noticed = read.damaged.has(whole.service) || objectText(seen!) !== objectText(whole);
      expect(noticed, `rule ${i} of ${of}`).toBe(true);
      expect(await change(whole)).toEqual([]);
      const after = (await plane.readBack())!;
      expect([...after.damaged]).toEqual([]);
      expect(objectText(after.services[0]!)).toBe(objectText(whole));
    }
  });

  /** Chain and handle of each rule of our table, in the order of its listing. */
  const rules = (): [string, string][] => {
    const listed = JSON.parse(namespace.run('nft', '-t', '-j', 'list', 'table', 'inet', 'cfnd_affinity')) as {
      nftables: { rule?: { chain: string; handle: number } }[];
    };
    return listed.nftables.flatMap(({ rule }) => (rule ? [[rule.chain, String(rule.handle)]] : []));
  };

  it('does not let one bad service hold up the others', async () => {
    // Somebody's set of another type sits under our name: this service cannot be built.
    namespace.run('nft', 'add table inet cfnd_affinity; add set inet cfnd_affinity live_7 { type ipv4_addr; }');
    const failures = await change(service('fd00:cafe::7', { 7: 1000 }), service('10.80.0.80', { 8: 1000 }));
    expect(failures).toMatchObject([{ key: 'affinity fd00:cafe::7', code: 'nft' }]);
    expect(failures[0]!.text).toContain('live_7');
    expect(plane.inForce('10.80.0.80')).toBeDefined();
    expect(plane.inForce('fd00:cafe::7')).toBeUndefined();
  });

  it('builds everything again when somebody removed the table, at the next change of weights', async () => {
    await change(service('fd00:cafe::80', { 1: 500, 2: 500 }));
    namespace.run('nft', 'delete table inet cfnd_affinity');
    expect(await change(service('fd00:cafe::80', { 1: 600, 2: 400 }))).toEqual([]);
    const read = await plane.readBack();
    expect([...read!.damaged]).toEqual([]);
    expect(sameObject(read!.services[0]!, service('fd00:cafe::80', { 1: 600, 2: 400 }))).toBe(true);
  });

  it('reads back exactly what any sequence of changes has led to', async () => {
    const addresses = ['fd00:cafe::80', '10.80.0.80', 'fd00::'];
    const step = fc
      .integer({ min: 0, max: addresses.length - 1 })
      .chain((index) =>
        fc.tuple(fc.constant(addresses[index]!), fc.option(anyService(addresses[index]!, index * 100))),
      );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        await plane.removeAll();
        const wanted = new Map<string, AffinityService>();
        for (const [address, wish] of steps) {
          expect(await plane.change(new Map([[address, wish ?? undefined]]))).toEqual([]);
          if (wish && leavesTrace(wish)) wanted.set(address, wish);
          else wanted.delete(address);
        }
        const read = await plane.readBack();
        expect([...read!.damaged]).toEqual([]);
        expect(read!.services.map(({ service: address }) => address).sort()).toEqual([...wanted.keys()].sort());
        for (const seen of read!.services) expect(objectText(seen)).toBe(objectText(wanted.get(seen.service)!));
      }),
      { numRuns: 40 },
    );
  });
});
