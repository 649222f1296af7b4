// What is sent by a thread of its own: outcomes by index and in order, beside requests of the event loop's own, until the close.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { canonicalPrefix } from '../../lib/net/address.ts';
import { readPrefix } from '../../lib/net/prefix-words.ts';
import { Copies } from '../../lib/netlink/copies.ts';
import { decodeLink, encodeGetLink, encodeNewBridge } from '../../lib/netlink/rt/link.ts';
import { encodeDumpRoutes, encodeRoute, type RouteSpec } from '../../lib/netlink/rt/route.ts';
import { decodeRoute } from '../../lib/netlink/rt/route-decode.ts';
import { RouteTemplate } from '../../lib/netlink/rt/route-template.ts';
import { BERTHS, type Dispatcher } from './dispatcher.ts';
import { BATCH_MESSAGES, type Outcome, RequestSocket } from './request-socket.ts';
import { kernelTestsImpossible, NetlinkNamespace } from './testing.ts';

const impossible = kernelTestsImpossible();
if (impossible) console.warn(`dispatcher.netns.test: skipped, ${impossible}`);
const PROTOCOL = 199;
const COUNT = 256;

describe.skipIf(impossible)('a dispatcher', () => {
  let ns: NetlinkNamespace;
  let socket: RequestSocket;
  let dispatcher: Dispatcher;
  let device: number;
  let routes: RouteSpec[];
  let [one, other]: ReturnType<typeof berthsOf> = [undefined!, undefined!];

  const berthsOf = (of: Dispatcher) => [of.newBerth()!, of.newBerth()!] as const;
  const refused = (outcomes: readonly Outcome[] | undefined) =>
    outcomes?.flatMap((outcome, i) => (outcome ? [`${i} ${outcome.code}`] : []));
  const dump = async () =>
    (await socket.dump((w) => encodeDumpRoutes(w, 'ipv6', { protocol: PROTOCOL }), decodeRoute)).map((r) => r.prefix);
  const copiesOf = (verb: 'install' | 'remove') => {
    const rows = new Uint32Array(COUNT * 8);
    for (const [i, { prefix }] of routes.entries()) rows[i * 8 + 4] = readPrefix(prefix, 0, rows, i * 8);
    const copies = new Copies();
    const slots = Uint16Array.from(routes, (_, i) => i);
    new RouteTemplate(verb, routes[0]!, rows[4]!).copy(copies, rows, 8, slots, COUNT);
    return copies;
  };
  const until = async (isDone: () => boolean) => {
    while (!isDone()) await dispatcher.progress();
  };

  beforeAll(() => {
    ns = new NetlinkNamespace();
    socket = ns.open();
    expect(socket.request((w) => encodeNewBridge(w, { name: 'sr0' }))).toBeNull();
    device = socket.query((w) => encodeGetLink(w, { name: 'sr0' }), decodeLink).value!.index;
    routes = Array.from({ length: COUNT }, (_, i) => ({
      prefix: canonicalPrefix(`2001:db8:1:${i.toString(16)}::/64`),
      table: 254,
      protocol: PROTOCOL,
      hops: [{ device, weight: 1 }],
    }));
    dispatcher = socket.dispatcher()!;
    [one, other] = berthsOf(dispatcher);
  });
  afterEach(() => {
    ns.run('ip', '-6', 'route', 'flush', 'proto', String(PROTOCOL));
  });
  afterAll(() => ns?.remove());

  it.each([0, 63, 64, 200, 255])('tells the failure of message %i and performs the 255 others', async (failing) => {
    expect(socket.request((w) => encodeRoute(w, 'install', routes[failing]!))).toBeNull();
    const told: (string[] | undefined)[] = [];
    const post = (batch: number) =>
      dispatcher.postCopies(one, copiesOf('install'), COUNT, batch, (outcomes) => told.push(refused(outcomes)));
    post(BATCH_MESSAGES);
    await until(() => told.length === 1);
    expect(told).toEqual([[`${failing} EEXIST`]]);
    expect(await dump()).toEqual(routes.map((route) => route.prefix));
    // The other way round, in one send: more answers than one.
    expect(socket.request((w) => encodeRoute(w, 'remove', routes[failing]!))).toBeNull();
    post(COUNT);
    await until(() => told.length === 2);
    expect(told[1]).toEqual(routes.flatMap((_, i) => (i === failing ? [] : [`${i} EEXIST`])));
  });

  it('says nothing where all is accepted, and leaves the loop to others meanwhile', async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    const told: (Outcome[] | undefined)[] = [];
    for (let round = 0; round < 20; round++) {
      dispatcher.postCopies(one, copiesOf('install'), COUNT, BATCH_MESSAGES, (outcomes) => told.push(outcomes));
      dispatcher.postCopies(other, copiesOf('remove'), COUNT, COUNT, (outcomes) => told.push(outcomes));
      await until(() => !dispatcher.isBusy);
    }
    clearInterval(timer);
    expect(told).toEqual(new Array(40).fill(undefined));
    expect(turns).toBeGreaterThan(5);
  });

  it('keeps the order of what is posted, and of requests that are made while it is on its way', async () => {
    const order: string[] = [];
    dispatcher.postCopies(one, copiesOf('install'), COUNT, BATCH_MESSAGES, () => order.push('install'));
    dispatcher.postCopies(other, copiesOf('remove'), COUNT, COUNT, () => order.push('remove'));
    // The removals have gone before it, so it is not there to be refused; its answers are its own.
    expect(socket.request((w) => encodeRoute(w, 'install', routes[255]!))).toBeNull();
    expect(order).toEqual(['install', 'remove']);
    expect(dispatcher.isBusy).toBe(false);
    expect(await dump()).toEqual([routes[255]!.prefix]);
  });

  it('gives an input that cannot be encoded its own outcome, wherever it stands', async () => {
    const wrong = new Set([0, 5, 63, 64, 127, ...Array.from({ length: 64 }, (_, i) => 128 + i)]);
    const some = routes.map((route, i) => (wrong.has(i) ? { ...route, prefix: 'nonsense' } : route));
    let told: string[] | undefined;
    const post = (these: readonly RouteSpec[]) =>
      dispatcher.postRange(
        one,
        these.length,
        (w, i) => encodeRoute(w, 'install', these[i]!),
        BATCH_MESSAGES,
        (outcomes) => {
          told = refused(outcomes);
        },
      );
    post(some);
    dispatcher.flush();
    expect(told).toEqual([...wrong].map((i) => `${i} bad-address`));
    expect(await dump()).toEqual(routes.flatMap(({ prefix }, i) => (wrong.has(i) ? [] : [prefix])));
    post(some.filter((_, i) => wrong.has(i)).slice(0, 2));
    expect(told).toEqual(['0 bad-address', '1 bad-address']);
    expect(dispatcher.isBusy).toBe(false);
  });

  it('makes a dump repeat itself that would have met a table in change', async () => {
    for (let round = 0; round < 5; round++) {
      dispatcher.postCopies(one, copiesOf('install'), COUNT, BATCH_MESSAGES, () => {});
      const dumping = dump();
      dispatcher.postCopies(other, copiesOf('remove'), COUNT, BATCH_MESSAGES, () => {});
      expect(await dumping).toEqual([]);
    }
  });

  it('has no more berths than the addon', () => {
    const mine = ns.open();
    const its = mine.dispatcher()!;
    for (let i = 0; i < BERTHS; i++) expect(its.newBerth()?.index).toBe(i);
    expect(its.newBerth()).toBeUndefined();
    expect(mine.dispatcher()).toBe(its);
  });

  it('tells all before the socket is closed, and EBADF after', async () => {
    const mine = RequestSocket.open({ netns: ns.name });
    const its = mine.dispatcher()!;
    const [first, second] = berthsOf(its);
    const told: (string[] | undefined)[] = [];
    const progress = its.progress();
    its.postCopies(first, copiesOf('install'), COUNT, BATCH_MESSAGES, (outcomes) => told.push(refused(outcomes)));
    its.postCopies(second, copiesOf('install'), COUNT, COUNT, (outcomes) => told.push(refused(outcomes)));
    mine.close();
    expect(told).toEqual([undefined, routes.map((_, i) => `${i} EEXIST`)]);
    its.postCopies(first, copiesOf('install'), COUNT, COUNT, (outcomes) => told.push(refused(outcomes)));
    expect(told[2]).toEqual(routes.map((_, i) => `${i} EBADF`));
    await progress;
  });
});
