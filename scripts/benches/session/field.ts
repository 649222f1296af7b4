// Runs of bench `session`: one daemon, ours or a BGP daemon, between ten senders and a receiver, and what it measured.
import { join } from 'node:path';
import { type BenchOptions, median } from '../report.ts';
import { buildClock } from '../update-clock/script.ts';
import { ADDRESS_BASE, DAEMON_ADDRESS, type Phase, type SessionLab } from './lab.ts';
import type { LoadSpec } from './session-load.ts';
import {
  cfnd,
  commandOf,
  type Delay,
  type Ends,
  HOLD_TIME_MS,
  LITTLE_DELAY,
  type PeerName,
  SESSION_PORT,
} from './subjects.ts';

export const ENDS: Ends = { senders: 10, receivers: 1 };
/** What latency.ts needs besides: who sends and who is told. */
const CLOCKS = 2;
export const FAR_ENDS = ENDS.senders + ENDS.receivers + CLOCKS;
export const SMALL = 10_000;
export const LARGE = 100_000;
const PACKED = 500;
const NODE = process.execPath;
const LOAD = join(import.meta.dirname, 'session-load.ts');

/** Runs of ours and theirs under the same load. */
export class Field {
  readonly #lab: SessionLab;
  readonly #bgpLoad: string;
  readonly #clock: NonNullable<LoadSpec['clock']>;
  readonly #options: BenchOptions;

  constructor(lab: SessionLab, bgpLoad: string, options: BenchOptions) {
    this.#lab = lab;
    this.#bgpLoad = bgpLoad;
    this.#clock = { program: buildClock(lab.directory), script: join(lab.directory, 'script') };
    this.#options = options;
  }

  async ours(spec: Partial<LoadSpec>, { probe = false, delay = LITTLE_DELAY } = {}): Promise<Phases> {
    const load: LoadSpec = {
      daemon: DAEMON_ADDRESS,
      port: SESSION_PORT,
      addressBase: ADDRESS_BASE,
      ...ENDS,
      count: SMALL,
      perMessage: PACKED,
      services: 0,
      churns: 0,
      trials: 0,
      states: 0,
      holdTimeMs: HOLD_TIME_MS,
      clock: this.#clock,
      ...spec,
    };
    this.#options.progress(`cfnd: ${load.senders} x ${load.count} routes, ${load.perMessage} a message`);
    const args = ['--max-old-space-size=8192', LOAD, JSON.stringify(load)];
    return this.#told(await this.#lab.measure(this.#cfnd(delay), [NODE, ...args], { probe }));
  }

  async theirs(peer: PeerName, count: number, perUpdate: number, churns = 0, trials = 0): Promise<Phases> {
    this.#options.progress(`${peer}: ${ENDS.senders} x ${count} routes, ${perUpdate} an UPDATE`);
    const { senders, receivers } = ENDS;
    const numbers = [senders, receivers, count, perUpdate, churns, trials].map(String);
    const command = commandOf(peer, this.#lab.directory, ENDS);
    return this.#told(await this.#lab.measure(command, [this.#bgpLoad, DAEMON_ADDRESS, ...numbers]));
  }

  /** Share of a processor that our daemon takes while it has nothing to do. */
  async shareAtRest(delay: Delay): Promise<number> {
    return await this.#lab.shareAtRest(this.#cfnd(delay));
  }

  #cfnd(delay: Delay): readonly string[] {
    return cfnd(this.#lab.directory, { ...ENDS, clocks: CLOCKS }, delay);
  }

  #told(measured: readonly Phase[]): Phases {
    const phases = new Phases(measured);
    const { seconds, cpuSeconds } = phases.of('ingest');
    this.#options.progress(`  all heard after ${seconds!.toFixed(2)} s, ${cpuSeconds.toFixed(2)} s of processor time`);
    return phases;
  }
}

export class Phases {
  readonly #phases: readonly Phase[];

  constructor(phases: readonly Phase[]) {
    this.#phases = phases;
  }

  of(name: string): Phase {
    const found = this.#phases.find(({ phase }) => phase === name);
    if (found === undefined) throw new Error(`no phase ${name}`);
    return found;
  }

  all(name: string): Phase[] {
    return this.#phases.filter(({ phase }) => phase === name);
  }

  rate(routes: number): number {
    return routes / this.of('ingest').seconds!;
  }

  cpuRate(routes: number): number {
    return routes / this.of('ingest').cpuSeconds;
  }

  /** Bytes that the process grew by at most while the routes came in, a route. */
  bytesPerRoute(routes: number): number {
    return (this.of('ingest').peakBytes - this.of('begin').rssBytes) / routes;
  }

  churnMs(): number {
    return 1000 * median(this.all('churn').map((it) => it.seconds!));
  }
}

export interface Pair {
  readonly ours: Phases;
  readonly peer: Phases;
}

export async function pairs(rounds: number, ours: () => Promise<Phases>, peer: () => Promise<Phases>): Promise<Pair[]> {
  const made: Pair[] = [];
  for (let i = 0; i < rounds; i++) {
    if (i % 2 === 0) made.push({ ours: await ours(), peer: await peer() });
    else {
      const first = await peer();
      made.push({ ours: await ours(), peer: first });
    }
  }
  return made;
}
