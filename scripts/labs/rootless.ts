// Labs without root: one sandbox a user, a process in a user, network, mount and PID namespace of its own, in which the same
// commands run again as its root. It has its own /run, so labs, locks and namespace names are private to it; it ends with
// its last lab. Decides nothing about labs.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { LabError } from './engine.ts';
import { isAlive, type ProcessRef, processRef, runtimeRoot } from './lab-state.ts';

/** Set inside the sandbox: the descriptor that closes when the command outside ends, however it does. */
const LIFELINE = 'CFN_LAB_LIFELINE';

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** True when the user has a sandbox: without one there is no lab to look into. */
export function hasSandbox(): boolean {
  return findSandbox() !== undefined;
}

/**
 * Runs `script` with `args` again inside the sandbox, on the caller's terminal; resolves with its exit code. `mayEnd`: the
 * sandbox ends afterwards if it holds no lab; a command that only looks must not end it under one that deploys.
 */
export async function runInSandbox(script: string, args: readonly string[], mayEnd: boolean): Promise<number> {
  const sandbox = findSandbox() ?? (await startSandbox());
  const enter = ['--target', String(sandbox.pid), '--user', '--preserve-credentials', '--mount', '--net', '--pid'];
  const child = spawn(
    'nsenter',
    [...enter, `--wd=${process.cwd()}`, '--', process.execPath, ...process.execArgv, script, ...args],
    { stdio: ['inherit', 'inherit', 'inherit', 'pipe'], env: { ...process.env, [LIFELINE]: '3' } },
  );
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => endLifeline(child));
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (exitCode, signal) => resolve(exitCode ?? (signal === null ? 1 : 130)));
  });
  if (mayEnd && labsIn(sandbox).length === 0) endSandbox(sandbox);
  return code;
}

/** Inside the sandbox: calls `onEnd` when the command outside is gone. Does nothing elsewhere. */
export function watchLifeline(onEnd: () => void): void {
  const descriptor = process.env[LIFELINE];
  if (descriptor === undefined) return;
  void import('node:net').then(({ Socket }) => {
    const socket = new Socket({ fd: Number(descriptor), readable: true, writable: false });
    socket.on('error', onEnd).on('close', onEnd).resume();
    socket.unref();
  });
}

function endLifeline(child: ChildProcess): void {
  (child.stdio[3] as { destroy?: () => void } | null | undefined)?.destroy?.();
}

function pointer(): string {
  return join(runtimeRoot(), 'sandbox.json');
}

function findSandbox(): ProcessRef | undefined {
  if (!existsSync(pointer())) return undefined;
  const sandbox = JSON.parse(readFileSync(pointer(), 'utf8')) as ProcessRef;
  if (isAlive(sandbox)) return sandbox;
  rmSync(pointer());
  return undefined;
}

async function startSandbox(): Promise<ProcessRef> {
  mkdirSync(runtimeRoot(), { recursive: true, mode: 0o700 });
  // It waits in `sleep`: as first process of its PID namespace it also reaps what is left to it.
  const script = 'mount -t tmpfs -o mode=755 tmpfs /run && ip link set lo up && echo READY && exec sleep infinity';
  const child = spawn(
    'unshare',
    ['--user', '--map-root-user', '--net', '--mount', '--pid', '--fork', '--mount-proc', '--', 'sh', '-c', script],
    { stdio: ['ignore', 'pipe', 'pipe'], detached: true },
  );
  let errors = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  await new Promise<void>((resolve, reject) => {
    const failed = (why: string) =>
      reject(new LabError(`needs root, or a kernel that lets users make namespaces: ${why.trim()}`));
    child.once('error', (error) => failed(error.message));
    child.once('exit', () => failed(errors || 'unshare failed'));
    createInterface({ input: child.stdout! }).once('line', () => resolve());
  });
  const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8');
  const sandbox = processRef(Number(children.trim().split(' ')[0]));
  writeFileSync(pointer(), JSON.stringify(sandbox), { mode: 0o600, flag: 'wx' });
  child.unref();
  child.stdout?.destroy();
  child.stderr?.destroy();
  return sandbox;
}

function labsIn(sandbox: ProcessRef): string[] {
  try {
    return readdirSync(`/proc/${sandbox.pid}/root/run/cfn-lab`);
  } catch {
    return [];
  }
}

function endSandbox(sandbox: ProcessRef): void {
  rmSync(pointer(), { force: true });
  if (isAlive(sandbox)) process.kill(sandbox.pid, 'SIGKILL');
}
