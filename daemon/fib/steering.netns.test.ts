import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AffinityService, FibObject } from '../../lib/fib/fib.ts';
import { eventually, whyNoKernelTests } from './testing/namespaces.ts';
import { SERVICE, SteeringLab, segmentsTo, TCP_PORT, UDP_PORT } from './testing/steering-lab.ts';

const skip = whyNoKernelTests();

const member = (site: 1 | 2, id = 200_000_000 + site): FibObject => ({
  kind: 'nexthop',
  id,
  segments: segmentsTo(site),
});
const group = (slot: number): FibObject => ({
  kind: 'group',
  id: 100_000_000 + slot,
  members: [{ nexthop: 200_000_000 + slot, weight: 1 }],
});
const route = (slot: number, table: number): FibObject => ({
  kind: 'route',
  prefix: `${SERVICE}/128`,
  table,
  target: { kind: 'group', id: 100_000_000 + slot },
});
const rule = (slot: number): FibObject => ({
  kind: 'rule',
  family: 'ipv6',
  priority: 10_000 + slot,
  fwmark: 0x100 + slot,
  mask: 0xfff,
  table: 10_000 + slot,
});
const affinity = (w1: number, w2: number, failed: readonly number[] = []): AffinityService => ({
  kind: 'affinity',
  service: SERVICE,
  mode: 'flow',
  instances: [w1, w2].map((weight, i) => ({
    slot: i + 1,
    mark: 0x101 + i,
    weight,
    failed: failed.includes(i + 1),
  })),
  idleTimeoutMs: 60_000,
  closingTimeoutMs: 2000,
});

/** Both contact instances reachable by mark; unmarked packets go to the first. */
const instances: FibObject[] = ([1, 2] as const).flatMap((slot) => [
  member(slot),
  group(slot),
  route(slot, 10_000 + slot),
  rule(slot),
]);
const steering: FibObject[] = [...instances, route(1, 254)];

const tally = (names: readonly string[]) => {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
};

