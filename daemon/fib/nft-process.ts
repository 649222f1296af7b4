// Runs the nft program: one kept open for transactions (0.3 ms a change; a process for each would cost 16 ms), and
// short-lived ones for reading. Decides when a transaction is complete and what its failure was; knows no rules.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';

export interface NftOptions {
  /** Name under /run/netns, or a path; default the process's own namespace. */
  readonly netns?: string | undefined;
  /** Default `nft`, found on PATH and in sbin. */
  readonly program?: string | undefined;
  /** A transaction without an answer for this long fails, and nft is started anew. */
  readonly timeoutMs?: number;
  /** An nft that has read this much is replaced: it keeps every line as history. Default 4 MiB. */
  readonly recycleBytes?: number;
}

/** `ok: false`: the kernel holds what it held before, unless `unknown`. */
export type NftOutcome =
  | { readonly ok: true }
  | { readonly ok: false; readonly text: string; readonly unknown: boolean };

export interface NftOutput {
  readonly ok: boolean;
  readonly output: string;
  /** nft's words when not ok. */
  readonly text: string;
  /** The program could not be started. */
  readonly missing: boolean;
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

interface Transaction {
  readonly line: string;
  readonly settle: (outcome: NftOutcome) => void;
}

const TIMEOUT_MS = 5000;
const RECYCLE_BYTES = 4 << 20;
const MAX_TEXT = 400;

/** Transactions one after the other, in order of `run`; a dead or silent nft is started anew with the next one. */
export class NftProcess {
  readonly #options: NftOptions;
  readonly #queue: Transaction[] = [];
  #child: Child | undefined;
  #running: { transaction: Transaction; marker: string; timer: NodeJS.Timeout } | undefined;
  #stderr = '';
  #fed = 0;
  #sequence = 0;
  #closed = false;

  constructor(options: NftOptions = {}) {
    this.#options = options;
  }

