// Our own link emulator as a child process (linkem.c): builds it at first use, speaks its commands. Decides nothing about
// which link needs it.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { LabError } from './engine.ts';
import type { LinkQuality } from './impairment.ts';

const HERE = dirname(fileURLToPath(import.meta.url));
const SOURCE = join(HERE, 'linkem.c');
const CACHE = resolve(HERE, '../../.cache');

export interface RelayEnd {
  /** Path of the network namespace, e.g. /proc/17/ns/net. */
  readonly netns: string;
  readonly interface: string;
  readonly mac: string;
}

/** Why links cannot be relayed on this machine, or undefined when they can. */
export function relayObstacle(): string | undefined {
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
    return undefined;
  } catch {
    return '/dev/net/tun cannot be opened';
  }
}

/** The program's path, compiled when its source has changed; throws LabError without a C compiler. */
export async function buildRelay(): Promise<string> {
  const version = createHash('sha256').update(readFileSync(SOURCE)).digest('hex').slice(0, 12);
  const program = join(CACHE, `linkem-${version}`);
  if (existsSync(program)) return program;
  mkdirSync(CACHE, { recursive: true });
  const draft = `${program}.${process.pid}`;
  try {
    await promisify(execFile)('cc', ['-O2', '-o', draft, SOURCE]);
  } catch (cause) {
    throw new LabError(`links with a delay need a C compiler: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
  }
  renameSync(draft, program); // two runners may build at once; either result is good
  return program;
}

export class LinkRelay {
  readonly #child: ChildProcess;
  readonly #waiting: { resolve: (answer: string) => void; reject: (error: Error) => void }[] = [];

  private constructor(child: ChildProcess) {
    this.#child = child;
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const next = this.#waiting.shift();
      if (line.startsWith('error')) next?.reject(new LabError(`link ${line.slice('error '.length)}`));
      else next?.resolve(line.slice('ok'.length).trim());
    });
    const end = (why: string) => {
      for (const { reject } of this.#waiting.splice(0)) reject(new LabError(`the link relay ended: ${why}`));
    };
    child.once('error', (error) => end(error.message));
    child.once('exit', (code, signal) => end(String(signal ?? code)));
    child.stdin?.on('error', () => {}); // its exit says so
  }

  static async start(env: Readonly<Record<string, string>>): Promise<LinkRelay> {
    const program = await buildRelay();
    return new LinkRelay(spawn(program, [], { stdio: ['pipe', 'pipe', 'inherit'], env: { ...env } }));
  }

  /** Creates both ends, up; throws LabError with the step and errno that failed. */
  async add(id: string, ends: readonly [RelayEnd, RelayEnd], mtu: number): Promise<void> {
    const words = ends.flatMap((end) => [end.netns, end.interface, end.mac]);
    await this.#command(['link', id, ...words, mtu]);
  }

  async setQuality(id: string, { delayUs, jitterUs, lossPercent, rateBps }: LinkQuality): Promise<void> {
    await this.#command(['set', id, delayUs, jitterUs, Math.round(lossPercent * 10_000), rateBps]);
  }

  async setCarrier(id: string, up: boolean): Promise<void> {
    await this.#command(['carrier', id, up ? 1 : 0]);
  }

  /** Ends the relay; its TAP devices go with it. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#hasEnded()) return resolve();
      this.#child.once('exit', () => resolve());
      this.#child.kill('SIGKILL');
    });
  }

  #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  #command(words: readonly (string | number)[]): Promise<string> {
    return new Promise((resolve, reject) => {
      if (this.#hasEnded()) return reject(new LabError('the link relay has ended'));
      this.#waiting.push({ resolve, reject });
      this.#child.stdin?.write(`${words.join(' ')}\n`);
    });
  }
}
