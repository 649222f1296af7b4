// The order of everything that scripts/test checks, and what is left out on which machine. Ends with the totals on the last
// line and exit code 1 when anything failed. An interruption removes the running lab before it ends.
import { parseArgs } from 'node:util';
import { ensureContainerlab, findContainerlab } from '../labs/containerlab/containerlab-binary.ts';
import { dockerInstalled, ensureDocker, findDocker, stopDocker } from '../labs/containerlab/dockerd.ts';
import type { Engine } from '../labs/engine.ts';
import { containerlabEngine } from '../labs/engine-containerlab.ts';
import { netnsEngine } from '../labs/engine-netns.ts';
import type { LabFile } from '../labs/lab-file.ts';
import { labFiles, messageOf, runLab } from './labs.ts';
import { lintAndTypes, unitTests } from './programs.ts';
import { Tally } from './tally.ts';

const print = (line: string) => process.stdout.write(`${line}\n`);
const { values } = parseArgs({ options: { containerlab: { type: 'boolean', default: false } } });
const tally = new Tally(print);
const isRoot = process.getuid?.() === 0;
let running: { engine: Engine; lab: LabFile } | undefined;
let startedDocker = false;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    void cleanUp().finally(() => process.exit(130));
  });
}

await lintAndTypes(tally);
await unitTests(tally);
await runLabs(netnsEngine, isRoot ? undefined : 'network namespaces need root');
await runLabs(containerlabEngine, await containerlabObstacle());
await cleanUp();
print(tally.summary());
process.exitCode = tally.failed > 0 ? 1 : 0;

/** Every lab with one engine; `obstacle` says why not. */
async function runLabs(engine: Engine, obstacle: string | undefined): Promise<void> {
  if (obstacle !== undefined) {
    tally.leave(`labs with the engine ${engine.name}`, obstacle);
    return;
  }
  for (const path of labFiles()) {
    try {
      await runLab(engine, path, tally, (lab) => {
        running = lab === undefined ? undefined : { engine, lab };
      });
    } catch (error) {
      tally.check({ name: path, pass: false, detail: messageOf(error) });
    }
  }
}

/** Installs and starts what the containerlab engine needs where that was asked for; returns why it cannot be used. */
async function containerlabObstacle(): Promise<string | undefined> {
  if (!isRoot) return 'containerlab needs root';
  const installed = findContainerlab() !== undefined && (dockerInstalled() || (await findDocker()) !== undefined);
  if (!installed && !values.containerlab)
    return 'Docker and containerlab are not both installed (--containerlab does it)';
  try {
    await ensureContainerlab(print);
    const wasThere = await findDocker();
    const docker = await ensureDocker(print);
    startedDocker = docker.isolated && wasThere === undefined;
    return undefined;
  } catch (error) {
    return messageOf(error).split('\n')[0];
  }
}

async function cleanUp(): Promise<void> {
  const left = running;
  running = undefined;
  if (left !== undefined) await left.engine.destroy({ lab: left.lab.name, file: left.lab.path }, { force: false });
  if (startedDocker) await stopDocker();
}
