// Several routers in one process over a virtual network and clock: the whole protocol without a socket, so that a test
// can say "150 ms later". Every event passes through the recorder's encoding, so what runs here is what replay runs.
import type { RouterConfig } from '../config/config.ts';
import type { FibKey, FibObject } from '../fib/fib.ts';
import { fibKey, removalKey } from '../fib/fib.ts';
import type { SessionMessage } from '../session/message.ts';
import type { RouterEffect } from './effect.ts';
import type { RouterEvent, RouterEventBody } from './event.ts';
import { createRouter, handle, type Router } from './handle.ts';
import { decodeLine, encodeLine } from './record.ts';
import { Schedule, seeded } from './schedule.fixture.ts';

const WIRE_MS = 0.2;
const WALL_ORIGIN_MS = 1_790_000_000_000;

interface Node {
  readonly config: RouterConfig;
  router: Router;
  lines: string[];
  readonly timers: Map<string, number>;
  fib: Map<FibKey, FibObject>;
  /** Dead daemons keep their kernel's objects. */
  alive: boolean;
  readonly logs: string[];
}

interface Wire {
  readonly ends: readonly [{ node: string; peer: string }, { node: string; peer: string }];
  open: boolean;
}

export interface SimulationOptions {
  /** Of jitter and of whatever a test draws. */
  readonly seed?: number;
  /** Every event passes through the recorder's encoding and is kept; off for simulations that are about size. */
  readonly recorded?: boolean;
  /** What leaves a router, before the wire. */
  readonly onSend?: (from: string, to: string, message: SessionMessage) => void;
}

export class Simulation {
  atMs = 0;
  /** Answers what is left of drains by posting `drains-measured`; nobody does by default. */
  onMeasure: ((name: string, slots: readonly number[], sids: readonly string[]) => void) | undefined;
  readonly nodes = new Map<string, Node>();
  readonly random: () => number;
  /** Events that routers handled. */
  handled = 0;
  readonly #options: SimulationOptions;
  readonly #wires = new Map<number, Wire>();
  readonly #cut = new Set<string>();
  readonly #schedule = new Schedule();
  /** Who has a link with this local address. */
  readonly #owners = new Map<string, Node>();
  #connection = 1;
  #boots = 0;

  constructor(options: SimulationOptions = {}) {
    this.#options = options;
    this.random = seeded(options.seed ?? 1);
  }

  add(config: RouterConfig): void {
    this.nodes.set(config.name, {
      config,
      router: createRouter(),
      lines: [],
      timers: new Map(),
      fib: new Map(),
      alive: false,
      logs: [],
    });
    for (const link of config.links) this.#owners.set(link.localAddress, this.node(config.name));
  }

  /** Starts (or restarts) a daemon over whatever its kernel holds; its links come up at once, STAMP later. */
  start(name: string, stampMs = 150): void {
    const node = this.node(name);
    node.router = createRouter();
    node.lines = [];
    node.timers.clear();
    node.alive = true;
    const retained = [...node.fib.values()];
    const { config } = node;
    const wallMs = WALL_ORIGIN_MS + this.atMs;
    this.post(name, { type: 'start', config, bootId: `boot-${this.#boots++}`, wallMs, retained, capabilities: [] });
    for (const link of config.links) {
      if (this.#cut.has(`${name} ${link.name}`)) {
        this.post(name, { type: 'link', name: link.name, up: false });
        continue;
      }
      this.post(name, { type: 'link', name: link.name, up: true });
      this.later(stampMs, () => this.post(name, { type: 'path-up', link: link.name }));
    }
  }

  /** kill -9: streams break, the kernel goes on. */
  kill(name: string): void {
    this.node(name).alive = false;
    this.node(name).timers.clear();
    for (const [connection, wire] of this.#wires) {
      const end = wire.ends.find((it) => it.node === name);
      if (end !== undefined) this.breakWire(connection, 'connection reset');
    }
  }

  /** Takes a link away at both ends: carrier at once, as a pulled cable. */
  cut(a: string, b: string): void {
    for (const [name, link] of this.between(a, b)) {
      this.#cut.add(`${name} ${link}`);
      this.post(name, { type: 'link', name: link, up: false });
    }
  }

  restore(a: string, b: string): void {
    for (const [name, link] of this.between(a, b)) {
      this.#cut.delete(`${name} ${link}`);
      this.post(name, { type: 'link', name: link, up: true });
      this.later(150, () => this.post(name, { type: 'path-up', link }));
    }
  }

