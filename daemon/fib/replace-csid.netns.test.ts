import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FibObject, fibKey } from '../../lib/fib/fib.ts';
import { PROTOCOL } from './testing/kernel-fixture.ts';
import { eventually } from './testing/namespaces.ts';
import { whyNoPacketTests } from './testing/packet-port.ts';
import { full, ReplaceLab, replaceSid, SERVICE, TCP_PORT, UDP_PORT } from './testing/replace-lab.ts';

const skip = whyNoPacketTests();

describe.skipIf(skip !== undefined)(
  `G-SRv6 with real packets${skip ? ` (skipped: ${skip})` : ''}`,
  { timeout: 300_000 },
  () => {
    let lab: ReplaceLab;

    beforeEach(async () => {
      lab = new ReplaceLab();
      await lab.start();
    });
    afterEach(async () => {
      await lab.stop();
    });

    /** Each arrival as `router<from destination hop-limit segments-left`. */
    const walked = async () =>
      (await lab.ping()).map(
        ({ router, from, destination, hopLimit, segmentsLeft }) =>
          `${router}<${from} ${destination.replace('fdbb:cafe:0:', '')} ${hopLimit} ${segmentsLeft}`,
      );
    const lost = async (router: 'r1' | 'r2' | 'r3' | 'r4') =>
      (await lab.fib(router).sidCounters()).reduce((sum, { errors }) => sum + errors, 0);

    /** Packets that the router's End, or the egress's End.DT6, has seen. */
    const seen = async (router: 'r1' | 'r2' | 'r3' | 'r4' | 'eg') => (await lab.fib(router).sidCounters())[0]!.packets;

    it('walks one container through four routers to End.DT6, there and back along the row', async () => {
      // r1, then r3, r2, r4, egress: no way that plain routing takes.
      await lab.steer(full('1:1'), '6:d6:4:1:2:1:3:1');
      expect(await walked()).toEqual([
        'r1<in 1:1:: 63 1',
        'r2<r1 3:1::3 62 0',
        'r3<r2 3:1::3 61 0',
        'r2<r3 2:1::2 60 0',
        'r3<r2 4:1::1 59 0',
        'r4<r3 4:1::1 58 0',
        'eg<r4 6:d6:: 57 0',
      ]);
      expect(await lab.ask({ do: 'open', address: SERVICE, port: TCP_PORT, count: 20 })).toEqual(
        Array(20).fill('host'),
      );
      const [counters] = await lab.fib('r2').sidCounters();
      expect(counters).toMatchObject({ prefix: 'fdbb:cafe:0:2:1::/80', errors: 0 });
      expect(counters!.packets).toBeGreaterThan(20);
    });

    it('walks two containers, the second one short', async () => {
      await lab.steer(full('1:1'), '3:1:4:1:2:1:3:1', '0:0:6:d6:2:1:1:1');
      expect(await walked()).toEqual([
        'r1<in 1:1:: 63 2',
        'r2<r1 3:1::3 62 1',
        'r3<r2 3:1::3 61 1',
        'r2<r3 2:1::2 60 1',
        'r3<r2 4:1::1 59 1',
        'r4<r3 4:1::1 58 1',
        'r3<r4 3:1:: 57 1',
        'r2<r3 1:1::3 56 0',
        'r1<r2 1:1::3 55 0',
        'r2<r1 2:1::2 54 0',
        'r3<r2 6:d6::1 53 0',
        'r4<r3 6:d6::1 52 0',
        'eg<r4 6:d6::1 51 0',
      ]);
      expect(await lab.ask({ do: 'open', address: SERVICE, port: TCP_PORT, count: 20 })).toEqual(
        Array(20).fill('host'),
      );
    });

    it('goes on with a full SID after a container that ends early', async () => {
      await lab.steer(full('1:1'), '0:0:0:0:2:1:3:1', full('6:d6'));
      expect(await walked()).toEqual([
        'r1<in 1:1:: 63 2',
        'r2<r1 3:1::3 62 1',
        'r3<r2 3:1::3 61 1',
        'r2<r3 2:1::2 60 1',
        'r3<r2 6:d6:: 59 0',
        'r4<r3 6:d6:: 58 0',
        'eg<r4 6:d6:: 57 0',
      ]);
      expect(await lab.ask({ do: 'open', address: SERVICE, port: TCP_PORT, count: 5 })).toEqual(Array(5).fill('host'));
    });

    it('hands a packet of End.X to the adjacency first, against the way of the main table', async () => {
      // r3 would send 4:1 to r4 at once; its End.X goes to r2.
      await lab.steer(full('1:1'), '0:0:6:d6:4:1:3:2');
      expect(await walked()).toEqual([
        'r1<in 1:1:: 63 1',
        'r2<r1 3:2::3 62 0',
        'r3<r2 3:2::3 61 0',
        'r2<r3 4:1::2 60 0',
        'r3<r2 4:1::2 59 0',
        'r4<r3 4:1::2 58 0',
        'eg<r4 6:d6::1 57 0',
      ]);
      expect(await lab.ask({ do: 'open', address: SERVICE, port: TCP_PORT, count: 5 })).toEqual(Array(5).fill('host'));
    });

    it.each([
      { times: 200, what: 'changes of other SIDs', other: replaceSid('2:77'), keepsCounters: true },
      // A second layout: all chains, maps and the hook itself are replaced.
      {
        times: 50,
        what: 'reloads of the whole table',
        other: { kind: 'replace-csid', prefix: 'fdbb:beef:0:2::/64', csidBits: 16 } as const,
        keepsCounters: false,
      },
    ])('loses no packet of a 1 kHz stream over $times $what', async ({ times, what, other, keepsCounters }) => {
      await lab.steer(full('1:1'), '6:d6:4:1:2:1:3:1');
      await lab.ping();
      await lab.ask({ do: 'stream', address: SERVICE, port: UDP_PORT, hertz: 1000 });
      const fib = lab.fib('r2');
      for (let i = 0; i < times; i++) {
        const delta = i % 2 === 0 ? { put: [other], remove: [] } : { put: [], remove: [fibKey(other)] };
        expect((await fib.apply(delta)).failures).toEqual([]);
        await pause(3);
      }
      const { sent } = await lab.ask({ do: 'stop' });
      // Counted by the routers: a host that gets no processor time drops datagrams all by itself.
      let passed: number[] = [];
      await eventually('the last one has passed all of them', async () => {
        passed = await Promise.all((['r1', 'r3', 'r4', 'eg'] as const).map(seen));
        return passed.every((count) => count === passed[0]);
      }).catch(() => {});
      expect(passed[0]).toBeGreaterThan(1000);
      expect(passed).toEqual(Array(4).fill(passed[0]));
      expect(await Promise.all((['r1', 'r2', 'r3', 'r4'] as const).map(lost))).toEqual([0, 0, 0, 0]);
      expect((await seen('r2')) === passed[0]).toBe(keepsCounters);
      console.log(`${what}: ${times}, datagrams: ${sent}, through all routers: ${passed[0]}, lost: 0`);
    });

    it('repairs what somebody changed behind its back, says what, and leaves other tables alone', async () => {
      await lab.steer(full('1:1'), '6:d6:4:1:2:1:3:1');
      const [r2, fib] = [lab.namespace('r2'), lab.fib('r2')];
      r2.nft('add table ip6 operator\nadd chain ip6 operator c { type filter hook prerouting priority 0; }\n');
      const foreign = () => r2.run('nft', 'list', 'table', 'ip6', 'operator');
      const before = foreign();
      const own = ['replace-csid fdbb:cafe:0:2:1::/80', 'replace-csid fdbb:cafe:0:2:2::/80'];
      expect(await fib.verify()).toEqual([]);
      const sabotage: [string[], 'missing' | 'different'][] = [
        [['delete', 'table', 'ip6', 'cfnd_replace'], 'missing'],
        [['flush', 'map', 'ip6', 'cfnd_replace', 'b48c32_sids'], 'missing'],
        [['flush', 'chain', 'ip6', 'cfnd_replace', 'sids'], 'different'],
        [['flush', 'chain', 'ip6', 'cfnd_replace', 'b48c32'], 'different'],
        [['insert', 'rule', 'ip6', 'cfnd_replace', 'b48c32_n1_l0_i2', 'drop'], 'different'],
      ];
      for (const [command, what] of sabotage) {
        r2.run('nft', ...command);
        await expect(lab.ping(2)).rejects.toThrow();
        expect(await fib.verify()).toEqual(own.map((key) => ({ key, what })));
        expect(await fib.verify()).toEqual([]);
        expect((await lab.ping()).at(-1)).toMatchObject({ router: 'eg', hopLimit: 57 });
      }
      expect(foreign()).toBe(before);
    });

    it('forwards through a crash, makes the rules of an earlier life its own, and drops only what nobody wants', async () => {
      await lab.steer(full('1:1'), '6:d6:4:1:2:1:3:1');
      const fib = lab.fib('r2');
      const wanted = fib
        .dump()
        .filter((object): object is FibObject => object.kind !== 'replace-csid' || object.mark === undefined);
      await fib.close({ remove: false });
      expect(await walked()).toHaveLength(7);
      // The walk that the earlier life left was tampered with meanwhile: its names alone must not be believed.
      lab.namespace('r2').run('nft', 'flush', 'chain', 'ip6', 'cfnd_replace', 'b48c32_l0_i3');
      const next = await lab.reborn('r2');
      expect(next.retained.filter(({ kind }) => kind === 'replace-csid')).toHaveLength(2);
      expect(await lab.fib('r2').sync(wanted)).toMatchObject({ failures: [], put: 0, removed: 1 });
      expect(await walked()).toHaveLength(7);
      expect(lab.namespace('r2').run('nft', 'list', 'table', 'ip6', 'cfnd_replace')).not.toContain('m770');
      expect(lab.namespace('r2').ip('-6', 'route', 'show', 'table', 'all', 'proto', String(PROTOCOL))).not.toBe('');
    });
  },
);
