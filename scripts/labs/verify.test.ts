import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Engine, ExecResult } from './engine.ts';
import { parseLabFile } from './parse-clab.ts';
import { verifyLab } from './verify.ts';

const folder = mkdtempSync(join(tmpdir(), 'cfn-verify-'));
afterAll(() => rmSync(folder, { recursive: true }));
const lab = parseLabFile('name: x\ntopology: { nodes: { a: { kind: linux } } }', join(folder, 'x.clab.yml'), {});

/** An engine whose nodes print one text after the other, the last one for ever. */
function engineThatPrints(
  outputs: readonly Partial<ExecResult>[],
  hasQuality = true,
): Engine & { readonly runs: string[][] } {
  const runs: string[][] = [];
  const engine: Partial<Engine> & { runs: string[][] } = {
    name: 'netns',
    runs,
    hasLinkQuality: async () => hasQuality,
    exec: async (_ref, node, argv) => {
      const output = outputs[Math.min(runs.length, outputs.length - 1)];
      runs.push([node, ...argv]);
      return { cmd: argv, 'return-code': 0, stdout: '', stderr: '', ...output };
    },
  };
  return engine as Engine & { runs: string[][] };
}

function verify(checks: string, engine: Engine) {
  writeFileSync(join(folder, 'verify.yml'), `checks:\n${checks}`);
  return verifyLab(engine, lab);
}

test('a check is tried again until it passes', async () => {
  const engine = engineThatPrints([{ 'return-code': 1 }, { stdout: '[]' }, { stdout: '[{"state":"up","more":1}]' }]);
  const result = await verify('  - { name: n, nodes: [a], run: show "all of it", json: [{ state: up }] }', engine);
  expect(engine.runs).toEqual(Array(3).fill(['a', 'show', 'all of it']));
  expect(result).toMatchObject({
    lab: 'x',
    engine: 'netns',
    checks: [{ name: 'n', pass: true, expected: '[{"state":"up"}]' }],
  });
});

test('a check that never passes fails with the first difference, and the next ones still run', async () => {
  const checks = `
  - { name: one, nodes: [a], run: show, timeout: 150ms, json: { $all: { state: up } } }
  - { name: two, nodes: [a], run: show, matches: down }`;
  const { checks: results } = await verify(checks, engineThatPrints([{ stdout: '[{"state":"down"}]' }]));
  expect(results).toMatchObject([
    { name: 'one', pass: false, seen: 'a: $[0].state is "down", not "up"' },
    { name: 'two', pass: true },
  ]);
});

test('a check whose needs the engine lacks is left out and said so', async () => {
  const checks = `
  - { name: one, nodes: [a], run: show, needs: link-quality }
  - { name: two, nodes: [a], run: show }`;
  const result = await verify(checks, engineThatPrints([{}], false));
  expect(result.checks.map((check) => check.name)).toEqual(['two']);
  expect(result.leftOut).toEqual(['one: the links have no delay, loss or rate here']);
});

test('a wrong file is refused with every fault', async () => {
  const checks = '  - { name: one, nodes: [], run: show, colour: red, timeout: 5 }';
  await expect(verify(checks, engineThatPrints([{}]))).rejects.toThrow(
    /checks\.0\.nodes.*\n.*checks\.0\.timeout.*\n.*colour/s,
  );
});

test('what a node prints is compared with what another one names, both anew at every try', async () => {
  const check = (timeout: string) =>
    `  - { name: n, nodes: [a], run: who, timeout: ${timeout}, matches: '^(\\w+)', among: { node: b, run: show all, field: name } }`;
  const named = { stdout: '[{"weights":[{"name":"one"},{"name":"two"}]}]' };
  const engine = engineThatPrints([{ stdout: 'three\n' }, named, { stdout: 'two\n' }, named]);
  expect((await verify(check('30s'), engine)).checks).toMatchObject([
    { pass: true, expected: 'one of name in b: show all', seen: 'a: two' },
  ]);
  expect(engine.runs).toEqual([
    ['a', 'who'],
    ['b', 'show', 'all'],
    ['a', 'who'],
    ['b', 'show', 'all'],
  ]);
  expect((await verify(check('100ms'), engineThatPrints([{ stdout: 'three' }, named]))).checks).toMatchObject([
    { pass: false, seen: 'a: three is not what b names: one, two' },
  ]);
  expect(
    (await verify(check('100ms'), engineThatPrints([{ stdout: 'three' }, { stdout: 'oops' }]))).checks,
  ).toMatchObject([{ pass: false, seen: 'a: b printed no JSON: oops' }]);
});
