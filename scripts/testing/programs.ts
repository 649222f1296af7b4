// The stages that are programs of others: lint, type check, unit and kernel tests. Runs each and counts; decides nothing.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Tally } from './tally.ts';
import { countVitest } from './vitest-report.ts';

const root = join(import.meta.dirname, '..', '..');
/** Longer is a hang: the whole of it takes five minutes on two cores, and ten where their memory is slow. */
const TESTS_MINUTES = 25;

export async function lintAndTypes(tally: Tally): Promise<void> {
  tally.stage('lint and types');
  for (const [name, argv] of [
    ['lint (biome)', ['biome', 'check', '.']],
    ['types (tsc)', ['tsc', '--noEmit']],
  ] as const) {
    const { code, output } = await runQuietly(argv);
    tally.check({ name, pass: code === 0, detail: output });
  }
}

export async function unitTests(tally: Tally): Promise<void> {
  tally.stage('unit and kernel tests (vitest)');
  const out = join(root, '.cache', 'vitest.json');
  mkdirSync(join(out, '..'), { recursive: true });
  rmSync(out, { force: true });
  const argv = ['vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${out}`];
  const code = await runAloud(argv);
  if (!existsSync(out)) {
    tally.check({
      name: 'vitest',
      pass: false,
      detail: `ended with ${code} and no report; it is ended after ${TESTS_MINUTES} minutes`,
    });
    return;
  }
  const counts = countVitest(readFileSync(out, 'utf8'), code);
  tally.add(counts.passed, counts.failed);
  for (const [file, count] of counts.skipped) tally.leave(relative(root, file), `${count} tests skipped, reason above`);
}

function runQuietly(argv: readonly string[]): Promise<{ code: number; output: string }> {
  const { promise, resolve } = Promise.withResolvers<{ code: number; output: string }>();
  const [file = '', ...args] = argv;
  const child = spawn(file, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  child.on('error', (error) => resolve({ code: 127, output: error.message }));
  child.on('close', (code) => resolve({ code: code ?? -1, output }));
  return promise;
}

function runAloud(argv: readonly string[]): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const [file = '', ...args] = argv;
  const child = spawn(file, args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: TESTS_MINUTES * 60_000,
  });
  child.on('error', () => resolve(127));
  child.on('close', (code) => resolve(code ?? -1));
  return promise;
}
