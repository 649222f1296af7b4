// Programs of an end-to-end lab: what an operator would start (cfnd, service hosts, clients), each in a namespace of its
// own, from the bundle. Keeps what they print; ends them by their own process ids. Knows no topology.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { appendFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { bundle, ROOTFS } from '../../scripts/bundle.ts';
import type { LoadSecond, LoadSummary } from '../../scripts/loadgen/loadgen.ts';
import type { Namespace } from '../fib/testing/namespaces.ts';

const HOME = join(ROOTFS, 'opt/cfnd');
export const NODE = join(HOME, 'bin/node');
/** Patience for anything that happens in a second on an idle machine. */
export const DEADLINE_MS = 60_000;
/** As much as a busy machine can be given: within a second, so that a SYN that is lost is a flow that fails. */
const CONNECT_TIMEOUT_MS = '950';

/** Path of a bundled program; `built` first. */
export function bundled(name: 'cfnd' | 'cfnctl' | 'cfn-service' | 'cfn-load'): string {
  return join(HOME, `${name}.mjs`);
}

export async function built(): Promise<void> {
  await bundle();
  if (!existsSync(join(HOME, 'nlsock.node'))) throw new Error('the netlink addon is not built: npm run build:native');
}

export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface ProgramOptions {
  /** Command that ends by executing its arguments, e.g. `setpriv`; in the namespace. */
  readonly wrapper?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export class Program {
  readonly child: ChildProcess;
  /** Lines of standard error that are not JSON. */
  readonly said: string[] = [];
  /** Lines of standard error that are. */
  readonly log: LogLine[] = [];
  /** Lines of standard output. */
  readonly output: string[] = [];
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;

  constructor(namespace: Namespace, command: readonly string[], options: ProgramOptions = {}) {
    const { wrapper = [], env = {} } = options;
    this.child = spawn('ip', ['netns', 'exec', namespace.name, ...wrapper, ...command], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    this.child.stdin?.on('error', () => {});
    createInterface({ input: this.child.stdout! }).on('line', (line) => this.output.push(line));
    createInterface({ input: this.child.stderr! }).on('line', (line) => this.#hear(namespace, line));
    this.ended = new Promise((resolve) => {
      this.child.once('close', (code, signal) => resolve({ code, signal }));
    });
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Lines of the log whose text matches, newest last. */
  lines(pattern: RegExp): LogLine[] {
    return this.log.filter((line) => pattern.test(line.msg));
  }

  /** Sends a signal and waits for the end; nothing when it has ended. */
  async end(signal: NodeJS.Signals): Promise<{ readonly code: number | null; readonly signal: string | null }> {
    if (this.running) this.child.kill(signal);
    return this.ended;
  }

  /** For failures: the last words. */
  tail(lines = 15): string {
    return [...this.said.slice(-lines), ...this.log.slice(-lines).map((line) => JSON.stringify(line))].join('\n');
  }

  #hear(namespace: Namespace, line: string): void {
    // Set this to a file to watch a failing run.
    const trace = process.env.CFND_E2E_LOG;
    if (trace !== undefined) appendFileSync(trace, `${namespace.name} ${line}\n`);
    if (!line.startsWith('{')) {
      this.said.push(line);
      return;
    }
    this.log.push(JSON.parse(line) as LogLine);
  }
}

/** A client: short TCP flows, long-lived ones and a 1 kHz UDP stream against the anycast address. */
export class Client {
  readonly #program: Program;
  readonly #namespace: Namespace;

  constructor(namespace: Namespace, args: readonly string[]) {
    this.#namespace = namespace;
    const command = [NODE, bundled('cfn-load'), '--duration', '0', '--connect-timeout-ms', CONNECT_TIMEOUT_MS, ...args];
    this.#program = new Program(namespace, command);
  }

  mark(phase: string): void {
    this.#program.child.stdin?.write(`phase ${phase}\n`);
  }

  rate(perSecond: number): void {
    this.#program.child.stdin?.write(`rate ${perSecond}\n`);
  }

  /** The last whole second. */
  get second(): LoadSecond | undefined {
    const line = this.#program.output.findLast((text) => text.includes('"type":"second"'));
    return line === undefined ? undefined : (JSON.parse(line) as LoadSecond);
  }

  async stop(): Promise<LoadSummary> {
    this.#program.child.stdin?.write('stop\n');
    await this.#program.ended;
    const last = this.#program.output.at(-1);
    if (last === undefined) throw new Error(`no summary in ${this.#namespace.name}: ${this.#program.tail()}`);
    return JSON.parse(last) as LoadSummary;
  }

  kill(): Promise<unknown> {
    return this.#program.end('SIGKILL');
  }
}

/** Runs a program to its end. */
export async function runToEnd(
  namespace: Namespace,
  command: readonly string[],
  options: ProgramOptions = {},
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const program = new Program(namespace, command, options);
  const { code } = await program.ended;
  const stderr = [...program.said, ...program.log.map((line) => JSON.stringify(line))].join('\n');
  return { code, stdout: program.output.join('\n'), stderr };
}

/** Datagrams that a namespace's own UDP sockets dropped for want of room: lost by a busy machine, not by forwarding. */
export function udpSocketDrops(namespace: Namespace): number {
  const rows = execFileSync('ip', ['netns', 'exec', namespace.name, 'cat', '/proc/net/udp6'], { encoding: 'utf8' });
  const [, ...sockets] = rows.trim().split('\n');
  return sockets.reduce((sum, row) => sum + Number(row.trim().split(/\s+/).at(-1)), 0);
}
