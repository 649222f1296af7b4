// Eight namespaces in a row for kernel tests of G-SRv6: client - ingress - r1 - r2 - r3 - r4 - egress - host. Every router
// is programmed through the forwarding plane under test and nothing else; lists are steered in at the ingress.
import type { ChildProcess } from 'node:child_process';
import type { Fib, FibObject, FibStart, ReplaceSid } from '../../../lib/fib/fib.ts';
import { replaceAdjacency } from '../../../lib/fib/replace-csid-adjacency.ts';
import { canonicalAddress } from '../../../lib/net/address.ts';
import { decodeSrv6Packet, type Srv6Packet } from '../../../lib/segment/srh.ts';
import type { ClientRequest, ReplyTo } from './client.ts';
import { kernelFibIn } from './kernel-fixture.ts';
import { eventually, Namespace, wire } from './namespaces.ts';
import { PacketPort } from './packet-port.ts';
import { askClient, startScript } from './scripts.ts';

export const SERVICE = 'fd00:cafe::80';
export const TCP_PORT = 8080;
/** What a packet has left when it comes to the first router behind the ingress. */
const FIRST_HOP_LIMIT = 63;
export const UDP_PORT = 9000;

/** Node numbers in C-SIDs, along the row; the ingress has no SIDs. */
const ROW = [
  ['in', 0],
  ['r1', 1],
  ['r2', 2],
  ['r3', 3],
  ['r4', 4],
  ['eg', 6],
] as const;
export type RouterName = (typeof ROW)[number][0];

const CSID_BITS = 32;
const CLIENTS = '2001:db8:c::/64';
const MEMBER = 200_000_001;
const GROUP = 100_000_001;

/** Full SID of a C-SID written as `node:function`. */
export const full = (csid: string) => `fdbb:cafe:0:${csid}::`;
export const replaceSid = (csid: string): ReplaceSid => ({
  kind: 'replace-csid',
  prefix: `${full(csid)}/80`,
  csidBits: CSID_BITS,
});

/** One packet as it reached a router's interface. */
export interface Hop extends Srv6Packet {
  readonly router: RouterName;
  /** The router that it came from. */
  readonly from: string;
}

export class ReplaceLab {
  readonly log: unknown[] = [];
  readonly #routers = new Map<RouterName, { readonly namespace: Namespace; fib: Fib; port?: PacketPort }>();
  readonly #client = new Namespace('cl');
  readonly #host = new Namespace('s');
  #clientProcess: ChildProcess | undefined;

  constructor() {
    for (const [name] of ROW) {
      const namespace = new Namespace(name);
      this.#routers.set(name, { namespace, fib: kernelFibIn(namespace, sourceOf(name), this.log) });
    }
  }

  namespace(router: RouterName): Namespace {
    return this.#routers.get(router)!.namespace;
  }

  fib(router: RouterName): Fib {
    return this.#routers.get(router)!.fib;
  }

