// Every link carries 1500 bytes, and packets grow by their segment lists: what clients notice of it.
import type { ChildProcess } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FibObject, MTU_KEY } from '../../lib/fib/fib.ts';
import { encapsulationBytes } from '../../lib/segment/packed-list.ts';
import type { BulkReply, BulkRequest } from './testing/bulk.ts';
import { whyNoKernelTests } from './testing/namespaces.ts';
import { answerOf, startScript } from './testing/scripts.ts';
import { SERVICE, SERVICE4, SteeringLab, segmentsTo } from './testing/steering-lab.ts';

const skip = whyNoKernelTests();

const PORT = 9100;
const MEGABYTE = 1 << 20;
/** One list of two, and three to spare. */
const MTU = 1500 - encapsulationBytes(2 + 3);
const TABLE = 10_000;

const gateway = (prefix: string, hop: string, device: string): FibObject => ({
  kind: 'route',
  prefix,
  table: 254,
  target: { kind: 'gateways', hops: [{ gateway: hop, device, weight: 1 }] },
});
const encap = (prefix: string, segments: readonly string[]): FibObject => ({
  kind: 'route',
  prefix,
  table: 254,
  target: { kind: 'encap', segments },
});
const tooBig = (prefix: string): FibObject => ({
  kind: 'route',
  prefix,
  table: TABLE,
  target: { kind: 'too-big', mtu: MTU },
});
const rules = (['ipv6', 'ipv4'] as const).map(
  (family): FibObject => ({ kind: 'rule', family, priority: TABLE, fwmark: 0xfff, mask: 0xfff, table: TABLE }),
);
const guard: FibObject = { kind: 'mtu', services: [SERVICE, SERVICE4], mtu: MTU, mark: 0xfff };

describe.skipIf(skip !== undefined)(`packets on links of 1500 bytes${skip ? ` (skipped: ${skip})` : ''}`, () => {
  let lab: SteeringLab;
  let client: ChildProcess;

  beforeEach(async () => {
    lab = new SteeringLab();
    await lab.start();
    const host = lab.host(1);
    const egress = lab.router('e1');
    await lab.fib.apply({
      put: [
        encap(`${SERVICE}/128`, segmentsTo(1)),
        encap(`${SERVICE4}/32`, ['fcbb:bb:f:1::', 'fcbb:bb:1:d4::']),
        { kind: 'local-sid', prefix: 'fcbb:bb:a:d4::/64', behaviour: { action: 'End.DX4', nexthop: '0.0.0.0' } },
        { kind: 'local-sid', prefix: 'fcbb:bb:a:d6::/64', behaviour: { action: 'End.DT6', table: 254 } },
      ],
      remove: [],
    });
    await lab.router('co').fib.apply({ put: [gateway('fcbb:bb:a::/48', 'fd00:1::1', 'in')], remove: [] });
    // Replies come encapsulated too.
    await egress.fib.apply({
      put: [
        gateway('fcbb:bb:a::/48', 'fd00:2::1', 'co'),
        gateway('fcbb:bb:f::/48', 'fd00:2::1', 'co'),
        encap('2001:db8:c::/64', ['fcbb:bb:f:1::', 'fcbb:bb:a:d6::']),
        encap('192.0.2.0/24', ['fcbb:bb:f:1::', 'fcbb:bb:a:d4::']),
      ],
      remove: [],
    });
    // What the egress itself has to say to the host about its replies goes to the service's address.
    egress.namespace.ip('-6', 'route', 'add', SERVICE, 'via', 'fd01:1::2');
    egress.namespace.ip('route', 'add', SERVICE4, 'via', '10.1.1.2');
    await startScript(host, 'bulk.ts', 'host', String(PORT));
    client = await startScript(lab.client, 'bulk.ts', 'client');
  });
  afterEach(async () => {
    await lab.stop();
  });

  const leaveRoom = async () => {
    const at = [
      [lab.fib, [`${SERVICE}/128`, `${SERVICE4}/32`]],
      [lab.router('e1').fib, ['2001:db8:c::/64', '192.0.2.0/24']],
    ] as const;
    for (const [fib, prefixes] of at) {
      const result = await fib.apply({ put: [guard, ...rules, ...prefixes.map(tooBig)], remove: [] });
      expect(result.failures).toEqual([]);
    }
  };
  const transfer = (request: Omit<BulkRequest, 'port'>): Promise<BulkReply> =>
    answerOf(client, { ...request, port: PORT });
  /** Output of `ping -s 1400` or another size, three requests. */
  const ping = (address: string, size = 1400, waitS = 10): string => {
    try {
      return lab.client.run('ping', '-n', '-c', '3', '-i', '0.2', '-W', String(waitS), '-s', String(size), address);
    } catch (error) {
      return String((error as { stdout?: unknown }).stdout);
    }
  };

  it('lets TCP stall and large pings vanish without it', async () => {
    for (const address of [SERVICE, SERVICE4]) {
      expect(await transfer({ address, direction: 'put', bytes: MEGABYTE, timeoutMs: 1000 }), address).toBeLessThan(
        2000,
      );
      expect(await transfer({ address, direction: 'get', bytes: MEGABYTE, timeoutMs: 1000 }), address).toBeLessThan(
        2000,
      );
      expect(ping(address, 1440, 1)).toContain('100% packet loss');
    }
  });

  it('carries TCP at its default segment size both ways, and tells pings how large they may be', async () => {
    await leaveRoom();
    for (const address of [SERVICE, SERVICE4]) {
      for (const direction of ['put', 'get'] as const) {
        const bytes = 16 * MEGABYTE;
        expect(await transfer({ address, direction, bytes, timeoutMs: 20_000 }), `${direction} ${address}`).toBe(bytes);
      }
      // One of them is answered by the ingress, and one reply by the egress; from then on sizes are known.
      for (const size of [1400, 1440]) {
        ping(address, size, 1);
        expect(ping(address, size), `${size} to ${address}`).toContain(' 0% packet loss');
      }
    }
    expect(lab.client.ip('-6', 'route', 'get', SERVICE)).toContain(`mtu ${MTU}`);
    expect(lab.client.ip('route', 'get', SERVICE4)).toContain(`mtu ${MTU}`);
    const table = lab.ingress.run('nft', 'list', 'table', 'inet', 'cfnd_mtu');
    expect(/counter too_big \{\s+packets [1-9]/.test(table)).toBe(true);
  });

  it('is repaired with its routes and rules when somebody takes it apart', async () => {
    await leaveRoom();
    lab.ingress.run('nft', 'flush', 'chain', 'inet', 'cfnd_mtu', 'fit6');
    lab.ingress.ip('-6', 'route', 'flush', 'table', String(TABLE));
    lab.ingress.ip('-6', 'rule', 'del', 'pref', String(TABLE));
    const drift = await lab.fib.verify();
    expect(drift.map(({ key, what }) => `${key} ${what}`).sort()).toEqual([
      `${MTU_KEY} missing`,
      `route ${TABLE} ${SERVICE}/128 missing`,
      `rule ipv6 ${TABLE} missing`,
    ]);
    expect(await lab.fib.verify()).toEqual([]);
    const request = { address: SERVICE, direction: 'put', bytes: MEGABYTE, timeoutMs: 20_000 } as const;
    expect(await transfer(request)).toBe(MEGABYTE);
  });
});
