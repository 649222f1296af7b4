// Runs every lab end to end with one engine: deploys it, runs its checks, removes it and looks for what it left. The labs
// are tied to this process, so they end with it however it ends.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine } from '../labs/engine.ts';
import type { LabFile } from '../labs/lab-file.ts';
import { readLabFile } from '../labs/parse-clab.ts';
import { verifyLab } from '../labs/verify.ts';
import { leftovers, traces } from './leftovers.ts';
import type { Tally } from './tally.ts';

const folder = join(import.meta.dirname, '..', '..', 'containerlab');
const quietAfterMs = 30_000;

/** The labs of the project: one *.clab.yml a folder. */
export function labFiles(): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => readdirSync(join(folder, entry.name)).map((name) => join(folder, entry.name, name)))
    .filter((path) => path.endsWith('.clab.yml'))
    .sort();
}

/** Runs one lab; `deployed` is told before anything is made, so that an interruption knows what to remove. */
export async function runLab(
  engine: Engine,
  path: string,
  tally: Tally,
  deployed: (lab: LabFile | undefined) => void,
): Promise<void> {
  const lab = readLabFile(path);
  tally.stage(`lab ${lab.name} (${engine.name})`);
  if ((await engine.inspect(lab.name)).length > 0) {
    const detail = `it is deployed already: scripts/lab destroy --engine ${engine.name} --lab ${lab.name}`;
    tally.check({ name: `${lab.name} deploys`, pass: false, detail });
    return;
  }
  const before = traces();
  deployed(lab);
  try {
    await deployAndVerify(engine, lab, tally);
  } finally {
    await engine.destroy({ lab: lab.name, file: lab.path }, { force: false });
    deployed(undefined);
  }
  tally.check(await leavesNothing(lab, before));
}

async function deployAndVerify(engine: Engine, lab: LabFile, tally: Tally): Promise<void> {
  try {
    const report = await engine.deploy(lab, {
      tied: true,
      strict: false,
      onLine: (line) => process.stdout.write(`${line}\n`),
    });
    const failed = report.failedExecs.map(({ node, cmd, stderr }) => `${node}: ${cmd.join(' ')}: ${stderr.trim()}`);
    const name = `${lab.name} deploys (${report.nodes.length} nodes, ${report.tookMs} ms)`;
    tally.check({ name, pass: failed.length === 0, detail: failed.join('\n') });
    for (const warning of report.warnings) process.stdout.write(`note  ${warning}\n`);
    const result = await verifyLab(engine, lab, {
      onCheck: (check) =>
        tally.check({ name: `${check.name} (${check.tookMs} ms)`, pass: check.pass, detail: check.seen }),
    });
    for (const line of result.leftOut) {
      const at = line.indexOf(': ');
      tally.leave(`${lab.name} (${engine.name}), ${line.slice(0, at)}`, line.slice(at + 2));
    }
  } catch (error) {
    tally.check({ name: `${lab.name} deploys and can be checked`, pass: false, detail: messageOf(error) });
  }
}

/** The kernel takes away namespaces and their links a moment after the last process left: polled. */
async function leavesNothing(lab: LabFile, before: ReadonlySet<string>) {
  let left = leftovers(before);
  for (const deadline = Date.now() + quietAfterMs; left.length > 0 && Date.now() < deadline; left = leftovers(before)) {
    await sleep(50);
  }
  return { name: `${lab.name} leaves nothing behind`, pass: left.length === 0, detail: left.join('\n') };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
