// Test support: an OPEN, a configuration, and a world of two peers with a scheduler that may lose, delay and crash.
import { expect } from 'vitest';
import type { OpenMessage, SessionMessage } from './message.ts';
import { initialPeer, type PeerState, stepPeer } from './peer.ts';
import type { PeerEffect, PeerEvent, PeerSessionConfig, PeerTimer } from './peer-contract.ts';

export function openOf(fields: Partial<OpenMessage> = {}): OpenMessage {
  return {
    type: 'OPEN',
    version: 1,
    domain: 'metro',
    site: 'site-b',
    routerId: '10.0.0.2',
    name: 'b',
    bootId: 'boot-b',
    holdTimeMs: 3000,
    families: ['service', 'compute', 'link-state'],
    roles: [],
    capabilities: [],
    ...fields,
  };
}

export function configOf(fields: Partial<PeerSessionConfig> = {}, local: Partial<OpenMessage> = {}): PeerSessionConfig {
  return {
    local: openOf({ site: 'site-a', routerId: '10.0.0.1', name: 'a', bootId: 'boot-a', ...local }),
    families: ['service', 'compute', 'link-state'],
    holdTimeMs: 3000,
    connectRetryMs: 500,
    passive: false,
    ...fields,
  };
}

export type Side = 'a' | 'b';
const OTHER: Record<Side, Side> = { a: 'b', b: 'a' };

/** What waits in one direction of a connection, in order. */
type Parcel =
  | { readonly message: SessionMessage }
  | { readonly closed: string }
  | { readonly opened: 'inbound' | 'outbound' };

interface Wire {
  readonly id: number;
  readonly dialler: Side;
  /** False once this side has closed it or learnt of its end. */
  readonly open: Record<Side, boolean>;
  readonly toward: Record<Side, Parcel[]>;
}

interface SideState {
  config: PeerSessionConfig;
  fsm: PeerState;
  readonly timers: Map<PeerTimer, number>;
  /** Connection of the session between `up` and `down`. */
  session: number | undefined;
  boots: number;
}

/** Two peers and everything in flight between them. `choose` picks among the enabled actions. */
export class World {
  nowMs = 0;
  readonly sides: Record<Side, SideState>;
  readonly wires = new Map<number, Wire>();
  readonly dials: { from: Side; boot: number }[] = [];
  #nextId = 1;

  constructor(configs: Record<Side, PeerSessionConfig>) {
    const make = (config: PeerSessionConfig): SideState => ({
      config,
      fsm: initialPeer(),
      timers: new Map(),
      session: undefined,
      boots: 1,
    });
    this.sides = { a: make(configs.a), b: make(configs.b) };
  }

  step(side: Side, event: PeerEvent): void {
    const me = this.sides[side];
    const { state, effects } = stepPeer(me.fsm, event, me.config, this.nowMs);
    me.fsm = state;
    for (const effect of effects) this.#perform(side, effect);
    // A session exists exactly in Established, and on the connection that the state names.
    expect(me.session).toBe(state.name === 'Established' ? state.current.id : undefined);
  }

