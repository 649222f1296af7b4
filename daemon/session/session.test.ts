// The FSM of lib/session over real gRPC: two routers that both listen and both dial, with real timers.
import { afterEach, describe, expect, it } from 'vitest';
import type { NotificationMessage, SessionMessage } from '../../lib/session/message.ts';
import { initialPeer, type PeerState, stepPeer } from '../../lib/session/peer.ts';
import type { PeerEffect, PeerEvent, PeerSessionConfig, PeerTimer } from '../../lib/session/peer-contract.ts';
import { monotonicMs } from '../runtime/clock.ts';
import { Timers } from '../runtime/timers.ts';
import { openOf, until } from './transport.fixture.ts';
import { createSessionTransport, type SessionTransport } from './transport.ts';

const LOOPBACK = '127.0.0.1';
const running: Router[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((router) => router.end()));
});

/** The smallest shell there can be: one peer, timers, a transport. */
class Router {
  fsm: PeerState = initialPeer();
  readonly delivered: SessionMessage[] = [];
  readonly notices: string[] = [];
  downs: { reason: string; notification?: NotificationMessage }[] = [];
  transport: SessionTransport;
  /** The daemon's own: a busy machine must not make a peer look dead whose KEEPALIVE lies unread. */
  readonly #timers = new Timers((timer) => this.take({ type: 'timer', timer: timer as PeerTimer }));
  readonly #config: PeerSessionConfig;
  #ended = false;

  constructor(config: PeerSessionConfig) {
    this.#config = config;
    this.transport = this.#makeTransport(1);
    running.push(this);
  }

  #makeTransport(peerPort: number): SessionTransport {
    return createSessionTransport({
      listen: { address: LOOPBACK, port: 0 },
      peers: [{ name: 'peer', address: LOOPBACK, port: peerPort, passive: false }],
      log: { info: () => {}, warn: () => {} },
      post: (event) => {
        if (event.type !== 'connection-drained') this.take(event);
      },
    });
  }

  dials(port: number): void {
    this.transport.setPeers([{ name: 'peer', address: LOOPBACK, port, passive: false }]);
  }

  take(event: PeerEvent): void {
    if (this.#ended) return;
    const { state, effects } = stepPeer(this.fsm, event, this.#config, performance.now());
    this.fsm = state;
    for (const effect of effects) this.#perform(effect);
  }

  get session(): number | undefined {
    return this.fsm.name === 'Established' ? this.fsm.current.id : undefined;
  }

  send(message: SessionMessage): void {
    if (this.session !== undefined) this.transport.send(this.session, message);
  }

  async end(): Promise<void> {
    this.#ended = true;
    this.#timers.cancelAll();
    await this.transport.closeAll();
  }

  #perform(effect: PeerEffect): void {
    switch (effect.type) {
      case 'connect':
        return this.transport.connect('peer');
      case 'send':
        return this.transport.send(effect.connection, effect.message);
      case 'close':
        return this.transport.close(effect.connection);
      case 'set-timer':
        return this.#timers.set(effect.timer, monotonicMs() + effect.afterMs);
      case 'cancel-timer':
        return this.#timers.cancel(effect.timer);
      case 'deliver':
        this.delivered.push(effect.message);
        return;
      case 'down':
        this.downs.push(effect);
        return;
      case 'notice':
        this.notices.push(effect.text);
        return;
      case 'up':
        return;
      default:
        effect satisfies never;
    }
  }
}

function configOf(name: string, routerId: string, fields: Partial<PeerSessionConfig> = {}): PeerSessionConfig {
  const local = openOf(name, routerId);
  return { local, families: ['service'], holdTimeMs: 1500, connectRetryMs: 20, passive: false, ...fields };
}

async function makePair(a: PeerSessionConfig, b: PeerSessionConfig): Promise<[Router, Router]> {
  const routers: [Router, Router] = [new Router(a), new Router(b)];
  const [first, second] = routers;
  await Promise.all([first.transport.listen(), second.transport.listen()]);
  first.dials(second.transport.port);
  second.dials(first.transport.port);
  for (const router of routers) router.take({ type: 'start' });
  return routers;
}

describe('a session over gRPC', () => {
  it('comes up once although both dial, carries UPDATEs both ways and outlives its hold time', async () => {
    const [a, b] = await makePair(configOf('a', '10.0.0.1'), configOf('b', '10.0.0.2'));
    await until(() => a.session !== undefined && b.session !== undefined, 'both Established');
    const startMs = performance.now();
    await until(() => performance.now() - startMs > 3200, 'two hold times');
    expect([a.downs, b.downs]).toEqual([[], []]);
    a.send({ type: 'UPDATE', endOfRib: ['service'] });
    b.send({ type: 'ROUTE-REFRESH', family: 'service', phase: 'request' });
    await until(() => a.delivered.length === 1 && b.delivered.length === 1, 'both delivered');
    expect(b.delivered).toEqual([{ type: 'UPDATE', endOfRib: ['service'] }]);
    expect(a.delivered).toEqual([{ type: 'ROUTE-REFRESH', family: 'service', phase: 'request' }]);
  });

  it('tells the other side why it stops, and comes back when started again', async () => {
    const [a, b] = await makePair(configOf('a', '10.0.0.1'), configOf('b', '10.0.0.2'));
    await until(() => a.session !== undefined && b.session !== undefined, 'both Established');
    a.take({ type: 'stop', subcode: 2, text: 'upgrade to 1.1' });
    await until(() => b.downs.length === 1, 'b down');
    expect(b.downs[0]).toMatchObject({ reason: 'received NOTIFICATION 6/2: upgrade to 1.1' });
    a.take({ type: 'start' });
    await until(() => a.session !== undefined && b.session !== undefined, 'both Established again');
  });

  it('recovers from a path that went down without waiting for a hold time', async () => {
    const patient = { holdTimeMs: 600_000 };
    const [a, b] = await makePair(configOf('a', '10.0.0.1', patient), configOf('b', '10.0.0.2', patient));
    await until(() => a.session !== undefined && b.session !== undefined, 'both Established');
    a.take({ type: 'path-down', reason: 'eth1' });
    expect(a.session).toBeUndefined();
    await until(() => a.session !== undefined && b.session !== undefined, 'both Established again');
  });

  it.each([
    ['another version', { local: openOf('b', '10.0.0.2', 9) }, /protocol version 9 is not supported/],
    ['the same router id', { local: openOf('b', '10.0.0.1') }, /router id 10\.0\.0\.1 is used twice/],
    ['no family in common', { families: ['link-state'] as const }, /no common family/],
  ])('is refused in words to a peer with %s', async (_, fields, words) => {
    const [a, b] = await makePair(configOf('a', '10.0.0.1'), configOf('b', '10.0.0.2', fields));
    await until(() => a.notices.some((text) => words.test(text)), 'the reason at a');
    // The other side has refused by itself or was told: either way its operator reads a reason.
    await until(() => b.notices.length > 0, 'a reason at b');
    expect([a.session, b.session]).toEqual([undefined, undefined]);
  });

  it('is closed with a NOTIFICATION when the peer sends a broken frame', async () => {
    const [a, b] = await makePair(configOf('a', '10.0.0.1'), configOf('b', '10.0.0.2'));
    await until(() => a.session !== undefined && b.session !== undefined, 'both Established');
    a.transport.send(a.session!, Uint8Array.of(0x1a, 0x7f));
    await until(() => a.downs.length === 1 && b.downs.length === 1, 'both down');
    expect(a.downs[0]!.notification).toMatchObject({ code: 1, subcode: 2 });
  });
});
