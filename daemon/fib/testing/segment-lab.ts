// Routers in a row for tests of segment lists with real packets: client - in - r1 - r2 - r3 - r4 - eg - host. Each router's
// SIDs are what the router core wants for its configuration and its kernel (segment-row.ts), and what it announces is what
// lists are packed from; the walk that is expected comes from the model of endpoints.
import type { ChildProcess } from 'node:child_process';
import type { Fib, FibObject } from '../../../lib/fib/fib.ts';
import type { NodeAdvertisement } from '../../../lib/model/link-state.ts';
import { parsePrefix, prefixContains } from '../../../lib/net/address.ts';
import { BEHAVIOUR } from '../../../lib/segment/behaviours.ts';
import { encapsulate, type InstalledSid } from '../../../lib/segment/endpoint-packet.ts';
import { makeSid, type Sid } from '../../../lib/segment/sid.ts';
import { SidBook } from '../../../lib/segment/sid-book.ts';
import { decodeSrv6Packet, type Srv6Packet } from '../../../lib/segment/srh.ts';
import { makeDomain, type Walk, walk } from '../../../lib/segment/walk.ts';
import type { FlowReply } from './client.ts';
import { kernelFibIn } from './kernel-fixture.ts';
import { eventually, Namespace, wire } from './namespaces.ts';
import { PacketPort } from './packet-port.ts';
import { askClient, startScript } from './scripts.ts';
import {
  type Core,
  coreOf,
  type InnerFamily,
  LOCATORS,
  type LocatorKind,
  numberOf,
  ROW,
  type RouterName,
  SERVICE,
  SERVICE_V4,
  underlay,
} from './segment-row.ts';

export const TCP_PORT = 8080;
const UDP_PORT = 9000;

export interface Hop extends Srv6Packet {
  readonly router: RouterName;
  readonly from: string;
}

interface LabRouter {
  readonly name: RouterName;
  readonly namespace: Namespace;
  readonly fib: Fib;
  port?: PacketPort;
  core?: Core;
}

export class SegmentLab {
  readonly log: unknown[] = [];
  readonly #routers: readonly LabRouter[];
  readonly #client = new Namespace('cl');
  readonly #host = new Namespace('s');
  readonly #book = new SidBook();
  #clientProcess: ChildProcess | undefined;
  #pings = 0;