const note = skip ? ` (skipped: ${skip})` : '';
describe.skipIf(skip !== undefined).each([
  ['nftables', undefined],
  ['tc-bpf in front of nftables', 'tc-bpf'],
] as const)(`steering of real packets, %s${note}`, (_, accelerator) => {
  let lab: SteeringLab;

  beforeEach(async () => {
    lab = new SteeringLab(accelerator);
    await lab.start();
  });
  afterEach(async () => {
    await lab.stop();
  });

  const apply = async (...put: FibObject[]) => {
    const result = await lab.fib.apply({ put, remove: [] });
    expect(result.failures).toEqual([]);
    return result;
  };
  const open = (count: number) => lab.ask({ do: 'open', address: SERVICE, port: TCP_PORT, count });

  it('loses no packet of a 1 kHz stream over hundreds of path switches', async () => {
    await apply(member(1), group(1), route(1, 254));
    await lab.ask({ do: 'stream', address: SERVICE, port: UDP_PORT, hertz: 1000 });
    let switches = 0;
    for (; switches < 400; switches++) {
      await apply(member(switches % 2 ? 1 : 2, 200_000_001));
      await pause(3);
    }
    const { sent, received } = await lab.ask({ do: 'stop' });
    expect(sent).toBeGreaterThan(1000);
    const answered = Object.values(received).reduce((a, b) => a + b, 0);
    const { client, hosts } = lab.ends;
    const dropped = [client, ...hosts].reduce((sum, namespace) => sum + namespace.udpDrops(), 0);
    expect(sent - answered - dropped, `of ${sent}, besides ${dropped} that sockets dropped`).toBeLessThanOrEqual(0);
    // It was steered, not merely delivered.
    expect(Math.min(received.s1 ?? 0, received.s2 ?? 0)).toBeGreaterThan(sent / 10);
    console.log(`path switches: ${switches}, packets: ${sent}, lost: 0, by host: ${JSON.stringify(received)}`);
  });

  it('keeps running flows where they are while new ones follow the weights', async () => {
    await apply(...steering, affinity(1000, 0));
    expect(tally(await open(40))).toEqual({ s1: 40 });
    await apply(affinity(0, 1000));
    expect(tally(await open(40))).toEqual({ s2: 40 });
    expect(tally(await lab.ask({ do: 'ask' }))).toEqual({ s1: 40, s2: 40 });
    expect(await lab.fib.flowCounts()).toEqual(
      new Map([
        [1, 40],
        [2, 40],
      ]),
    );
    await apply(affinity(500, 500));
    const spread = tally(await open(100));
    expect(Math.min(spread.s1 ?? 0, spread.s2 ?? 0)).toBeGreaterThan(20);
    expect(tally((await lab.ask({ do: 'ask' })).slice(0, 80))).toEqual({ s1: 40, s2: 40 });
  });

  it('does not disturb a running stream however often the weights change', async () => {
    await apply(...steering, affinity(1000, 0));
    await lab.ask({ do: 'stream', address: SERVICE, port: UDP_PORT, hertz: 1000 });
    await eventually('the flow is learned', async () => (await lab.fib.flowCounts()).get(1) === 1);
    for (let i = 0; i < 200; i++) {
      await apply(affinity((i * 7) % 1000, 1000 - ((i * 7) % 1000)));
      await pause(4);
    }
    const { sent, received } = await lab.ask({ do: 'stop' });
    expect(sent).toBeGreaterThan(800);
    expect(received).toEqual({ s1: sent });
  });

  it('spreads new flows by the weights', async () => {
    await apply(...steering, affinity(700, 300));
    // Standard deviation 7.9: five of them on either side.
    const { s1 = 0, s2 = 0 } = tally(await open(300));
    expect(s1 + s2).toBe(300);
    expect(Math.abs(s1 - 210)).toBeLessThan(40);
  });

  it('learns every flow that begins while weights change as fast as they can', async () => {
    await apply(...steering, affinity(500, 500));
    let changes = 0;
    let over = false;
    const changing = (async () => {
      for (; !over; changes++) {
        const weight = (changes * 37) % 1001;
        await apply(affinity(weight, 1000 - weight));
        await pause(0);
      }
    })();
    const opened: string[] = [];
    // On a busy machine few changes may come in the time of six rounds.
    for (let round = 0; round < 6 || (changes <= 10 && round < 60); round++) opened.push(...(await open(50)));
    over = true;
    await changing;
    // One that no element matched would not be learned, and its next packet could go elsewhere.
    const counts = await lab.fib.flowCounts();
    expect((counts.get(1) ?? 0) + (counts.get(2) ?? 0)).toBe(opened.length);
    expect(await lab.ask({ do: 'ask' })).toEqual(opened);
    const { s1 = 0, s2 = 0 } = tally(opened);
    expect(s1 + s2).toBe(opened.length);
    expect(Math.min(s1, s2)).toBeGreaterThan(0);
    expect(changes).toBeGreaterThan(10);
    console.log(`weights changed ${changes} times while ${opened.length} flows began: ${s1} and ${s2}, broken: 0`);
  });

  it('forgets closing flows at once and drains a contact instance by leaving it alone', async () => {
    await apply(...steering, affinity(1000, 0));
    await open(20);
    await apply(affinity(0, 1000));
    await lab.ask({ do: 'close', count: 15 });
    await eventually('fifteen flows are gone', async () => (await lab.fib.flowCounts()).get(1) === 5);
    expect(tally(await lab.ask({ do: 'ask' }))).toEqual({ s1: 5 });
  });

  it('on failure gives up the flows of the failed contact instance only', async () => {
    await apply(...steering, affinity(1000, 0));
    await open(10);
    await apply(affinity(0, 1000));
    await open(10);
    await apply(affinity(0, 1000, [1]));
    // The other host answers a segment it knows nothing of with a reset: the client may start again at once.
    const served = await lab.ask({ do: 'ask' });
    expect(tally(served.slice(0, 10))).toEqual({ broken: 10 });
    expect(tally(served.slice(10))).toEqual({ s2: 10 });
    expect(tally(await open(10))).toEqual({ s2: 10 });
  });

  it('adds and removes contact instances without touching the flows of others', async () => {
    const one = { ...affinity(1000, 0), instances: affinity(1000, 0).instances.slice(0, 1) };
    await apply(...steering, one);
    await open(10);
    await apply(affinity(0, 1000));
    expect(tally(await open(10))).toEqual({ s2: 10 });
    const other = { ...affinity(0, 1000), instances: affinity(0, 1000).instances.slice(1) };
    expect(tally((await lab.ask({ do: 'ask' })).slice(0, 10))).toEqual({ s1: 10 });
    await apply(other);
    const served = await lab.ask({ do: 'ask' });
    expect(tally(served.slice(10))).toEqual({ s2: 10 });
  });

  it('forwards without loss through a crash, a restart and the sync after it', async () => {
    const stale: FibObject = { kind: 'local-sid', prefix: 'fcbb:bb:a:1::/64', behaviour: { action: 'End' } };
    await apply(...steering, affinity(0, 1000), stale);
    expect(tally(await open(20))).toEqual({ s2: 20 });
    lab.ingress.ip('-6', 'route', 'add', 'fd00:dead::/64', 'via', 'fd00:1::2', 'proto', 'static');
    await lab.ask({ do: 'stream', address: SERVICE, port: UDP_PORT, hertz: 1000 });
    await eventually('the stream is learned', async () => (await lab.fib.flowCounts()).get(2) === 21);
    const retained = await lab.restart();
    expect(retained).toHaveLength(lab.underlay.length + steering.length + 2);
    const desired = [...lab.underlay, ...steering, affinity(1000, 0)];
    expect(await lab.program(lab.fib, desired)).toMatchObject({ put: 1, removed: 1 });
    const { sent, received } = await lab.ask({ do: 'stop' });
    expect(received).toEqual({ s2: sent });
    expect(tally(await lab.ask({ do: 'ask' }))).toEqual({ s2: 20 });
    expect(tally(await open(5))).toEqual({ s1: 5 });
    expect(lab.ingress.ip('-6', 'route', 'show', 'fcbb:bb:a:1::/64')).toBe('');
    expect(lab.ingress.ip('-6', 'route', 'show', 'proto', 'static')).toContain('fd00:dead::/64');
  });

  it('counts what its SIDs have processed', async () => {
    await apply(member(1), group(1), route(1, 254));
    const sid: FibObject = { kind: 'local-sid', prefix: 'fcbb:bb:a:1::/64', behaviour: { action: 'End' } };
    await apply(sid, { kind: 'nexthop', id: 200_000_001, segments: ['fcbb:bb:a:1::', ...segmentsTo(1)] });
    await open(3);
    const [counters] = await lab.fib.sidCounters();
    expect(counters).toMatchObject({ prefix: 'fcbb:bb:a:1::/64', errors: 0 });
    expect(counters!.packets).toBeGreaterThanOrEqual(9);
  });
});
