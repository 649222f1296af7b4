// The clients' load: one cfn-load a client node, marked in phases, followed second by second, summed up at the end.
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Engine, LabRef } from '../labs/engine.ts';
import type { LoadSecond, LoadSummary } from '../loadgen/loadgen.ts';
import { DemoError } from './poll.ts';

export interface ClientLoad {
  readonly client: string;
  readonly ratePerSecond: number;
  readonly longLived: number;
  /** Packets per second of a UDP stream through the anycast address; 0: none. */
  readonly udpRatePerSecond: number;
}

const PROGRAM = '/opt/cfnd/bin/cfn-load';
const ECHO_PORT = 7;
/** The generator waits for answers under way; more than its own timeouts is a fault. */
const STOP_MS = 10_000;

interface Running {
  readonly client: string;
  readonly child: ChildProcess;
  readonly ended: Promise<void>;
  second: LoadSecond | undefined;
  summary: LoadSummary | undefined;
  errors: string;
}

export class Traffic {
  readonly #running: readonly Running[];
  readonly #waiting = new Map<string, Set<string>>();
  onSecond: (client: string, second: LoadSecond) => void = () => {};

  /** Starts at once, in the phase `phase`, toward the anycast address `service`. */
  constructor(engine: Engine, ref: LabRef, service: string, port: number, loads: readonly ClientLoad[], phase: string) {
    this.#running = loads.map((load) => {
      const udp = load.udpRatePerSecond > 0;
      const child = engine.spawn(ref, load.client, [
        PROGRAM,
        ...['--target', `http://[${service}]:${port}/`, '--duration', '0', '--phase', phase],
        ...['--rate', String(load.ratePerSecond), '--long-lived', String(load.longLived)],
        ...(udp ? ['--udp', `[${service}]:${ECHO_PORT}`, '--udp-rate', String(load.udpRatePerSecond)] : []),
      ]);
      const running: Running = {
        client: load.client,
        child,
        ended: new Promise((resolve) => child.once('close', () => resolve())),
        second: undefined,
        summary: undefined,
        errors: '',
      };
      this.#follow(running);
      return running;
    });
  }

  /** Newest second of each client. */
  get seconds(): ReadonlyMap<string, LoadSecond> {
    return new Map(this.#running.flatMap(({ client, second }) => (second === undefined ? [] : [[client, second]])));
  }

  /** Begins a phase at every client; resolves when all have marked it. */
  async mark(phase: string): Promise<void> {
    const marked = Promise.withResolvers<void>();
    this.#waiting.set(phase, new Set(this.#running.map(({ client }) => client)));
    this.#onMarked = () => {
      if (this.#waiting.get(phase)?.size === 0) marked.resolve();
    };
    for (const { child } of this.#running) child.stdin?.write(`phase ${phase}\n`);
    const gone = Promise.race(this.#running.map(async ({ client, ended }) => ended.then(() => client)));
    await Promise.race([marked.promise, gone.then((client) => this.#fail(client))]);
  }

  /** Ends the load and returns each client's account. */
  async stop(): Promise<ReadonlyMap<string, LoadSummary>> {
    for (const { child } of this.#running) child.stdin?.write('stop\n');
    const late = setTimeout(() => this.kill(), STOP_MS);
    await Promise.all(this.#running.map(({ ended }) => ended));
    clearTimeout(late);
    return new Map(this.#running.map(({ client, summary }) => [client, summary ?? this.#fail(client)]));
  }

  /** For the way out: nothing is summed up. */
  kill(): void {
    for (const { child } of this.#running) child.kill('SIGKILL');
  }

  #onMarked: () => void = () => {};

  #follow(running: Running): void {
    const { child } = running;
    child.stderr?.on('data', (chunk: Buffer) => {
      running.errors = (running.errors + chunk.toString()).slice(-400);
    });
    child.stdin?.on('error', () => {}); // its end says so
    child.once('error', (error) => {
      running.errors = error.message;
    });
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const message = JSON.parse(line) as LoadSecond | LoadSummary | { type: 'phase'; name: string };
      if (message.type === 'second') {
        running.second = message;
        this.onSecond(running.client, message);
      } else if (message.type === 'summary') running.summary = message;
      else {
        this.#waiting.get(message.name)?.delete(running.client);
        this.#onMarked();
      }
    });
  }

  #fail(client: string): never {
    const { errors } = this.#running.find((running) => running.client === client)!;
    throw new DemoError(`the load generator of ${client} ended: ${errors.trim() || 'without a word'}`);
  }
}
