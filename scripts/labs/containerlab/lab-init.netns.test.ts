// lab-init as the first process of a PID namespace of its own, as Docker starts it.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { projectRoot } from './places.ts';

const init = join(projectRoot, 'containerlab', 'image', 'lab-init');
const isRoot = process.getuid?.() === 0;
if (!isRoot) console.log('skipped: lab-init needs root for a PID namespace');

let directory: string;
let unshare: ChildProcess;

/** Starts lab-init over `script`; what the script appends to $OUT is `said()`. */
function start(script: string, env: Record<string, string>): void {
  const mount = `mount -t tmpfs tmpfs /run && exec "$0" sh -c '${script}'`;
  const namespaces = ['--pid', '--mount', '--mount-proc', '--fork', '--kill-child=SIGKILL', '--propagation', 'private'];
  unshare = spawn('unshare', [...namespaces, 'sh', '-c', mount, init], {
    env: { PATH: process.env.PATH, OUT: join(directory, 'out'), ...env },
    stdio: 'ignore',
  });
}

function said(): string {
  try {
    return readFileSync(join(directory, 'out'), 'utf8');
  } catch {
    return '';
  }
}

async function until(what: string, isTrue: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 30_000; !isTrue(); await sleep(10)) {
    if (Date.now() > deadline) throw new Error(`never: ${what}; said ${JSON.stringify(said())}`);
  }
}

/** The namespace's first process: the only child of `unshare`. */
function first(): number {
  return Number(readFileSync(`/proc/${unshare.pid}/task/${unshare.pid}/children`, 'utf8').trim());
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lab-init-'));
});

afterEach(() => {
  unshare.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

test.skipIf(!isRoot)('in a lab the node outlives its command, which SIGHUP starts again', async () => {
  start('echo up >>$OUT', { CLAB_INTFS: '2' });
  await until('the first start', () => said() === 'up\n');
  // A command that has not ended yet is left alone: once more, then.
  await until('the second start', () => {
    if (said() !== 'up\n') return true;
    process.kill(first(), 'SIGHUP');
    return false;
  });
  expect(said()).toMatch(/^up\nup\n/);
  expect(unshare.exitCode).toBeNull();
});

test.skipIf(!isRoot)('SIGHUP leaves a command that runs alone, and SIGTERM ends it and the node', async () => {
  start('trap "echo bye >>$OUT; exit" TERM; echo up >>$OUT; while :; do sleep 0.02; done', { CLAB_INTFS: '1' });
  await until('the start', () => said() === 'up\n');
  process.kill(first(), 'SIGHUP');
  process.kill(first(), 'SIGTERM');
  await until('the end', () => unshare.exitCode !== null);
  expect(said()).toBe('up\nbye\n');
  expect(unshare.exitCode).toBe(0);
});

test.skipIf(!isRoot)('outside a lab the container ends with its command and its code', async () => {
  start('echo up >>$OUT; exit 5', {});
  await until('the end', () => unshare.exitCode !== null);
  expect(said()).toBe('up\n');
  expect(unshare.exitCode).toBe(5);
});
