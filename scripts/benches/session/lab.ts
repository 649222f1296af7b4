// Two namespaces joined by veth, a daemon in one and its load in the other, and what the daemon cost meanwhile: processor
// time of all its threads from schedstat (ns, kernel time in its context included) and memory from /proc.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export const DAEMON_ADDRESS = 'fd00:1::1';
export const ADDRESS_BASE = 'fd00:1::1:';
const DAEMON_MAC = '02:00:00:00:00:01';
const LOAD_MAC = '02:00:00:00:00:02';

/** Of what a daemon said before it ended, so many characters are quoted. */
const SAID = 2000;

export interface Phase {
  readonly phase: string;
  readonly seconds?: number;
  readonly firstSeconds?: number;
  readonly p50?: number;
  readonly p99?: number;
  readonly gapMs?: number;
  /** Of the daemon, since the phase before. */
  readonly cpuSeconds: number;
  /** Of the daemon, now and at most. */
  readonly rssBytes: number;
  readonly peakBytes: number;
}

export class SessionLab {
  readonly directory = mkdtempSync(join(tmpdir(), 'cfnd-bench-'));
  readonly #daemonNs = `cfnd-bench-${process.pid}-d`;
  readonly #loadNs = `cfnd-bench-${process.pid}-l`;

  constructor(farEnds: number) {
    // Some daemons give up root before they open their files below it.
    chmodSync(this.directory, 0o711);
    for (const ns of [this.#daemonNs, this.#loadNs]) {
      ip(['netns', 'add', ns]);
      ip(['-n', ns, 'link', 'set', 'dev', 'lo', 'up']);
    }
    const veth = ['type', 'veth', 'peer', 'name', 'near', 'address', LOAD_MAC, 'netns', this.#loadNs];
    ip(['link', 'add', 'name', 'near', 'address', DAEMON_MAC, 'netns', this.#daemonNs, ...veth]);
    for (const ns of [this.#daemonNs, this.#loadNs]) ip(['-n', ns, 'link', 'set', 'dev', 'near', 'up']);
    ip(['-n', this.#daemonNs, 'address', 'add', `${DAEMON_ADDRESS}/64`, 'dev', 'near', 'nodad']);
    const addresses = Array.from({ length: farEnds }, (_, i) => `${ADDRESS_BASE}${(i + 1).toString(16)}`);
    batch(
      this.#loadNs,
      addresses.map((address) => `address add ${address}/64 dev near nodad`),
    );
    // The kernel learns 1,024 neighbours in all namespaces together; those that are said do not count.
    batch(
      this.#daemonNs,
      addresses.map((address) => `neigh replace ${address} lladdr ${LOAD_MAC} dev near nud permanent`),
    );
  }

  /** Starts a daemon, runs the load against it and returns what was measured; the daemon is killed then. */
  async measure(daemon: readonly string[], load: readonly string[]): Promise<Phase[]> {
    const subject = this.#start(this.#daemonNs, daemon);
    let said = '';
    subject.stderr?.on('data', (bytes: Buffer) => {
      said = `${said}${bytes}`.slice(-SAID);
    });
    try {
      return await this.#run(pidOf(subject), load);
    } catch (error) {
      const how = subject.exitCode ?? subject.signalCode;
      if (how !== null) throw new Error(`${daemon[0]} ended with ${how}: ${said.trim()}`, { cause: error });
      throw error;
    } finally {
      await end(subject);
    }
  }

  close(): void {
    for (const ns of [this.#daemonNs, this.#loadNs]) ip(['netns', 'delete', ns], true);
    rmSync(this.directory, { recursive: true, force: true });
  }

  #start(ns: string, [command, ...args]: readonly string[]): ChildProcess {
    const verbose = process.env.CFND_BENCH_LOG !== undefined;
    return spawn('ip', ['netns', 'exec', ns, command!, ...args], {
      stdio: ['ignore', verbose ? 'inherit' : 'ignore', verbose ? 'inherit' : 'pipe'],
    });
  }

  async #run(pid: number, [command, ...args]: readonly string[]): Promise<Phase[]> {
    const child = spawn('ip', ['netns', 'exec', this.#loadNs, command!, ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const phases: Phase[] = [];
    let cpuBefore = 0;
    const ended = once(child, 'exit');
    for await (const line of createInterface({ input: child.stdout! })) {
      const cpu = cpuSeconds(pid);
      const { rssBytes, peakBytes } = memory(pid);
      phases.push({ ...(JSON.parse(line) as { phase: string }), cpuSeconds: cpu - cpuBefore, rssBytes, peakBytes });
      cpuBefore = cpu;
      const { phase } = phases.at(-1)!;
      if (['begin', 'ingest', 'states-begin', 'states'].includes(phase)) child.stdin!.write('\n');
    }
    const [code] = (await ended) as [number | null];
    if (code !== 0) throw new Error(`the load against ${command} ended with ${code}`);
    return phases;
  }
}

/** `ip netns exec` becomes the program: its pid is the daemon's. */
function pidOf(child: ChildProcess): number {
  return child.pid!;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(process.env.CFND_BENCH_SIGNAL === undefined ? 'SIGKILL' : 'SIGTERM');
  await gone;
}

function cpuSeconds(pid: number): number {
  let ns = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    try {
      ns += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
    } catch {
      // The thread ended meanwhile.
    }
  }
  return ns / 1e9;
}

function memory(pid: number): { rssBytes: number; peakBytes: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const bytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0) * 1024;
  return { rssBytes: bytes('VmRSS'), peakBytes: bytes('VmHWM') };
}

function batch(ns: string, lines: readonly string[]): void {
  execFileSync('ip', ['-n', ns, '-6', '-batch', '-'], { input: `${lines.join('\n')}\n` });
}

function ip(args: readonly string[], mayFail = false): void {
  try {
    execFileSync('ip', args, { stdio: ['ignore', 'ignore', mayFail ? 'ignore' : 'inherit'] });
  } catch (error) {
    if (!mayFail) throw error;
  }
}
