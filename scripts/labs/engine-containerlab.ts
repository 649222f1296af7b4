// The engine that lets the real containerlab run the lab: nodes are Docker containers of the image that scripts/image
// builds. Finds or starts Docker, calls containerlab, and gives its answers the shape that the other engine has. What
// a container cannot do is said in one line each, never imitated.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { BundleError } from '../bundle.ts';
import * as clab from './containerlab/clab-command.ts';
import { lastLines, run } from './containerlab/command.ts';
import { findContainerlab } from './containerlab/containerlab-binary.ts';
import { type Docker, dockerInstalled, ensureDocker, findDocker, stopDocker } from './containerlab/dockerd.ts';
import { ensureImage } from './containerlab/image.ts';
import * as links from './containerlab/links.ts';
import {
  type DeployOptions,
  type DeployReport,
  type Engine,
  type ExecResult,
  type InspectRow,
  LabError,
  type LabRef,
} from './engine.ts';
import type { Impairment } from './impairment.ts';
import type { LabFile } from './lab-file.ts';
import { readLabFile } from './parse-clab.ts';

const here = join(import.meta.dirname, 'containerlab');
/** Images that scripts/image makes; any other is the user's to provide. */
const ownImage = /^cfnd(:|$)/;

export const containerlabEngine: Engine = {
  name: 'containerlab',

  async deploy(lab: LabFile, options: DeployOptions): Promise<DeployReport> {
    const say = options.onLine ?? (() => {});
    const { binary, docker } = await bringUp(say);
    if ((await this.inspect(lab.name)).length > 0) {
      throw new LabError(`lab ${lab.name} is deployed already; destroy it first (destroy --lab ${lab.name})`);
    }
    for (const image of new Set(lab.nodes.map((node) => node.image))) await bringImage(docker, image, say);
    const started = performance.now();
    const result = await clab.call(binary, docker, ['deploy', '--topo', lab.path]);
    if (result.code !== 0) {
      await removeLab(binary, docker, { lab: lab.name, file: lab.path });
      throw new LabError(`containerlab: ${lastLines(result.stderr, 4).replaceAll('\n', ' | ')}`);
    }
    const tookMs = Math.round(performance.now() - started);
    if (options.tied) tie({ lab: lab.name, file: lab.path });
    return {
      lab: lab.name,
      engine: 'containerlab',
      tookMs,
      nodes: await this.inspect(lab.name),
      warnings: await links.applyQualities(binary, docker, lab),
      failedExecs: clab.parseFailedExecs(result.stderr, lab.nodes),
    };
  },

  async destroy(ref: LabRef, { force }): Promise<{ removed: boolean }> {
    const docker = await findDocker();
    const binary = findContainerlab();
    // `force` also ends an isolated Docker that is there but does not answer.
    if (docker === undefined || binary === undefined) return { removed: force && (await stopDocker()) };
    const removed = await removeLab(binary, docker, ref);
    if (docker.isolated && (force || (await clab.labs(docker)).length === 0)) await stopDocker();
    return { removed };
  },

  async inspect(lab?: string): Promise<readonly InspectRow[]> {
    const docker = await findDocker();
    const binary = findContainerlab();
    if (docker === undefined || binary === undefined || (await clab.labs(docker)).length === 0) return [];
    const result = await clab.call(binary, docker, ['inspect', '--all', '--format', 'json']);
    const rows = clab.parseInspect(result.stdout);
    return rows.filter((row) => lab === undefined || row.lab_name === lab);
  },

  async exec(ref: LabRef, node: string, argv: readonly string[], options = {}): Promise<ExecResult> {
    const { docker, container } = await nodeOf(ref, node);
    const { timeoutMs } = options;
    // Inside too: the end of `docker exec` does not end what it started.
    const limit = timeoutMs === undefined ? [] : ['timeout', '-s', 'KILL', (timeoutMs / 1000).toFixed(3)];
    const result = await run(['docker', 'exec', container, ...limit, ...argv], {
      env: { DOCKER_HOST: docker.host },
      ...(timeoutMs === undefined ? {} : { timeoutMs: timeoutMs + 2000 }),
    });
    return { cmd: argv, 'return-code': result.code, stdout: result.stdout, stderr: result.stderr };
  },

  spawn(ref: LabRef, node: string, argv: readonly string[]): ChildProcess {
    // A script of its own, because `docker exec` passes no signal on; it finds the container itself.
    return spawn(process.execPath, [join(here, 'spawn-in-node.ts'), ref.lab, node, '--', ...argv], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  },

  async hasLinkQuality(ref: LabRef): Promise<boolean> {
    const file = ref.file ?? (await this.inspect(ref.lab))[0]?.absLabPath;
    return file !== undefined && links.hasQualities(readLabFile(file));
  },

  async impair(ref: LabRef, link: string, impairment: Impairment): Promise<void> {
    const binary = findContainerlab();
    const docker = await findDocker();
    if (binary === undefined || docker === undefined) throw new LabError(`lab ${ref.lab} is not deployed`);
    const file = ref.file ?? (await this.inspect(ref.lab))[0]?.absLabPath;
    if (file === undefined) throw new LabError(`lab ${ref.lab} is not deployed`);
    await links.impair(binary, docker, readLabFile(file), link, impairment);
  },

  async killCmd(ref: LabRef, node: string): Promise<void> {
    const { docker, container } = await nodeOf(ref, node);
    const script = 'kill -KILL "$(cat /run/lab-command.pid)"';
    const result = await run(['docker', 'exec', container, 'sh', '-c', script], { env: { DOCKER_HOST: docker.host } });
    if (result.code !== 0) throw new LabError(`${node}: its command does not run, or its image has no lab-init`);
  },

  async startCmd(ref: LabRef, node: string): Promise<void> {
    const { docker, container } = await nodeOf(ref, node);
    const result = await run(['docker', 'kill', '--signal', 'HUP', container], { env: { DOCKER_HOST: docker.host } });
    if (result.code !== 0) throw new LabError(`${node}: ${lastLines(result.stderr, 1)}`);
  },
};

/** The two programs, the Docker one running; throws LabError that says how to get what is missing. */
async function bringUp(say: (line: string) => void): Promise<{ binary: string; docker: Docker }> {
  const binary = findContainerlab();
  const install = 'scripts/labs/containerlab/install gets it';
  if (binary === undefined) throw new LabError(`containerlab is not installed; ${install}`);
  if ((await findDocker()) === undefined && !dockerInstalled()) {
    throw new LabError(`no Docker answers and none is installed; ${install}`);
  }
  try {
    return { binary, docker: await ensureDocker(say) };
  } catch (cause) {
    throw new LabError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

async function bringImage(docker: Docker, image: string, say: (line: string) => void): Promise<void> {
  if (!ownImage.test(image)) return;
  try {
    const { built, source, tookMs } = await ensureImage(docker, image, say);
    if (built) say(`built image ${image} from ${source} in ${(tookMs / 1000).toFixed(1)} s`);
  } catch (cause) {
    const kind = cause instanceof BundleError ? '' : `image ${image}: `;
    throw new LabError(`${kind}${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

async function removeLab(binary: string, docker: Docker, ref: LabRef): Promise<boolean> {
  watchers.get(ref.lab)?.kill();
  watchers.delete(ref.lab);
  const was = (await clab.labs(docker)).includes(ref.lab);
  // Without containers there may still be a half-made lab directory and host entries.
  if (!was && (ref.file === undefined || !existsSync(readLabFile(ref.file).directory))) return false;
  const which = ref.file === undefined ? ['--name', ref.lab] : ['--topo', ref.file];
  const result = await clab.call(binary, docker, ['destroy', ...which, '--cleanup']);
  if ((await clab.labs(docker)).includes(ref.lab)) {
    throw new LabError(`containerlab: ${lastLines(result.stderr, 4).replaceAll('\n', ' | ')}`);
  }
  return was;
}

async function nodeOf(ref: LabRef, node: string): Promise<{ docker: Docker; container: string }> {
  const docker = await findDocker();
  const nodes = docker === undefined ? [] : await clab.containers(docker, ref.lab);
  if (docker === undefined || nodes.length === 0) throw new LabError(`lab ${ref.lab} is not deployed`);
  const found = nodes.find(({ name, container }) => name === node || container === node);
  if (found === undefined) {
    throw new LabError(`lab ${ref.lab} has no node ${node}; it has ${nodes.map(({ name }) => name).join(', ')}`);
  }
  return { docker, container: found.container };
}

/** Processes that remove labs tied to this process, by lab. */
const watchers = new Map<string, ChildProcess>();

/** Starts the process that removes the lab once this one is gone, however it went. */
function tie(ref: LabRef): void {
  const watcher = spawn(process.execPath, [join(here, 'destroy-after.ts'), ref.lab, ref.file ?? ''], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watchers.set(ref.lab, watcher);
  // Neither it nor the pipe, which closes with this process, keeps this process alive.
  watcher.unref();
  if (watcher.stdin instanceof Socket) watcher.stdin.unref();
}
