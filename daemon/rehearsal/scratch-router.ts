// A router that nobody hears: its sessions end in memory, its forwarding plane takes everything, and what it says is
// encoded and thrown away. It runs the very functions of the daemon's own router, its codec and its connections.
import type { LocalInstanceConfig, RouterConfig } from '../../lib/config/config.ts';
import { FAMILIES } from '../../lib/model/identity.ts';
import type { RouterEffect } from '../../lib/router/effect.ts';
import type { RouterEventBody } from '../../lib/router/event.ts';
import { createRouter, turn } from '../../lib/router/handle.ts';
import { type OpenMessage, PROTOCOL_VERSION, type SessionMessage } from '../../lib/session/message.ts';
import { encodeFrame } from '../../lib/wire/frame.ts';
import { withPrefix } from '../../lib/wire/length-prefixed.ts';
import { monotonicMs, wallClockMs } from '../runtime/clock.ts';
import { type CallStream, SessionConnection } from '../session/connection.ts';
import type { Load } from './updates.ts';

/** Queues and timers of a connection are never needed: its stream takes everything at once. */
const LIMITS = { queueBytes: Number.POSITIVE_INFINITY, sendHoldMs: 60_000 };
/** One message in so many comes in two pieces. */
const CUT_EVERY = 5;
/** Between two messages. */
const MESSAGE_MS = 0.1;
const BOOT_ID = 'rehearsal';

/** One end of a call in memory: what is written is counted, what is said is heard at once. */
class Call implements CallStream {
  written = 0;
  #heard: (bytes: Buffer) => void = () => {};

  write(bytes: Uint8Array): boolean {
    this.written += bytes.length;
    return true;
  }

  on(event: 'data' | 'drain' | 'end', listener: (bytes: Buffer) => void): void {
    if (event === 'data') this.#heard = listener;
  }

  /** A message in one piece, or as it comes when a read ends within it. */
  say(bytes: Uint8Array, inPieces: boolean): void {
    const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const cut = inPieces ? whole.length >> 1 : whole.length;
    this.#heard(whole.subarray(0, cut));
    if (cut < whole.length) this.#heard(whole.subarray(cut));
  }

  end(): void {}
  pause(): void {}
  resume(): void {}
}

interface Session {
  readonly call: Call;
  readonly connection: SessionConnection;
}

export class ScratchRouter {
  readonly #router = createRouter();
  readonly #sessions = new Map<string, Session>();
  readonly #timers = new Map<string, number>();
  readonly #contactInstance: LocalInstanceConfig;
  readonly #queue: RouterEventBody[] = [];
  #running = false;
  #said = 0;
  /** Time passes by what is said and by `pass`, so that a life does not depend on how fast it is lived. */
  #atMs = monotonicMs();
  readonly #wallOriginMs = wallClockMs() - this.#atMs;
  /** Changes that its forwarding plane took. */
  programmed = 0;

  constructor(config: RouterConfig) {
    this.#contactInstance = config.instances[0]!;
    const start = { type: 'start', config, bootId: BOOT_ID, wallMs: this.wallMs } as const;
    this.#post({ ...start, retained: [], capabilities: [] });
    for (const link of config.links) {
      this.#post({ type: 'link', name: link.name, up: true });
      this.#post({ type: 'path-up', link: link.name });
    }
    for (const [i, peer] of config.peers.entries()) this.#open(i + 1, peer.name);
    for (const [i, peer] of config.peers.entries()) {
      this.say(peer.name, framed(openOf(i, peer.name)));
      this.say(peer.name, framed({ type: 'KEEPALIVE' }));
    }
  }

  /** A peer says this: one or more messages in their gRPC framing. */
  say(peer: string, bytes: Uint8Array): void {
    this.#said++;
    this.#atMs += MESSAGE_MS;
    this.#sessions.get(peer)!.call.say(bytes, this.#said % CUT_EVERY === 0);
    this.#fireTimers();
  }

  /** Its wall clock. */
  get wallMs(): number {
    return this.#wallOriginMs + this.#atMs;
  }

  /** Its own contact instance says how busy it is. */
  report(load: Load): void {
    const { service, contactInstance } = this.#contactInstance;
    const report = { ...load, wallMs: this.wallMs };
    this.#post({ type: 'instance-report', service, contactInstance, report });
  }

  /** Lets time pass for this router, and what it set timers for happen. */
  pass(ms: number): void {
    this.#atMs += ms;
    this.#fireTimers();
  }

  /** Bytes that the peer was told. */
  told(peer: string): number {
    return this.#sessions.get(peer)!.call.written;
  }

  /** Routes that it holds. */
  get routes(): number {
    return this.#router.state?.table.size ?? 0;
  }

  #open(connection: number, peer: string): void {
    const call = new Call();
    const hooks = {
      message: (message: SessionMessage, bytes: number) =>
        this.#post({ type: 'message', peer, connection, message, bytes }),
      isHeld: () => false,
      together: (act: () => void) => act(),
      bad: () => {},
      drained: () => {},
      gone: () => {},
    };
    this.#sessions.set(peer, { call, connection: new SessionConnection(call, () => {}, hooks, LIMITS) });
    this.#post({ type: 'connection-opened', peer, connection, direction: 'inbound' });
  }

  #post(body: RouterEventBody): void {
    this.#queue.push(body);
    if (this.#running) return;
    this.#running = true;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift())
      for (const effect of turn(this.#router, { atMs: this.#atMs, ...next })) this.#perform(effect);
    this.#running = false;
  }

  #perform(effect: RouterEffect): void {
    switch (effect.type) {
      case 'send':
        return this.#sessions.get(effect.peer)?.connection.send(effect.message);
      case 'set-timer':
        this.#timers.set(effect.timer, effect.atMs);
        return;
      case 'cancel-timer':
        this.#timers.delete(effect.timer);
        return;
      case 'fib-apply':
      case 'fib-sync':
        return this.#programmed(effect);
      default:
        return;
    }
  }

  #programmed(effect: Extract<RouterEffect, { type: 'fib-apply' | 'fib-sync' }>): void {
    this.programmed++;
    const atMs = this.#atMs;
    const put = effect.type === 'fib-sync' ? effect.desired.length : effect.delta.put.length;
    const removed = effect.type === 'fib-sync' ? 0 : effect.delta.remove.length;
    const result = { failures: [], put, removed, netlinkDoneAtMs: atMs, affinityDoneAtMs: atMs };
    const what = effect.type === 'fib-sync' ? 'sync' : 'apply';
    this.#post({ type: 'fib-done', what, request: effect.request, result });
  }

  #fireTimers(): void {
    for (const [timer, atMs] of this.#timers) {
      if (atMs > this.#atMs) continue;
      this.#timers.delete(timer);
      this.#post({ type: 'timer', timer });
    }
  }
}

export function framed(message: SessionMessage): Uint8Array {
  return withPrefix(encodeFrame(message));
}

function openOf(number: number, name: string): OpenMessage {
  return {
    type: 'OPEN',
    version: PROTOCOL_VERSION,
    domain: 'cfn',
    site: name,
    routerId: `192.0.2.${number + 2}`,
    name,
    bootId: BOOT_ID,
    holdTimeMs: 0,
    families: FAMILIES,
    roles: [],
    capabilities: [],
  };
}
