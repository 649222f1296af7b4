// Six namespaces for kernel tests with real packets: client - ingress - core - two egress routers - two service hosts
// that share one anycast address. The routers are programmed through the forwarding plane under test and nothing else.
import type { ChildProcess } from 'node:child_process';
import type { Fib, FibObject, FibResult } from '../../../lib/fib/fib.ts';
import type { ClientRequest, ReplyTo } from './client.ts';
import { kernelFibIn } from './kernel-fixture.ts';
import { eventually, Namespace, wire } from './namespaces.ts';
import { askClient, startScript } from './scripts.ts';

export const SERVICE = 'fd00:cafe::80';
/** The same hosts' service over IPv4, and its client. */
export const SERVICE4 = '10.80.0.80';
export const TCP_PORT = 8080;
export const UDP_PORT = 9000;
/** By site 1 or 2: the same to its End.DX4. */
export const segmentsTo4 = (site: 1 | 2) => ['fcbb:bb:f:1::', `fcbb:bb:${site}:d4::`];
/** By site 1 or 2: over the core's End, then the egress's End.DX6 to its host. */
export const segmentsTo = (site: 1 | 2) => ['fcbb:bb:f:1::', `fcbb:bb:${site}:d6::`];

const via = (prefix: string, gateway: string, device: string): FibObject => ({
  kind: 'route',
  prefix,
  table: 254,
  target: { kind: 'gateways', hops: [{ gateway, device, weight: 1 }] },
});

type SevenNamespaces = readonly [Namespace, Namespace, Namespace, Namespace, Namespace, Namespace, Namespace];

export class SteeringLab {
  readonly ingress: Namespace;
  readonly core: Namespace;
  readonly log: unknown[] = [];
  /** The ingress router's forwarding plane: started, with the underlay synced. */
  fib: Fib;
  readonly #namespaces: SevenNamespaces;
  readonly #others = new Map<Namespace, Fib>();
  readonly client: Namespace;
  #clientProcess: ChildProcess | undefined;

  readonly #accelerator: 'tc-bpf' | undefined;

  /** `accelerator`: of the ingress. */
  constructor(accelerator?: 'tc-bpf') {
    this.#accelerator = accelerator;
    const namespaces = ['cl', 'in', 'co', 'e1', 'e2', 's1', 's2'].map(
      (label) => new Namespace(label),
    ) as unknown as SevenNamespaces;
    this.#namespaces = namespaces;
    [this.client, this.ingress, this.core] = namespaces;
    this.fib = this.#ingressFib();
  }