  async start(): Promise<void> {
    this.#wire();
    const all = [this.#client, this.#host, ...[...this.#routers.values()].map(({ namespace }) => namespace)];
    await eventually('links carry packets', () =>
      all.every((namespace) => {
        const states = namespace.ip('-br', 'link', 'show', 'type', 'veth').trim().split('\n');
        return states.every((line) => line.split(/\s+/)[1] === 'UP');
      }),
    );
    for (const [at, [name]] of ROW.entries()) {
      const { fib, namespace } = this.#routers.get(name)!;
      await fib.start();
      await this.put(name, ...routesOf(at), ...sidsOf(at));
      const neighbours = [ROW[at - 1]?.[0], ROW[at + 1]?.[0]].filter((it) => it !== undefined);
      this.#routers.get(name)!.port = await PacketPort.open(
        namespace,
        Object.fromEntries(neighbours.map((device) => [device, ''])),
      );
    }
    await startScript(this.#host, 'echo-host.ts', 'host', String(TCP_PORT), String(UDP_PORT));
    this.#clientProcess = await startScript(this.#client, 'client.ts');
  }

  /** The next life of a router's forwarding plane, after the one before was closed. */
  async reborn(router: RouterName): Promise<FibStart> {
    const it = this.#routers.get(router)!;
    it.fib = kernelFibIn(it.namespace, sourceOf(router), this.log);
    return it.fib.start();
  }

  async put(router: RouterName, ...objects: FibObject[]): Promise<void> {
    const { failures } = await this.fib(router).apply({ put: objects, remove: [] });
    if (failures.length > 0) throw new Error(JSON.stringify(failures));
  }

  /** Entries of the list as a headend writes them: full SIDs and containers, in travel order. */
  steer(...segments: string[]): Promise<void> {
    return this.put(
      'in',
      { kind: 'nexthop', id: MEMBER, segments: segments.map(canonicalAddress) },
      { kind: 'group', id: GROUP, members: [{ nexthop: MEMBER, weight: 1 }] },
      { kind: 'route', prefix: `${SERVICE}/128`, table: 254, target: { kind: 'group', id: GROUP } },
    );
  }

  /** What one echo request has met, in order of travel; throws when it is not answered in time. */
  async ping(waitS = 10): Promise<Hop[]> {
    for (const { port } of this.#routers.values()) port?.captured.splice(0);
    this.#client.run('ping', '-6', '-c', '1', '-W', String(waitS), SERVICE);
    const hops = (): Hop[] =>
      [...this.#routers].flatMap(([router, { port }]) =>
        (port?.captured ?? []).flatMap(({ bytes, device }) => {
          const packet = decodeSrv6Packet(bytes);
          return packet.inner?.destination === SERVICE ? [{ ...packet, router, from: device }] : [];
        }),
      );
    // The hop limit falls by one a router, from one end to the other; each router's capture comes when it comes.
    const inOrder = () => hops().sort((a, b) => b.hopLimit - a.hopLimit);
    await eventually('all of it is captured, from the first router to the egress', () => {
      const row = inOrder();
      return row.at(-1)?.router === 'eg' && row.every(({ hopLimit }, at) => hopLimit === FIRST_HOP_LIMIT - at);
    });
    return inOrder();
  }

  ask<R extends ClientRequest>(request: R): Promise<ReplyTo<R>> {
    return askClient(this.#clientProcess!, request);
  }

  async stop(): Promise<void> {
    for (const { fib, namespace, port } of this.#routers.values()) {
      port?.close();
      await fib.close({ remove: false });
      namespace.remove();
    }
    this.#client.remove();
    this.#host.remove();
  }

  #wire(): void {
    wire(this.#client, 'c0', '2001:db8:c::2/64', this.namespace('in'), 'c0', '2001:db8:c::1/64');
    for (let at = 1; at < ROW.length; at++) {
      const [left, right] = [ROW[at - 1]![0], ROW[at]![0]];
      const [a, b] = [this.namespace(left), this.namespace(right)];
      wire(a, right, `fd00:${at}::1/64`, b, left, `fd00:${at}::2/64`);
    }
    wire(this.namespace('eg'), 's0', 'fd01:6::1/64', this.#host, 's0', 'fd01:6::2/64');
    this.#client.ip('-6', 'route', 'add', 'default', 'via', '2001:db8:c::1');
    this.#host.ip('addr', 'add', `${SERVICE}/128`, 'dev', 'lo');
    this.#host.ip('-6', 'route', 'add', 'default', 'via', 'fd01:6::1');
  }
}

/** Tunnel source. */
function sourceOf(router: RouterName): string {
  return `fcbb:bb:${ROW.findIndex(([name]) => name === router) + 16}::1`;
}

/** The underlay: along the row, the own locator black-holed beneath the SIDs. */
function routesOf(at: number): FibObject[] {
  const locator = (number: number) => `fdbb:cafe:0:${number}::/64`;
  return ROW.flatMap(([, number], to): FibObject[] => {
    if (number === 0) return to === at ? [] : [towards(at, to, CLIENTS)];
    if (to === at) return [{ kind: 'route', prefix: locator(number), table: 254, target: { kind: 'blackhole' } }];
    return [towards(at, to, locator(number))];
  }).concat(at === ROW.length - 1 ? hostRoute() : []);
}

function towards(at: number, to: number, prefix: string): FibObject {
  const { gateway, device } = neighbour(at, to < at ? -1 : 1);
  return { kind: 'route', prefix, table: 254, target: { kind: 'gateways', hops: [{ gateway, device, weight: 1 }] } };
}

function neighbour(at: number, step: 1 | -1): { gateway: string; device: string } {
  const link = step < 0 ? at : at + 1;
  return { gateway: `fd00:${link}::${step < 0 ? 1 : 2}`, device: ROW[at + step]![0] };
}

/** r1 to r4: End as function 1, End.X to the left neighbour as 2; the egress: End.DT6 as d6. */
function sidsOf(at: number): FibObject[] {
  const [name, number] = ROW[at]!;
  if (name === 'in') return [];
  if (name === 'eg')
    return [{ kind: 'local-sid', prefix: `${full('6:d6')}/80`, behaviour: { action: 'End.DT6', table: 254 } }];
  const adjacency = { mark: 0x302, markMask: 0xfff, table: 10_302, priority: 10_302, ...neighbour(at, -1) };
  const { prefix } = replaceSid(`${number}:2`);
  return [replaceSid(`${number}:1`), ...replaceAdjacency({ prefix, csidBits: CSID_BITS, ...adjacency })];
}

function hostRoute(): FibObject[] {
  const hops = [{ gateway: 'fd01:6::2', device: 's0', weight: 1 }];
  return [{ kind: 'route', prefix: `${SERVICE}/128`, table: 254, target: { kind: 'gateways', hops } }];
}