  constructor() {
    this.#routers = ROW.map(([name, number]) => {
      const namespace = new Namespace(name);
      return { name, namespace, fib: kernelFibIn(namespace, `5f00:0:${number}::1`, this.log) };
    });
  }

  async start(): Promise<void> {
    this.#wire();
    const all = [this.#client, this.#host, ...this.#routers.map(({ namespace }) => namespace)];
    await eventually('links carry packets', () => all.every((namespace) => areUp(namespace)));
    for (const [at, router] of this.#routers.entries()) {
      const { capabilities } = await router.fib.start();
      router.core = coreOf(at, capabilities);
      await this.put(router, ...router.core.objects, ...underlay(at));
      const neighbours = [ROW[at - 1]?.[0], ROW[at + 1]?.[0]].filter((it) => it !== undefined);
      router.port = await PacketPort.open(
        router.namespace,
        Object.fromEntries(neighbours.map((device) => [device, ''])),
      );
    }
    const replies = this.#node('in').decapSids!.find(({ behaviour }) => behaviour === BEHAVIOUR.endDt4)!;
    const target = { kind: 'encap', segments: [replies.sid] } as const;
    await this.put(this.#router('eg'), { kind: 'route', prefix: '10.2.0.0/24', table: 254, target });
    await startScript(this.#host, 'echo-host.ts', 'host', String(TCP_PORT), String(UDP_PORT));
    this.#clientProcess = await startScript(this.#client, 'client.ts');
  }

  /** A router's End SID in a locator. */
  end(router: RouterName, kind: LocatorKind): Sid {
    return this.#sid(router, kind, this.#book.of(this.#node(router)).ends);
  }

  /** A router's End.X SID toward its neighbour. */
  endX(router: RouterName, to: RouterName, kind: LocatorKind): Sid {
    return this.#sid(router, kind, this.#book.of(this.#node(router)).adjacencies.get(to) ?? []);
  }

  /** The egress SID in a locator: End.DX6, or End.DX4 for IPv4 packets. */
  egress(kind: LocatorKind, family: InnerFamily = 'ipv6'): Sid {
    const action = family === 'ipv6' ? 'End.DX6' : 'End.DX4';
    const own = this.#router('eg').core!.egress.filter((sid) => sid.kind?.action === action);
    return this.#sid('eg', kind, own);
  }

  /** What the ingress imposes on packets to the service. */
  steer(segments: readonly string[]): Promise<void> {
    const [member, group] = [200_000_001, 100_000_001];
    const target = { kind: 'group', id: group } as const;
    return this.put(
      this.#router('in'),
      { kind: 'nexthop', id: member, segments },
      { kind: 'group', id: group, members: [{ nexthop: member, weight: 1 }] },
      { kind: 'route', prefix: `${SERVICE}/128`, table: 254, target },
      { kind: 'route', prefix: `${SERVICE_V4}/32`, table: 254, target },
    );
  }

  /** The walk of the model, for a list that holds these SIDs. */
  expected(segments: readonly string[], sids: readonly Sid[], payload: InnerFamily = 'ipv6'): Walk {
    const known = new Map<string, InstalledSid>();
    for (const name of this.#names()) {
      const { ends, adjacencies } = this.#book.of(this.#node(name));
      for (const sid of ends) known.set(sid.address, { sid: named(sid, name), node: name });
      for (const [neighbour, own] of adjacencies)
        for (const sid of own) known.set(sid.address, { sid: named(sid, name), node: name, neighbour });
    }
    const egress = sids.at(-1)!;
    known.set(egress.address, { sid: egress, node: 'eg' });
    return walk(makeDomain(known.values(), { onePass: true }), 'in', encapsulate(segments, { reduced: true, payload }));
  }

  /**
   * One echo request as it met the routers, in order of travel, once `isWhole` says that all of it is captured; throws
   * when it is not answered.
   */
  async ping(service: string, isWhole: (hops: readonly Hop[]) => boolean): Promise<Hop[]> {
    // Captures come late and in no order: the size tells this request from those before.
    const size = 56 + ++this.#pings;
    const innerBytes = size + 8 + (service.includes(':') ? 40 : 20);
    for (const { port } of this.#routers) port?.captured.splice(0);
    this.#client.run('ping', '-c', '1', '-W', '10', '-s', String(size), service);
    const hops = (): Hop[] =>
      this.#routers
        .flatMap(({ name, port }) =>
          (port?.captured ?? []).flatMap(({ bytes, device }) => {
            const packet = decodeSrv6Packet(bytes);
            const isOurs = packet.inner?.destination === service && bytes.length - packet.payloadOffset === innerBytes;
            return isOurs ? [{ ...packet, router: name, from: device }] : [];
          }),
        )
        // The hop limit falls by one a router.
        .sort((a, b) => b.hopLimit - a.hopLimit);
    const isUnbroken = (row: readonly Hop[]) =>
      row.every(({ hopLimit }, at) => at === 0 || hopLimit === row[at - 1]!.hopLimit - 1);
    await eventually('all of it is captured', () => isWhole(hops()) && isUnbroken(hops())).catch((error: Error) => {
      const seen = hops().map(({ router, destination, segmentsLeft }) => `${router} ${destination} ${segmentsLeft}`);
      throw new Error(`${error.message}: ${seen.join(', ')}`);
    });
    return hops();
  }

  /** Opens TCP flows through the list and asks each who serves it. */
  open(address: string, count: number): Promise<FlowReply> {
    return askClient(this.#clientProcess!, { do: 'open', address, port: TCP_PORT, count });
  }

  async put(router: LabRouter, ...objects: FibObject[]): Promise<void> {
    const { failures } = await router.fib.apply({ put: objects, remove: [] });
    if (failures.length > 0) throw new Error(`${router.name}: ${JSON.stringify(failures)}`);
  }

  async stop(): Promise<void> {
    for (const { fib, namespace, port } of this.#routers) {
      port?.close();
      await fib.close({ remove: false });
      namespace.remove();
    }
    this.#client.remove();
    this.#host.remove();
  }

  #names(): readonly RouterName[] {
    return ROW.map(([name]) => name);
  }

  #router(name: RouterName): LabRouter {
    return this.#routers.find((it) => it.name === name)!;
  }

  #node(name: RouterName): NodeAdvertisement {
    return this.#router(name).core!.node;
  }

  #sid(router: RouterName, kind: LocatorKind, sids: readonly Sid[]): Sid {
    const locator = parsePrefix(LOCATORS[kind].prefix(numberOf(router)));
    const found = sids.find((sid) => prefixContains(locator, sid.address));
    if (found === undefined) throw new Error(`${router} announces no such SID in ${kind}`);
    return named(found, router);
  }

  #wire(): void {
    const namespaceOf = (at: number) => this.#routers[at]!.namespace;
    wire(this.#client, 'c0', '2001:db8:c::2/64', namespaceOf(0), 'c0', '2001:db8:c::1/64');
    for (let at = 1; at < ROW.length; at++) {
      const [left, right] = [ROW[at - 1]![0], ROW[at]![0]];
      wire(namespaceOf(at - 1), right, `fd00:${at}::1/64`, namespaceOf(at), left, `fd00:${at}::2/64`);
    }
    wire(namespaceOf(ROW.length - 1), 's0', 'fd01:6::1/64', this.#host, 's0', 'fd01:6::2/64');
    namespaceOf(0).ip('addr', 'add', '10.2.0.1/24', 'dev', 'c0');
    namespaceOf(ROW.length - 1).ip('addr', 'add', '10.1.0.1/24', 'dev', 's0');
    for (const [namespace, device, own, gateway, gateway4] of [
      [this.#client, 'c0', '10.2.0.2/24', '2001:db8:c::1', '10.2.0.1'],
      [this.#host, 's0', '10.1.0.2/24', 'fd01:6::1', '10.1.0.1'],
    ] as const) {
      namespace.ip('addr', 'add', own, 'dev', device);
      namespace.ip('-6', 'route', 'add', 'default', 'via', gateway);
      namespace.ip('route', 'add', 'default', 'via', gateway4);
    }
    this.#host.ip('addr', 'add', `${SERVICE}/128`, 'dev', 'lo');
    this.#host.ip('addr', 'add', `${SERVICE_V4}/32`, 'dev', 'lo');
  }
}

function areUp(namespace: Namespace): boolean {
  const states = namespace.ip('-br', 'link', 'show', 'type', 'veth').trim().split('\n');
  return states.every((line) => line.split(/\s+/)[1] === 'UP');
}

/** The same SID under the router's name. */
function named({ address, structure, behaviour }: Sid, router: RouterName): Sid {
  return makeSid(address, structure, behaviour, router);
}
