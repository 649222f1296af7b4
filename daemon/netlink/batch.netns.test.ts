// Batches against the kernel: outcomes by index, failures in the middle, retries, and the event loop left free.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { canonicalPrefix } from '../../lib/net/address.ts';
import { readPrefix } from '../../lib/net/prefix-words.ts';
import { Copies } from '../../lib/netlink/copies.ts';
import { decodeLink, encodeGetLink, encodeNewBridge } from '../../lib/netlink/rt/link.ts';
import { encodeDumpRoutes, encodeRoute, type RouteSpec } from '../../lib/netlink/rt/route.ts';
import { decodeRoute } from '../../lib/netlink/rt/route-decode.ts';
import { RouteTemplate } from '../../lib/netlink/rt/route-template.ts';
import { BATCH_MESSAGES, type Outcome, RequestSocket } from './request-socket.ts';
import { kernelTestsImpossible, NetlinkNamespace } from './testing.ts';

const impossible = kernelTestsImpossible();
if (impossible) console.warn(`batch.netns.test: skipped, ${impossible}`);
const PROTOCOL = 199;

describe.skipIf(impossible)('batches', () => {
  let ns: NetlinkNamespace;
  let socket: RequestSocket;
  let device: number;

  const specs = (count: number, segments: readonly string[]): RouteSpec[] =>
    Array.from({ length: count }, (_, i) => ({
      prefix: canonicalPrefix(`2001:db8:1:${i.toString(16)}::/64`),
      table: 254,
      protocol: PROTOCOL,
      hops: [{ device, weight: 1, encap: { kind: 'seg6', mode: 'encap.red', segments } as const }],
    }));
  const refused = (outcomes: readonly Outcome[]) =>
    outcomes.flatMap((outcome, i) => (outcome ? [`${i} ${outcome.code}`] : []));
  const dump = () => socket.dump((w) => encodeDumpRoutes(w, 'ipv6', { protocol: PROTOCOL }), decodeRoute);

  beforeAll(() => {
    ns = new NetlinkNamespace();
    socket = ns.open();
    expect(socket.request((w) => encodeNewBridge(w, { name: 'sr0' }))).toBeNull();
    device = socket.query((w) => encodeGetLink(w, { name: 'sr0' }), decodeLink).value!.index;
  });
  afterEach(() => {
    ns.run('ip', '-6', 'route', 'flush', 'proto', String(PROTOCOL));
  });
  afterAll(() => ns?.remove());

  it.each([0, 1, 31, 62, 63])('tell the failure of message %i and perform the 63 others', async (failing) => {
    const routes = specs(BATCH_MESSAGES, ['fd00:1::1']);
    expect(socket.request((w) => encodeRoute(w, 'install', routes[failing]!))).toBeNull();
    const outcomes = socket.batchOf(routes, (w, route) => encodeRoute(w, 'install', route));
    expect(refused(outcomes)).toEqual([`${failing} EEXIST`]);
    expect(await dump()).toHaveLength(BATCH_MESSAGES);
  });

  it.each([0, 63, 64, 99])('of copies tell the failure of message %i and perform the 99 others', async (failing) => {
    const routes = specs(100, ['fd00:1::1']);
    expect(socket.request((w) => encodeRoute(w, 'install', routes[failing]!))).toBeNull();
    const rows = new Uint32Array(100 * 8);
    for (const [i, { prefix }] of routes.entries()) rows[i * 8 + 4] = readPrefix(prefix, 0, rows, i * 8);
    const copies = new Copies();
    const slots = Uint16Array.from(routes, (_, i) => i);
    new RouteTemplate('install', routes[0]!, rows[4]!).copy(copies, rows, 8, slots, 100);
    expect(refused(socket.batchCopies(copies, 100) ?? [])).toEqual([`${failing} EEXIST`]);
    // The other way round, in one send: more answers than one.
    const others = routes.map((_, i) => i).filter((i) => i !== failing);
    expect(socket.request((w) => encodeRoute(w, 'remove', routes[failing]!))).toBeNull();
    expect(refused(socket.batchCopies(copies, 100, 256) ?? [])).toEqual(others.map((i) => `${i} EEXIST`));
    expect((await dump()).map((route) => route.prefix)).toEqual(routes.map((route) => route.prefix));
    new RouteTemplate('remove', routes[0]!, rows[4]!).copy(copies, rows, 8, slots, 100);
    expect(socket.batchCopies(copies, 100)).toBeUndefined();
    expect(await dump()).toEqual([]);
  });

  it('of copies lose none to the shortage of percpu memory', async () => {
    const routes = specs(4000, ['fd00:1::1', 'fd00:2::1']);
    const rows = new Uint32Array(4000 * 8);
    for (const [i, { prefix }] of routes.entries()) rows[i * 8 + 4] = readPrefix(prefix, 0, rows, i * 8);
    const copies = new Copies();
    const slots = Uint16Array.from(routes, (_, i) => i);
    new RouteTemplate('install', routes[0]!, rows[4]!).copy(copies, rows, 8, slots, 4000);
    expect(refused(socket.batchCopies(copies, 4000) ?? [])).toEqual([]);
    expect(await dump()).toHaveLength(4000);
  });

  it('tell every failure when all messages fail', () => {
    const routes = specs(3 * BATCH_MESSAGES, ['fd00:1::1']);
    const outcomes = socket.batchOf(routes, (w, route) => encodeRoute(w, 'remove', route));
    expect(outcomes.map((outcome) => outcome?.code)).toEqual(routes.map(() => 'ESRCH'));
  });

  it('give an input that cannot be encoded its own outcome, wherever it stands', async () => {
    const routes = specs(5, ['fd00:1::1']).map((route, i) => (i % 2 === 0 ? { ...route, prefix: 'nonsense' } : route));
    const outcomes = socket.batchOf(routes, (w, route) => encodeRoute(w, 'install', route));
    expect(refused(outcomes)).toEqual(['0 bad-address', '2 bad-address', '4 bad-address']);
    expect((await dump()).map((route) => route.prefix)).toEqual([routes[1]!.prefix, routes[3]!.prefix]);
    expect(socket.request((w) => encodeRoute(w, 'install', routes[0]!))).toMatchObject({ code: 'bad-address' });
  });

  it('of nothing do nothing', async () => {
    expect(socket.batch([])).toEqual([]);
    expect(await socket.batchAsync([])).toEqual([]);
  });

  it('of 20 000 tunnels leave the event loop free and lose none to the shortage of percpu memory', async () => {
    const routes = specs(20_000, ['fd00:1::1', 'fd00:2::1']);
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const outcomes = await socket.batchOfAsync(routes, (w, route) => encodeRoute(w, 'install', route));
    clearInterval(timer);
    expect(refused(outcomes)).toEqual([]);
    // Some 100 ms of work: a loop that was blocked all the time would have turned once.
    expect(turns).toBeGreaterThan(10);
    const read = await dump();
    expect(read.map((route) => route.prefix)).toEqual(routes.map((route) => route.prefix));
    expect(read.every((route) => route.hops[0]?.encap?.kind === 'seg6')).toBe(true);
  });

  it('can be made while a long dump is read, which then repeats itself until it is consistent', async () => {
    const routes = specs(20_000, ['fd00:1::1']);
    await socket.batchOfAsync(routes, (w, route) => encodeRoute(w, 'install', route));
    const dumping = dump();
    await new Promise((resolve) => setImmediate(resolve));
    // The first ones have been read by now.
    const gone = routes.slice(0, 100);
    expect(refused(socket.batchOf(gone, (w, route) => encodeRoute(w, 'remove', route)))).toEqual([]);
    expect((await dumping).map((route) => route.prefix)).toEqual(routes.slice(100).map((route) => route.prefix));
  });
});

describe.skipIf(impossible)('a request socket', () => {
  it('names the errno when the namespace does not exist', () => {
    expect(() => RequestSocket.open({ netns: 'cfn-no-such' })).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  });

  it('gives up on a request that the kernel does not answer, and goes on with the next', () => {
    const ns = new NetlinkNamespace();
    const socket = ns.open();
    // A length beyond the end of the datagram: the kernel drops the rest without a word.
    const outcome = socket.request((w) => {
      encodeGetLink(w, { name: 'lo' });
      w.setByte(0, 0xff);
    });
    expect(outcome).toMatchObject({ code: 'ETIMEDOUT' });
    expect(socket.query((w) => encodeGetLink(w, { name: 'lo' }), decodeLink).value).toMatchObject({ name: 'lo' });
    ns.remove();
  });

  it('answers EBADF once it is closed', async () => {
    const ns = new NetlinkNamespace();
    const socket = ns.open();
    socket.close();
    expect(socket.request((w) => encodeGetLink(w, { name: 'lo' }))).toMatchObject({ code: 'EBADF' });
    await expect(socket.dump((w) => encodeDumpRoutes(w, 'ipv6'), decodeRoute)).rejects.toMatchObject({ code: 'EBADF' });
    ns.remove();
  });
});
