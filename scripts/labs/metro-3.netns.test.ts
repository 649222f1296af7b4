// metro-3 as it is checked in, daemons and all, on the real kernel under a name of its own: deploy, verify, destroy.
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { netnsEngine } from './engine-netns.ts';
import { relayObstacle } from './link-relay.ts';
import { readLabFile } from './parse-clab.ts';
import { verifyLab } from './verify.ts';

const folder = mkdtempSync(join(tmpdir(), 'cfn-metro-3-'));
const lab = `metro${process.pid}`;
const obstacle = process.getuid?.() === 0 ? (relayObstacle() ?? '') : 'not root';
if (obstacle !== '') process.stderr.write(`metro-3.netns.test.ts: left out: ${obstacle}\n`);

afterAll(async () => {
  if (obstacle === '') await netnsEngine.destroy({ lab }, { force: true });
  rmSync(folder, { recursive: true });
});

test.skipIf(obstacle !== '')('metro-3 converges and passes its checks', { timeout: 600_000 }, async () => {
  const source = new URL('../../containerlab/metro-3/', import.meta.url).pathname;
  for (const part of ['configs', 'verify.yml']) cpSync(join(source, part), join(folder, part), { recursive: true });
  const text = readFileSync(join(source, 'metro-3.clab.yml'), 'utf8');
  const file = join(folder, `${lab}.clab.yml`);
  writeFileSync(file, text.replace('name: metro-3', `name: ${lab}`));

  const parsed = readLabFile(file);
  const report = await netnsEngine.deploy(parsed, { tied: true, strict: true });
  expect(report.failedExecs).toEqual([]);
  expect(report.warnings).toEqual([]);
  expect(report.nodes).toHaveLength(12);

  const result = await verifyLab(netnsEngine, parsed);
  expect(result.leftOut).toEqual([]);
  expect(result.checks.filter((check) => !check.pass)).toEqual([]);

  // Nobody has used it: all sites are as fast, and the nearest is the best.
  const ref = { lab, file };
  const served = () =>
    netnsEngine.exec(ref, 'u1', ['curl', '-gsf', '-m', '2', 'http://[fd00:cafe::80]/instance'], { timeoutMs: 5000 });
  await vi.waitFor(async () => expect((await served()).stdout).toContain('sv1'), { timeout: 60_000, interval: 200 });

  await netnsEngine.destroy({ lab }, { force: false });
  expect(await netnsEngine.inspect(lab)).toEqual([]);
  expect(existsSync(`/run/netns/clab-${lab}-in1`)).toBe(false);
});
