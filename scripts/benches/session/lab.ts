// Two namespaces joined by veth, a daemon in one and its load in the other, and what the daemon cost meanwhile: processor
// time of all its threads from schedstat (ns, kernel time in its context included) and memory from /proc.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { connectAdmin } from '../../../daemon/admin/client.ts';
import { atRest, cpuSeconds } from '../at-rest.ts';
import type { LoopReport } from './loop-probe.ts';

export const DAEMON_ADDRESS = 'fd00:1::1';
export const ADDRESS_BASE = 'fd00:1::1:';
const DAEMON_MAC = '02:00:00:00:00:01';
const LOAD_MAC = '02:00:00:00:00:02';

/** Of a cfnd under test, in the directory of the lab. */
export const ADMIN_SOCKET = 'cfnd.sock';

const PROBE = join(import.meta.dirname, 'loop-probe.ts');
const PROBE_MS = 5000;
const LOOK_EVERY_MS = 5;
const LEAD_MS = 1000;
const REST_MS = 5000;

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
  /** Of the daemon since the phase before, where it was started with the probe. */
  readonly loop?: LoopReport & { readonly timerLateMs: number };
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

  /** Name of the namespace that the daemon is in. */
  get daemonNs(): string {
    return this.#daemonNs;
  }

  /**
   * Starts a daemon, lets it come to rest, runs the load against it and returns what was measured; the daemon is killed then, and so are the
   * programs that were started `before` it, each with a moment's lead.
   */
  async measure(
    daemon: readonly string[],
    load: readonly string[],
    { probe = false, before = [] as readonly (readonly string[])[] } = {},
  ): Promise<Phase[]> {
    const others: ChildProcess[] = [];
    try {
      for (const program of before) {
        others.push(this.#start(this.#daemonNs, program, {}));
        await pause(LEAD_MS);
      }
      return await this.#measure(daemon, load, probe);
    } finally {
      await Promise.all(others.map(end));
    }
  }

  async #measure(daemon: readonly string[], load: readonly string[], probe: boolean): Promise<Phase[]> {
    const subject = this.#start(this.#daemonNs, daemon, probe ? this.#probe : {});
    let said = '';
    subject.stderr?.on('data', (bytes: Buffer) => {
      said = `${said}${bytes}`.slice(-SAID);
    });
    try {
      await atRest(pidOf(subject));
      return await this.#run(pidOf(subject), load, probe);
    } catch (error) {
      const how = subject.exitCode ?? subject.signalCode;
      if (how !== null) throw new Error(`${daemon[0]} ended with ${how}: ${said.trim()}`, { cause: error });
      throw error;
    } finally {
      await end(subject);
    }
  }

  /** Share of a processor that a daemon takes without load, once what it does is compiled. */
  async shareAtRest(daemon: readonly string[]): Promise<number> {
    const subject = this.#start(this.#daemonNs, daemon, {});
    try {
      await atRest(pidOf(subject));
      await pause(REST_MS);
      const before = cpuSeconds(pidOf(subject));
      const fromMs = performance.now();
      await pause(REST_MS);
      return (1000 * (cpuSeconds(pidOf(subject)) - before)) / (performance.now() - fromMs);
    } finally {
      await end(subject);
    }
  }

  close(): void {
    for (const ns of [this.#daemonNs, this.#loadNs]) ip(['netns', 'delete', ns], true);
    rmSync(this.directory, { recursive: true, force: true });
  }

  get #probe(): Record<string, string> {
    return { NODE_OPTIONS: `--import=${PROBE}`, CFND_BENCH_LOOP: join(this.directory, 'loop.json') };
  }

  #start(ns: string, [command, ...args]: readonly string[], env: Record<string, string>): ChildProcess {
    const verbose = process.env.CFND_BENCH_LOG !== undefined;
    return spawn('ip', ['netns', 'exec', ns, command!, ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', verbose ? 'inherit' : 'ignore', verbose ? 'inherit' : 'pipe'],
    });
  }

  /** Asks the daemon for what its probe saw since it was asked last; the load waits meanwhile. */
  async #loop(pid: number): Promise<NonNullable<Phase['loop']>> {
    // First, because to answer is a turn of the daemon that the next report would have in it.
    const timerLateMs = await this.#timerLateMs();
    const file = join(this.directory, 'loop.json');
    rmSync(file, { force: true });
    process.kill(pid, 'SIGUSR2');
    for (let waited = 0; !existsSync(file); waited += LOOK_EVERY_MS) {
      if (waited > PROBE_MS) throw new Error(`the probe of the daemon did not answer in ${PROBE_MS} ms`);
      await pause(LOOK_EVERY_MS);
    }
    const report = JSON.parse(readFileSync(file, 'utf8')) as LoopReport;
    return { ...report, timerLateMs };
  }

  /** How late a KEEPALIVE or hold timer fired at worst, as the daemon itself counts it. */
  async #timerLateMs(): Promise<number> {
    const admin = await connectAdmin(join(this.directory, ADMIN_SOCKET), PROBE_MS);
    try {
      const stages = (await admin.show('metrics')).filter(({ name }) => name === 'cfnd_stage_latency');
      const timers = stages.find(({ labels }) => (labels as { stage?: string }).stage === 'session-timer');
      return (timers?.histogram?.max ?? 0) / 1000;
    } finally {
      admin.close();
    }
  }

  async #run(pid: number, [command, ...args]: readonly string[], probe: boolean): Promise<Phase[]> {
    const child = spawn('ip', ['netns', 'exec', this.#loadNs, command!, ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const phases: Phase[] = [];
    let cpuBefore = 0;
    const ended = once(child, 'exit');
    for await (const line of createInterface({ input: child.stdout! })) {
      const cpu = cpuSeconds(pid);
      const { rssBytes, peakBytes } = memory(pid);
      const told = JSON.parse(line) as { phase: string };
      const waits = ['begin', 'ingest', 'states-begin', 'states'].includes(told.phase);
      const loop = probe && waits ? { loop: await this.#loop(pid) } : {};
      phases.push({ ...told, cpuSeconds: cpu - cpuBefore, rssBytes, peakBytes, ...loop });
      cpuBefore = cpu;
      if (waits) child.stdin!.write('\n');
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