  /** Process id while nft runs. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts nft ahead of the first transaction, which then need not wait for it. */
  warm(): void {
    if (!this.#closed) this.#child ??= this.#spawn();
  }

  /** Runs commands as one transaction: all of them take effect at once, or none. Never rejects. */
  run(commands: readonly string[]): Promise<NftOutcome> {
    if (this.#closed) return Promise.resolve({ ok: false, text: 'nft was closed', unknown: false });
    if (commands.length === 0) return Promise.resolve({ ok: true });
    return new Promise((settle) => {
      this.#queue.push({ line: commands.join('; '), settle });
      this.#next();
    });
  }

  /** Waits for what was queued, then ends nft. */
  async close(): Promise<void> {
    if (this.#running || this.#queue.length > 0) await this.run(['list tables']);
    this.#closed = true;
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null) return;
    const exited = new Promise((resolve) => child.once('close', resolve));
    child.stdin.end();
    const timer = setTimeout(() => child.kill('SIGKILL'), this.#options.timeoutMs ?? TIMEOUT_MS);
    await exited;
    clearTimeout(timer);
  }

  #next(): void {
    if (this.#running) return;
    if (this.#fed > (this.#options.recycleBytes ?? RECYCLE_BYTES)) this.#recycle();
    const transaction = this.#queue.shift();
    if (!transaction) return;
    this.#child ??= this.#spawn();
    // nft -i says nothing when all is well. A word it cannot parse makes it speak up without asking the kernel, after
    // everything that was wrong with the transaction before it.
    const marker = `cfnd_done_${++this.#sequence}`;
    const timer = setTimeout(() => this.#drop('nft did not answer'), this.#options.timeoutMs ?? TIMEOUT_MS);
    this.#running = { transaction, marker, timer };
    this.#stderr = '';
    const text = `${transaction.line}\n${marker}\n`;
    this.#fed += text.length;
    this.#child.stdin.write(text);
  }

  #settle(outcome: NftOutcome): void {
    const running = this.#running;
    if (!running) return;
    this.#running = undefined;
    clearTimeout(running.timer);
    running.transaction.settle(outcome);
    this.#next();
  }

  #onStderr(child: Child, chunk: string): void {
    if (child !== this.#child || !this.#running) return;
    this.#stderr += chunk;
    const end = this.#stderr.indexOf(`\n${this.#running.marker}\n`);
    // The caret line under the marker ends the answer; without it, it would begin the next one.
    if (end < 0 || !/\^+\n/.test(this.#stderr.slice(end + 1))) return;
    const said = this.#stderr.slice(0, this.#stderr.lastIndexOf('Error: syntax error', end));
    this.#settle(said.includes('Error:') ? { ok: false, text: firstError(said), unknown: false } : { ok: true });
  }

  #spawn(): Child {
    const [command, ...args] = nftCommand(this.#options, ['-i']);
    const child = spawn(command!, args, { stdio: ['pipe', 'pipe', 'pipe'], env: nftEnvironment() });
    this.#child = child;
    this.#fed = 0;
    child.stdout.resume();
    child.stdin.on('error', () => {});
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => this.#onStderr(child, chunk));
    const gone = (why: string) => {
      if (child === this.#child) this.#drop(why);
    };
    child.once('error', (error) => gone(`cannot run nft: ${error.message}`));
    child.once('close', (code, signal) => gone(`nft ended (${signal ?? `status ${code}`})`));
    return child;
  }

  /** Gives up the process; whether the kernel took the running transaction is not known. */
  #drop(why: string): void {
    const child = this.#child;
    this.#child = undefined;
    if (child && child.exitCode === null) child.kill('SIGKILL');
    this.#settle({ ok: false, text: why, unknown: true });
  }

  #recycle(): void {
    const child = this.#child;
    this.#child = undefined;
    this.#fed = 0;
    child?.stdin.end();
  }
}

/** Runs nft once, e.g. to list. Never rejects. */
export function runNft(
  args: readonly string[],
  options: NftOptions & { readonly input?: string } = {},
): Promise<NftOutput> {
  return new Promise((resolve) => {
    const [command, ...rest] = nftCommand(options, args);
    const child = spawn(command!, rest, { stdio: ['pipe', 'pipe', 'pipe'], env: nftEnvironment() });
    let output = '';
    let said = '';
    const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? TIMEOUT_MS);
    child.stdin.on('error', () => {});
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (said += chunk));
    child.once('error', (error) => {
      clearTimeout(timer);
      resolve({ ok: false, output: '', text: `cannot run nft: ${error.message}`, missing: true });
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ ok: code === 0, output, text: code === 0 ? '' : firstError(said), missing: false });
    });
    child.stdin.end(options.input ?? '');
  });
}

function nftCommand({ netns, program = 'nft' }: NftOptions, args: readonly string[]): string[] {
  if (netns === undefined) return [program, ...args];
  return ['nsenter', `--net=${netns.includes('/') ? netns : `/run/netns/${netns}`}`, program, ...args];
}

/** An interactive nft writes its history to HOME: nowhere. sbin is where distributions put nft. */
function nftEnvironment(): NodeJS.ProcessEnv {
  return { PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin`, HOME: '/dev/null', LC_ALL: 'C' };
}

/**
 * The first complaint, with the words it points at: nft repeats the whole transaction in one line, which may be
 * kilobytes, and marks the place with carets in the next.
 */
function firstError(said: string): string {
  const lines = said.split('\n');
  const at = lines.findIndex((line) => line.startsWith('Error:'));
  const error = (at < 0 ? (lines[0] ?? '') : lines[at]!).slice(0, MAX_TEXT);
  const carets = at < 0 ? undefined : /\^[\^~]*/.exec(lines[at + 2] ?? '');
  if (!carets) return error;
  const command = lines[at + 1]!;
  const start = command.lastIndexOf(';', carets.index) + 1;
  const end = command.indexOf(';', carets.index);
  return `${error} at: ${command
    .slice(start, end < 0 ? undefined : end)
    .trim()
    .slice(0, MAX_TEXT)}`;
}
