// The namespace engine as `scripts/lab` and the demo see it: starts the runner of a lab (supervisor.ts), joins nodes, and
// removes a lab also when its runner is dead. Needs root, or a user namespace (rootless.ts).
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { BundleError, bundle, ROOTFS } from '../bundle.ts';
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
import * as labState from './lab-state.ts';
import { runInNode, spawnInNode } from './netns-node.ts';
import { isRoot } from './rootless.ts';
import type { ControlReply, ControlRequest, SupervisorReport, SupervisorTask } from './supervisor.ts';

const SUPERVISOR = join(dirname(fileURLToPath(import.meta.url)), 'supervisor.ts');
/** A runner that was told to stop has this long before its processes are killed. */
const STOP_MS = 5000;

export const netnsEngine: Engine = {
  name: 'netns',

  async deploy(lab: LabFile, options: DeployOptions): Promise<DeployReport> {
    const started = performance.now();
    if (!isRoot()) throw new LabError('namespaces need root: use scripts/lab, which makes a user namespace, or sudo');
    if (options.strict && lab.warnings.length > 0) throw new LabError(lab.warnings.join('\n'));
    if (labState.isStale(lab.name)) await reap(lab.name);
    for (const { source, target } of lab.nodes.flatMap((node) => node.binds))
      if (!existsSync(source)) throw new LabError(`${lab.path}: bind ${source}:${target}: there is no ${source}`);
    const missing = await bringPrograms(lab);
    const report = await runSupervisor({ lab, tied: options.tied, rootfs: ROOTFS });
    const tookMs = performance.now() - started;
    const notBuilt = missing.map((program) => `/opt/cfnd/bin/${program} is missing: its sources are not there`);
    return {
      lab: lab.name,
      engine: 'netns',
      tookMs: Math.round(tookMs),
      nodes: await this.inspect(lab.name),
      warnings: [...notBuilt, ...report.warnings],
      failedExecs: report.failedExecs,
    };
  },

  async destroy({ lab }: LabRef, { force }: { force: boolean }): Promise<{ removed: boolean }> {
    const was = existsSync(labState.runtimeDirectory(lab));
    const state = labState.readState(lab);
    if (!force && state !== undefined && labState.isAlive(state.supervisor)) {
      process.kill(state.supervisor.pid, 'SIGTERM');
      if (await until(() => !labState.isAlive(state.supervisor), STOP_MS)) return { removed: true };
    }
    if (was && !force && state === undefined && !labState.isStale(lab))
      throw new LabError(`lab ${lab} is being deployed; destroy --force interrupts that`);
    const reaped = was || force ? await reap(lab) : 0;
    return { removed: was || reaped > 0 };
  },

  inspect(lab?: string): Promise<readonly InspectRow[]> {
    const labs = labState.deployedLabs().filter((name) => lab === undefined || name === lab);
    return Promise.resolve(labs.flatMap(rowsOf));
  },

  async exec(
    ref: LabRef,
    node: string,
    argv: readonly string[],
    options?: { timeoutMs?: number },
  ): Promise<ExecResult> {
    return runInNode(nodeOf(ref, node), argv, options);
  },

  spawn(ref: LabRef, node: string, argv: readonly string[]): ChildProcess {
    return spawnInNode(nodeOf(ref, node), argv, { stdio: ['pipe', 'pipe', 'pipe'] });
  },

  async hasLinkQuality({ lab }: LabRef): Promise<boolean> {
    return labState.requireState(lab).hasLinkQuality;
  },

  impair({ lab }: LabRef, link: string, impairment: Impairment): Promise<void> {
    return control(lab, { kind: 'impair', link, impairment });
  },

  async killCmd(ref: LabRef, node: string): Promise<void> {
    const { exitCode } = nodeOf(ref, node);
    if (exitCode !== undefined) return;
    await control(ref.lab, { kind: 'cmd', node, word: 'stop' });
    if (!(await until(() => nodeOf(ref, node).exitCode !== undefined, STOP_MS)))
      throw new LabError(`the command of ${node} does not end`);
  },

  async startCmd(ref: LabRef, node: string): Promise<void> {
    const { cmdPid, exitCode } = nodeOf(ref, node);
    if (cmdPid !== 0 && exitCode === undefined) return;
    await control(ref.lab, { kind: 'cmd', node, word: 'start' });
    if (!(await until(() => nodeOf(ref, node).exitCode === undefined, STOP_MS)))
      throw new LabError(`the command of ${node} does not start`);
  },
};