  post(name: string, body: RouterEventBody): void {
    const node = this.node(name);
    if (!node.alive) return;
    const event: RouterEvent = { atMs: this.atMs, ...body };
    this.handled++;
    for (const effect of this.#handle(node, event)) this.perform(name, node, effect);
  }

  /** Runs everything that is due until `ms` later. */
  run(ms: number): void {
    const until = this.atMs + ms;
    while (this.#schedule.nextMs <= until) {
      const next = this.#schedule.pop()!;
      this.atMs = Math.max(this.atMs, next.atMs);
      next.run();
    }
    this.atMs = until;
  }

  /** Runs until `holds`, which is asked every `everyMs`; the time it took, or infinity after `mostMs`. */
  runUntil(holds: () => boolean, everyMs: number, mostMs: number): number {
    const from = this.atMs;
    while (!holds()) {
      if (this.atMs - from >= mostMs) return Number.POSITIVE_INFINITY;
      this.run(everyMs);
    }
    return this.atMs - from;
  }

  /** Objects of a kind in the (simulated) kernel of a node. */
  objects<K extends FibObject['kind']>(name: string, kind: K): Extract<FibObject, { kind: K }>[] {
    return [...this.node(name).fib.values()].filter((it): it is Extract<FibObject, { kind: K }> => it.kind === kind);
  }

  node(name: string): Node {
    const node = this.nodes.get(name);
    if (node === undefined) throw new Error(`no node ${name}`);
    return node;
  }

  later(ms: number, run: () => void): void {
    this.#schedule.push(this.atMs + ms, run);
  }

  #handle(node: Node, event: RouterEvent): readonly RouterEffect[] {
    if (this.#options.recorded === false) return handle(node.router, event);
    const line = encodeLine({ event });
    const decoded = decodeLine(line, 0);
    if (!('event' in decoded)) throw new Error('an event came back as something else');
    const effects = handle(node.router, decoded.event);
    node.lines.push(line, encodeLine({ effects }));
    return effects;
  }

  private perform(name: string, node: Node, effect: RouterEffect): void {
    switch (effect.type) {
      case 'set-timer': {
        const early = effect.jitter === true ? 0.75 + this.random() / 4 : 1;
        const atMs = this.atMs + Math.max(0, effect.atMs - this.atMs) * early;
        node.timers.set(effect.timer, atMs);
        const router = node.router;
        this.#schedule.push(atMs, () => {
          if (node.router !== router || node.timers.get(effect.timer) !== atMs) return;
          node.timers.delete(effect.timer);
          this.post(name, { type: 'timer', timer: effect.timer });
        });
        return;
      }
      case 'cancel-timer':
        node.timers.delete(effect.timer);
        return;
      case 'connect':
        return this.connect(name, effect.peer);
      case 'send': {
        const wire = this.#wires.get(effect.connection);
        const far = wire?.ends.find((it) => it.node !== name);
        if (wire === undefined || far === undefined) return;
        const { connection, message } = effect;
        this.#options.onSend?.(name, far.node, message);
        this.later(WIRE_MS, () => {
          if (wire.open || message.type === 'NOTIFICATION')
            this.post(far.node, { type: 'message', peer: far.peer, connection, message });
        });
        return;
      }
      case 'close':
        this.later(WIRE_MS, () => this.breakWire(effect.connection, 'closed'));
        return;
      case 'measure-drains':
        this.onMeasure?.(name, effect.slots, effect.sids);
        return;
      case 'fib-apply':
      case 'fib-sync': {
        const objects = effect.type === 'fib-sync' ? effect.desired : effect.delta.put;
        if (effect.type === 'fib-sync') node.fib = new Map();
        else for (const removal of effect.delta.remove) node.fib.delete(removalKey(removal));
        for (const object of objects) node.fib.set(fibKey(object), object);
        const what = effect.type === 'fib-sync' ? 'sync' : 'apply';
        const result = {
          failures: [],
          put: objects.length,
          removed: 0,
          netlinkDoneAtMs: this.atMs,
          affinityDoneAtMs: this.atMs,
        };
        this.later(0.1, () => this.post(name, { type: 'fib-done', what, request: effect.request, result }));
        return;
      }
      case 'log':
        node.logs.push(`${this.atMs.toFixed(0)} ${effect.level} ${effect.text} ${JSON.stringify(effect.fields)}`);
        return;
      case 'fib-verify':
      case 'view-changed':
      case 'stopped':
        return;
      default:
        effect satisfies never;
    }
  }

  private connect(name: string, peerName: string): void {
    const own = this.node(name);
    const peer = own.config.peers.find((it) => it.name === peerName)!;
    const far = this.#owners.get(peer.address);
    const ownLink = own.config.links.find((link) => link.remoteAddress === peer.address);
    const farPeer = far?.config.peers.find((it) => it.address === ownLink?.localAddress);
    const reachable = ownLink !== undefined && !this.#cut.has(`${name} ${ownLink.name}`);
    this.later(WIRE_MS, () => {
      if (far === undefined || farPeer === undefined || !far.alive || !reachable) {
        this.post(name, { type: 'connection-failed', peer: peerName, reason: 'connection refused' });
        return;
      }
      const connection = this.#connection++;
      const ends = [
        { node: name, peer: peerName },
        { node: far.config.name, peer: farPeer.name },
      ] as const;
      this.#wires.set(connection, { ends, open: true });
      this.post(name, { type: 'connection-opened', peer: peerName, connection, direction: 'outbound' });
      this.post(far.config.name, { type: 'connection-opened', peer: farPeer.name, connection, direction: 'inbound' });
    });
  }

  private breakWire(connection: number, reason: string): void {
    const wire = this.#wires.get(connection);
    if (!wire?.open) return;
    wire.open = false;
    for (const { node, peer } of wire.ends) this.post(node, { type: 'connection-closed', peer, connection, reason });
  }

  private between(a: string, b: string): [string, string][] {
    return [
      ...this.linksTo(a, b).map((link): [string, string] => [a, link]),
      ...this.linksTo(b, a).map((link): [string, string] => [b, link]),
    ];
  }

  private linksTo(from: string, to: string): string[] {
    const { routerId } = this.node(to).config;
    return this.node(from)
      .config.links.filter((link) => link.neighbour === routerId)
      .map((link) => link.name);
  }
}
