// Load for one cfnd daemon, the counterpart of bgp-load.c: senders that announce services with metrics of their own, and
// receivers that count every route and every state they are told, by version. One JSON object a phase on stdout; a line
// on stdin lets the next phase begin, so that the bench can read the daemon's processor time and memory in between.
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { STATE_NUMBERS } from '../../../lib/model/state-row.ts';
import { FarEnd } from './far-end.ts';
import { numberOf, type Rows, routeFrames, SENDERS_SITE } from './frames.ts';
import { type LatencyClock, latency } from './latency.ts';

export interface LoadSpec {
  readonly daemon: string;
  readonly port: number;
  /** The i-th far end binds `<addressBase><i+1 in hex>`; receivers come after senders. */
  readonly addressBase: string;
  readonly senders: number;
  readonly receivers: number;
  /** Routes of each sender. */
  readonly count: number;
  readonly perMessage: number;
  /** Routes whose numbers agree modulo this share a service; 0: none do. */
  readonly services: number;
  readonly churns: number;
  readonly trials: number;
  /** What times them; two far ends more, which bind the addresses after the receivers'. */
  readonly clock?: Pick<LatencyClock, 'program' | 'script'>;
  /** Rounds in which every route gets a newer state. */
  readonly states: number;
  readonly holdTimeMs: number;
}

const CHURN = 10_000;
/** Version of the first round of states. */
const FIRST_STATES = 100;
const DIAL_AT_ONCE = 8;
const DEADLINE_MS = 600_000;
/** Router ids 10.1.0.0 and on. */
const ROUTERS = 0x0a01_0000;

/** Counts, for one receiver, which routes are known with a state of the version that is wanted. */
class Receiver {
  readonly #versions: Uint32Array;
  /** Number of the route a handle of the daemon names, + 1. */
  #numbers = new Uint32Array(1024);
  readonly #goal: Goal;
  wanted = 0;

  constructor(routes: number, goal: Goal) {
    this.#versions = new Uint32Array(routes);
    this.#goal = goal;
  }

  take({ service, compute }: Parameters<FarEnd['onUpdate']>[0]): void {
    if (service) {
      for (let i = 0; i < service.handle.length; i++)
        this.#bind(service.handle[i]!, numberOf(service.contactInstance, i));
    }
    if (!compute) return;
    for (let i = 0; i < compute.handle.length; i++) {
      const number = this.#numbers[compute.handle[i]!]! - 1;
      if (number >= 0) this.#heard(number, compute.state[i * STATE_NUMBERS]!);
    }
  }

  #bind(handle: number, number: number): void {
    if (handle >= this.#numbers.length) {
      const grown = new Uint32Array(Math.max(handle + 1, this.#numbers.length * 2));
      grown.set(this.#numbers);
      this.#numbers = grown;
    }
    this.#numbers[handle] = number + 1;
  }

  #heard(number: number, version: number): void {
    const { from, to, version: wanted } = this.#goal;
    if (number >= from && number < to && this.#versions[number] !== wanted && version === wanted) {
      this.wanted++;
      this.#goal.heard(this);
    }
    this.#versions[number] = version;
  }
}

/** What all receivers are to hear, and when they have. */
class Goal {
  from = 0;
  to = 0;
  version = 0;
  firstMs = 0;
  #left = 0;
  #reached: () => void = () => {};

  /** Resolves when every receiver has heard a state of `version` of routes `from`..`to - 1`. */
  set(receivers: readonly Receiver[], from: number, to: number, version: number): Promise<void> {
    Object.assign(this, { from, to, version, firstMs: 0 });
    for (const receiver of receivers) receiver.wanted = 0;
    this.#left = receivers.length;
    return new Promise((resolve) => {
      this.#reached = resolve;
    });
  }