  /** Everything that could happen next without anything going wrong. */
  actions(): (() => void)[] {
    const out: (() => void)[] = [];
    for (const [i, dial] of this.dials.entries()) out.push(() => this.#answer(i, dial.from));
    for (const wire of this.wires.values()) {
      for (const side of ['a', 'b'] as const) {
        if (wire.toward[side].length > 0) out.push(() => this.deliver(wire, side));
      }
    }
    return out;
  }

  /** What can go wrong. */
  mishaps(): (() => void)[] {
    const out: (() => void)[] = [];
    for (const [i, dial] of this.dials.entries()) {
      out.push(() => {
        this.dials.splice(i, 1);
        if (this.sides[dial.from].boots === dial.boot)
          this.step(dial.from, { type: 'connection-failed', reason: 'refused' });
      });
    }
    for (const wire of this.wires.values()) out.push(() => this.#cut(wire));
    for (const side of ['a', 'b'] as const) {
      out.push(() => this.crash(side));
      out.push(() => this.step(side, { type: 'path-down', reason: 'link' }));
    }
    return out;
  }

  crash(side: Side): void {
    const me = this.sides[side];
    me.boots++;
    me.config = { ...me.config, local: { ...me.config.local, bootId: `boot-${side}-${me.boots}` } };
    me.fsm = initialPeer();
    me.timers.clear();
    me.session = undefined;
    for (const wire of this.wires.values()) {
      if (wire.open[side]) this.#close(wire, side, 'crashed');
      wire.toward[side].length = 0;
    }
    this.step(side, { type: 'start' });
  }

  /** Fires the timer that is due first; false when none is armed. */
  passTime(): boolean {
    let first: { side: Side; timer: PeerTimer; atMs: number } | undefined;
    for (const side of ['a', 'b'] as const) {
      for (const [timer, atMs] of this.sides[side].timers)
        if (!first || atMs < first.atMs) first = { side, timer, atMs };
    }
    if (!first) return false;
    this.nowMs = Math.max(this.nowMs, first.atMs);
    this.sides[first.side].timers.delete(first.timer);
    this.step(first.side, { type: 'timer', timer: first.timer });
    return true;
  }

  /** Both ends have a session, on the same connection, and nothing in flight can change that. */
  get agreed(): boolean {
    const { a, b } = this.sides;
    const quiet = [...this.wires.values()].every((wire) => wire.toward.a.length + wire.toward.b.length === 0);
    return a.session !== undefined && a.session === b.session && quiet && this.dials.length === 0;
  }

  describe(): string {
    return (['a', 'b'] as const)
      .map((s) => `${s}: ${this.sides[s].fsm.name} ${this.sides[s].session ?? '-'}`)
      .join(', ');
  }

  #perform(side: Side, effect: PeerEffect): void {
    const me = this.sides[side];
    switch (effect.type) {
      case 'connect':
        this.dials.push({ from: side, boot: me.boots });
        return;
      case 'send': {
        const wire = this.wires.get(effect.connection);
        expect(wire?.open[side], `${side} sends on a connection it has closed`).toBe(true);
        wire!.toward[OTHER[side]].push({ message: effect.message });
        return;
      }
      case 'close':
        this.#close(this.wires.get(effect.connection)!, side, 'closed by the peer');
        return;
      case 'set-timer':
        expect(effect.afterMs).toBeGreaterThanOrEqual(0);
        me.timers.set(effect.timer, this.nowMs + effect.afterMs);
        return;
      case 'cancel-timer':
        me.timers.delete(effect.timer);
        return;
      case 'up':
        expect(me.session, 'up only without a session').toBeUndefined();
        me.session = effect.connection;
        return;
      case 'down':
        expect(me.session, 'down only with a session').toBeDefined();
        me.session = undefined;
        return;
      case 'deliver':
      case 'notice':
        return;
      default:
        effect satisfies never;
    }
  }

  #answer(index: number, from: Side): void {
    const [dial] = this.dials.splice(index, 1);
    const id = this.#nextId++;
    const to = OTHER[from];
    const wire: Wire = { id, dialler: from, open: { a: true, b: true }, toward: { a: [], b: [] } };
    this.wires.set(id, wire);
    wire.toward[to].push({ opened: 'inbound' });
    if (this.sides[from].boots === dial!.boot) wire.toward[from].push({ opened: 'outbound' });
    else this.#close(wire, from, 'crashed');
  }

  deliver(wire: Wire, side: Side): void {
    const parcel = wire.toward[side].shift()!;
    if (!wire.open[side]) return;
    if ('opened' in parcel)
      this.step(side, { type: 'connection-opened', connection: wire.id, direction: parcel.opened });
    else if ('message' in parcel) this.step(side, { type: 'message', connection: wire.id, message: parcel.message });
    else {
      wire.open[side] = false;
      this.step(side, { type: 'connection-closed', connection: wire.id, reason: parcel.closed });
    }
  }

  #close(wire: Wire, side: Side, reason: string): void {
    expect(wire.open[side], `${side} closes a connection twice`).toBe(true);
    wire.open[side] = false;
    wire.toward[OTHER[side]].push({ closed: reason });
  }

  /** The transport dies: what is in flight is lost, each end learns of it in its own time. */
  #cut(wire: Wire): void {
    for (const side of ['a', 'b'] as const) {
      const opening = wire.toward[side].filter((parcel) => 'opened' in parcel);
      wire.toward[side].length = 0;
      if (wire.open[side]) wire.toward[side].push(...opening, { closed: 'transport lost' });
    }
  }
}