/** Builds what the nodes of a lab call from /opt/cfnd; returns the programs whose sources are missing. */
async function bringPrograms(lab: LabFile): Promise<readonly string[]> {
  const words = lab.nodes.flatMap((node) => [...node.entrypoint, ...node.cmd, ...node.exec.flat()]);
  if (!words.some((word) => word.startsWith('/opt/cfnd/'))) return [];
  try {
    return (await bundle()).missing;
  } catch (cause) {
    if (cause instanceof BundleError) throw new LabError(cause.message, { cause });
    throw cause;
  }
}

/** Makes the folder of the lab too; it may have been another user's. */
function openLog(logFile: string): number {
  try {
    mkdirSync(dirname(logFile), { recursive: true });
    return openSync(logFile, 'w');
  } catch (cause) {
    throw new LabError(`the lab's folder cannot be written: ${(cause as Error).message}`, { cause });
  }
}

/** Resolves with its report; throws LabError with its reason when the lab cannot be made. */
function runSupervisor(task: SupervisorTask): Promise<Extract<SupervisorReport, { kind: 'deployed' }>> {
  return new Promise((resolve, reject) => {
    // A file, not a pipe: the runner and its relay outlive the reader, and a broken pipe would end them.
    const logFile = join(task.lab.directory, 'runner.log');
    const log = openLog(logFile);
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', SUPERVISOR, JSON.stringify(task)], {
      detached: true,
      stdio: ['ignore', log, log, 'ipc'],
      env: { ...process.env, ...Object.fromEntries([labState.labTag(task.lab.name)]) },
    });
    closeSync(log);
    child.once('error', reject);
    child.once('exit', (code) =>
      reject(new LabError(`the runner ended with ${code}: ${readFileSync(logFile, 'utf8').trim()}`)),
    );
    child.once('message', (message) => {
      const report = message as SupervisorReport;
      child.removeAllListeners('exit');
      if (report.kind === 'failed') {
        reject(new LabError(report.message));
        return;
      }
      if (!task.tied) child.disconnect();
      // The lab must not keep the caller alive; its end is noticed by the closed channel.
      child.channel?.unref();
      child.unref();
      resolve(report);
    });
  });
}

/** Kills what is left of a lab whose runner is dead or deaf, then removes its names. Resolves with how many it killed. */
async function reap(lab: string): Promise<number> {
  const state = labState.readState(lab);
  const processes = labState.taggedProcesses(lab);
  for (const pid of processes) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // ended meanwhile
    }
  }
  await until(() => labState.taggedProcesses(lab).length === 0, STOP_MS);
  for (const { longName } of state?.nodes ?? [])
    if (existsSync(`/run/netns/${longName}`)) await promisify(execFile)('ip', ['netns', 'del', longName]);
  labState.releaseLab(lab);
  return processes.length;
}

async function control(lab: string, request: ControlRequest): Promise<void> {
  labState.requireState(lab);
  return new Promise((resolve, reject) => {
    const socket = createConnection(labState.controlSocket(lab));
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      text += chunk;
    });
    socket.once('error', (cause) => reject(new LabError(`the runner of lab ${lab} does not answer`, { cause })));
    socket.once('end', () => {
      const reply = JSON.parse(text) as ControlReply;
      if (reply.ok) resolve();
      else reject(new LabError(reply.message));
    });
    socket.write(`${JSON.stringify(request)}\n`);
  });
}

function nodeOf({ lab }: LabRef, node: string): labState.NodeState {
  const { nodes } = labState.requireState(lab);
  const found = nodes.find(({ name, longName }) => name === node || longName === node);
  if (found === undefined)
    throw new LabError(`lab ${lab} has no node ${node}; it has ${nodes.map(({ name }) => name).join(', ')}`);
  return found;
}

function rowsOf(lab: string): InspectRow[] {
  const state = labState.readState(lab);
  if (state === undefined || labState.isStale(lab)) return [];
  return state.nodes.map((node) => ({
    lab_name: lab,
    labPath: relative(process.cwd(), state.file),
    absLabPath: state.file,
    name: node.longName,
    container_id: String(node.init.pid),
    image: node.image,
    kind: node.kind,
    state: node.exitCode === undefined && labState.isAlive(node.init) ? 'running' : 'exited',
    status: statusOf(node, state.deployedAtMs),
    ipv4_address: 'N/A',
    ipv6_address: 'N/A',
    owner: state.owner,
  }));
}

function statusOf(node: labState.NodeState, sinceMs: number): string {
  if (node.exitCode !== undefined) return `Exited (${node.exitCode})`;
  const seconds = Math.round((Date.now() - sinceMs) / 1000);
  return seconds < 120 ? `Up ${seconds} seconds` : `Up ${Math.round(seconds / 60)} minutes`;
}

/** Polls; false when it did not become true in time. */
async function until(condition: () => boolean, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while (!condition()) {
    if (performance.now() > deadline) return false;
    await new Promise((done) => setTimeout(done, 5));
  }
  return true;
}