  heard(receiver: Receiver): void {
    if (this.firstMs === 0) this.firstMs = performance.now();
    if (receiver.wanted === this.to - this.from && --this.#left === 0) this.#reached();
  }
}

const input = createInterface({ input: process.stdin });

function say(phase: string, fields: Readonly<Record<string, number>> = {}): void {
  process.stdout.write(`${JSON.stringify({ phase, ...fields })}\n`);
}

async function run(spec: LoadSpec): Promise<void> {
  await listening(spec);
  const goal = new Goal();
  const routes = spec.count * spec.senders;
  const rowsOf = (sender: number, fields: Partial<Rows>): Rows => ({
    first: sender * spec.count,
    count: spec.count,
    perMessage: spec.perMessage,
    handleBase: sender * spec.count - 1,
    router: ROUTERS + sender + 1,
    services: spec.services,
    version: 1,
    announce: true,
    ...fields,
  });
  // Made before there are sessions: a busy loop would let their hold timers expire.
  const framesOf = (fields: Partial<Rows>) =>
    Array.from({ length: spec.senders }, (_, i) => routeFrames(rowsOf(i, fields)));
  const frames = framesOf({});
  const states = Array.from({ length: spec.states }, (_, round) =>
    framesOf({ version: FIRST_STATES + round, announce: false }),
  );
  const ends: FarEnd[] = [];
  const dialledMs = performance.now();
  // As many at a time as bgp-load.c has in the making.
  while (ends.length < spec.senders + spec.receivers) {
    const left = spec.senders + spec.receivers - ends.length;
    const some = Array.from({ length: Math.min(left, DIAL_AT_ONCE) }, (_, i) => farEnd(spec, ends.length + i));
    await Promise.all(some.map((end) => end.established));
    ends.push(...some);
  }
  const seconds = (performance.now() - dialledMs) / 1000;
  const senders = ends.slice(0, spec.senders);
  const receivers = ends.slice(spec.senders).map((end) => {
    const receiver = new Receiver(routes, goal);
    end.onUpdate = (update) => receiver.take(update);
    return receiver;
  });
  await pause(500);
  /** Sends, and returns how long it took until all receivers had heard of it. */
  const measure = async (
    name: string,
    from: number,
    to: number,
    version: number,
    frames: readonly (Buffer | undefined)[],
  ) => {
    const all = goal.set(receivers, from, to, version);
    const sinceMs = performance.now();
    for (const [i, bytes] of frames.entries()) if (bytes) void senders[i]!.send(bytes);
    const late = setTimeout(() => {
      throw new Error(`${name}: receivers were not told everything within ${DEADLINE_MS} ms`);
    }, DEADLINE_MS);
    await all;
    clearTimeout(late);
    return { seconds: (performance.now() - sinceMs) / 1000, firstSeconds: (goal.firstMs - sinceMs) / 1000 };
  };

  const known = spec.count * spec.senders;
  say('begin', { seconds });
  await once(input, 'line');
  say('ingest', await measure('ingest', 0, known, 1, frames));
  await once(input, 'line');
  for (let round = 0; round < spec.churns; round++) {
    const count = Math.min(CHURN, spec.count);
    const update = routeFrames(rowsOf(0, { count, version: 2 + round, announce: false }));
    say('churn', await measure('churn', 0, count, 2 + round, [update]));
    await pause(300);
  }
  for (const [round, updates] of states.entries()) {
    say('states-begin');
    await once(input, 'line');
    say('states', await measure('states', 0, known, FIRST_STATES + round, updates));
    await once(input, 'line');
  }
  // Of a short run no KEEPALIVE would have been seen: the next one tells what the load did to it.
  await Promise.all(ends.map((end) => end.nextKeepalive()));
  say('keepalive', { gapMs: Math.max(...ends.map((end) => end.keepaliveGapMs)) });
  if (spec.clock && spec.trials > 0) {
    // One receiver is told, as in the other daemons' runs.
    await Promise.all(ends.slice(spec.senders).map((end) => end.close()));
    const far = spec.senders + spec.receivers;
    const { daemon, port } = spec;
    const [own, other] = [addressOf(spec, far), addressOf(spec, far + 1)];
    const routers = [ROUTERS + far + 1, ROUTERS + far + 2] as const;
    say('latency', latency({ ...spec.clock, daemon, port, own, other, routers }, spec.trials));
  }
  for (const end of ends) void end.close();
  input.close();
}

/** Waits until the daemon accepts connections. */
async function listening({ daemon, port }: LoadSpec): Promise<void> {
  for (let tries = 0; ; tries++) {
    const socket = connect(port, daemon);
    const outcome = await new Promise<Error | undefined>((resolve) => {
      socket.once('connect', () => resolve(undefined));
      socket.once('error', resolve);
    });
    socket.destroy();
    if (outcome === undefined) return;
    if (tries === 300) throw outcome;
    await pause(100);
  }
}

function addressOf({ addressBase }: LoadSpec, number: number): string {
  return `${addressBase}${(number + 1).toString(16)}`;
}

function farEnd(spec: LoadSpec, number: number): FarEnd {
  const { daemon, port, holdTimeMs, senders } = spec;
  const router = ROUTERS + number + 1;
  return new FarEnd({
    daemon,
    port,
    holdTimeMs,
    address: addressOf(spec, number),
    site: number < senders ? SENDERS_SITE : 'core',
    routerId: [router >>> 24, (router >>> 16) & 255, (router >>> 8) & 255, router & 255].join('.'),
  });
}

await run(JSON.parse(process.argv[2]!) as LoadSpec);