  async start(): Promise<void> {
    this.#wire();
    // The kernel lets packets out of a new veth up to a second after both its ends are up.
    await eventually('links carry packets', () =>
      this.#namespaces.every((namespace) => {
        const states = namespace.ip('-br', 'link', 'show', 'type', 'veth').trim().split('\n');
        return states.every((line) => line.split(/\s+/)[1] === 'UP');
      }),
    );
    const [, , core, e1, e2, s1, s2] = this.#namespaces;
    const { capabilities } = await this.fib.start();
    const missing = capabilities.find(({ name, available }) => name === this.#accelerator && !available);
    if (missing) throw new Error(missing.remark);
    await this.program(this.fib, this.underlay);
    await this.#router(core!, [
      via('2001:db8:c::/64', 'fd00:1::1', 'in'),
      via('192.0.2.0/24', '10.0.1.1', 'in'),
      via('fcbb:bb:1::/48', 'fd00:2::2', 'e1'),
      via('fcbb:bb:2::/48', 'fd00:3::2', 'e2'),
      { kind: 'local-sid', prefix: 'fcbb:bb:f:1::/64', behaviour: { action: 'End' } },
    ]);
    for (const [egress, site, back, back4] of [
      [e1!, 1, 'fd00:2::1', '10.0.2.1'],
      [e2!, 2, 'fd00:3::1', '10.0.3.1'],
    ] as const)
      await this.#router(egress, [
        via('2001:db8:c::/64', back, 'co'),
        via('192.0.2.0/24', back4, 'co'),
        {
          kind: 'local-sid',
          prefix: `fcbb:bb:${site}:d4::/64`,
          behaviour: { action: 'End.DX4', nexthop: `10.1.${site}.2` },
        },
        { kind: 'route', prefix: `fcbb:bb:${site}::/48`, table: 254, target: { kind: 'blackhole' } },
        {
          kind: 'local-sid',
          prefix: `fcbb:bb:${site}:d6::/64`,
          behaviour: { action: 'End.DX6', nexthop: `fd01:${site}::2` },
        },
      ]);
    const ports = [String(TCP_PORT), String(UDP_PORT)];
    await Promise.all([
      startScript(s1!, 'echo-host.ts', 's1', ...ports),
      startScript(s2!, 'echo-host.ts', 's2', ...ports),
    ]);
    this.#clientProcess = await startScript(this.client, 'client.ts');
  }

  /** A router besides the ingress, and what it is programmed through. */
  router(name: 'co' | 'e1' | 'e2'): { readonly namespace: Namespace; readonly fib: Fib } {
    const namespace = this.#namespaces[{ co: 2, e1: 3, e2: 4 }[name]]!;
    return { namespace, fib: this.#others.get(namespace)! };
  }

  /** Service host of a site. */
  host(site: 1 | 2): Namespace {
    return this.#namespaces[site === 1 ? 5 : 6];
  }

  /** For raw packets: the client's side, and the hosts behind the two sites. */
  get ends(): { readonly client: Namespace; readonly hosts: readonly [Namespace, Namespace] } {
    const [client, , , , , first, second] = this.#namespaces;
    return { client, hosts: [first, second] };
  }

  /** The ingress's own routes. */
  get underlay(): FibObject[] {
    return [
      via('fcbb:bb:f::/48', 'fd00:1::2', 'co'),
      via('fcbb:bb:1::/48', 'fd00:1::2', 'co'),
      via('fcbb:bb:2::/48', 'fd00:1::2', 'co'),
    ];
  }

  /** Full sync that must succeed. */
  async program(fib: Fib, objects: readonly FibObject[]): Promise<FibResult> {
    const result = await fib.sync(objects);
    if (result.failures.length > 0) throw new Error(JSON.stringify(result.failures));
    return result;
  }

  /** Ends the ingress's forwarding plane as a crash would, and starts its next life. */
  async restart(): Promise<readonly FibObject[]> {
    await this.fib.close({ remove: false });
    this.fib = this.#ingressFib();
    return (await this.fib.start()).retained;
  }

  ask<R extends ClientRequest>(request: R): Promise<ReplyTo<R>> {
    return askClient(this.#clientProcess!, request);
  }

  async stop(): Promise<void> {
    for (const fib of [this.fib, ...this.#others.values()]) await fib.close({ remove: false });
    for (const namespace of this.#namespaces) namespace.remove();
  }

  #ingressFib(): Fib {
    const accelerator = this.#accelerator;
    return kernelFibIn(this.ingress, 'fcbb:bb:a::1', this.log, undefined, { accelerator, links: ['co'] });
  }

  #wire(): void {
    const [client, ingress, core, e1, e2, s1, s2] = this.#namespaces;
    wire(client, 'c0', '2001:db8:c::2/64', ingress, 'c0', '2001:db8:c::1/64');
    wire(ingress, 'co', 'fd00:1::1/64', core, 'in', 'fd00:1::2/64');
    wire(core, 'e1', 'fd00:2::1/64', e1, 'co', 'fd00:2::2/64');
    wire(core, 'e2', 'fd00:3::1/64', e2, 'co', 'fd00:3::2/64');
    wire(e1, 's1', 'fd01:1::1/64', s1, 'up', 'fd01:1::2/64');
    wire(e2, 's2', 'fd01:2::1/64', s2, 'up', 'fd01:2::2/64');
    for (const [namespace, device, address] of [
      [client, 'c0', '192.0.2.2/24'],
      [ingress, 'c0', '192.0.2.1/24'],
      [ingress, 'co', '10.0.1.1/24'],
      [core, 'in', '10.0.1.2/24'],
      [core, 'e1', '10.0.2.1/24'],
      [core, 'e2', '10.0.3.1/24'],
      [e1, 'co', '10.0.2.2/24'],
      [e2, 'co', '10.0.3.2/24'],
      [e1, 's1', '10.1.1.1/24'],
      [s1, 'up', '10.1.1.2/24'],
      [e2, 's2', '10.1.2.1/24'],
      [s2, 'up', '10.1.2.2/24'],
    ] as const)
      namespace.ip('addr', 'add', address, 'dev', device);
    client.ip('route', 'add', 'default', 'via', '192.0.2.1');
    s1.ip('route', 'add', 'default', 'via', '10.1.1.1');
    s2.ip('route', 'add', 'default', 'via', '10.1.2.1');
    client.ip('-6', 'route', 'add', 'default', 'via', '2001:db8:c::1');
    for (const [host, gateway] of [
      [s1, 'fd01:1::1'],
      [s2, 'fd01:2::1'],
    ] as const) {
      host.ip('addr', 'add', `${SERVICE}/128`, 'dev', 'lo');
      host.ip('addr', 'add', `${SERVICE4}/32`, 'dev', 'lo');
      host.ip('-6', 'route', 'add', 'default', 'via', gateway);
    }
  }

  async #router(namespace: Namespace, objects: readonly FibObject[]): Promise<void> {
    const fib = kernelFibIn(namespace, 'fcbb:bb::1', this.log);
    this.#others.set(namespace, fib);
    await fib.start();
    await this.program(fib, objects);
  }
}
