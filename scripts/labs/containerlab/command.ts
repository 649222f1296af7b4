// Runs one program to its end and returns what it said. Decides nothing about what a failure means: callers that cannot
// go on use `runOrThrow`, callers that report use `run`. Knows no shell: arguments are a list, never a string.
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface CommandResult {
  /** Exit code; 128 + signal number is not imitated: a killed program has code -1. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly cwd?: string;
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** SIGKILL after this long; absent: never. */
  readonly timeoutMs?: number;
  /** Standard error goes straight to ours as it comes (progress of a long command), not into the result. */
  readonly showStderr?: boolean;
}

/** Runs `argv` and returns its result; a program that does not exist is code 127, as in a shell. */
export function run(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const [file = '', ...args] = argv;
  const { promise, resolve } = Promise.withResolvers<CommandResult>();
  const child = spawn(file, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', options.showStderr ? 'inherit' : 'pipe'],
    ...(options.timeoutMs === undefined
      ? {}
      : { timeout: Math.ceil(options.timeoutMs), killSignal: 'SIGKILL' as const }),
  });
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.on('error', (error) => resolve({ code: 127, stdout, stderr: stderr + error.message }));
  child.on('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
  // EPIPE of a program that does not read its input: its exit code says what happened.
  child.stdin?.on('error', () => {});
  child.stdin?.end(options.input);
  return promise;
}

/** As `run`; throws with the program's own last words when the exit code is not 0. */
export async function runOrThrow(argv: readonly string[], options: CommandOptions = {}): Promise<string> {
  const result = await run(argv, options);
  if (result.code === 0) return result.stdout;
  const said = lastLines(`${result.stdout}\n${result.stderr}`, 12);
  throw new Error(`${argv.slice(0, 3).join(' ')}… exited with ${result.code}${said === '' ? '' : `: ${said}`}`);
}

/** The last `count` lines of `text` that say anything, without terminal colours. */
export function lastLines(text: string, count: number): string {
  const lines = withoutColours(text)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return lines.slice(-count).join('\n');
}

/** `text` without ANSI escape sequences (ECMA-48 5.4), which containerlab writes even into a pipe. */
export function withoutColours(text: string): string {
  const introducer = String.fromCharCode(27);
  return text.replaceAll(new RegExp(`${introducer}\\[[0-9;]*[A-Za-z]`, 'g'), '');
}

/** Absolute path of `name` on PATH or in `extraDirectories`, in that order; undefined when there is none. */
export function findProgram(name: string, extraDirectories: readonly string[] = []): string | undefined {
  const directories = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin', ...extraDirectories];
  for (const directory of directories) {
    if (directory === '') continue;
    const path = join(directory, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here: the next directory.
    }
  }
  return undefined;
}
