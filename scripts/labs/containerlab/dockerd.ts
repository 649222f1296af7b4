// Finds a running Docker or starts an isolated one, and stops exactly what it started. The isolated one lives in mount,
// network and PID namespaces of its own (`isolated-dockerd`), so that the host's links, firewall, sysctls and files stay as
// they are even when everything is killed. Knows nothing of images and labs.
import { spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { aptInstall } from './apt.ts';
import { findProgram, lastLines, run } from './command.ts';
import { cachePath } from './places.ts';

/** A Docker that answers. */
export interface Docker {
  /** As DOCKER_HOST takes it. */
  readonly host: string;
  /** Put before a command that must see Docker's network and process ids (containerlab); empty for a system Docker. */
  readonly enter: readonly string[];
  /** True when it was started by us, now or by an earlier run. */
  readonly isolated: boolean;
}

const stateSchema = z.strictObject({
  /** The `unshare` whose death ends all of it. */
  holder: z.int(),
  /** Field 22 of /proc/PID/stat, which tells a process from a later one with the same id. */
  holderStart: z.string(),
  directory: z.string(),
  cgroup: z.string(),
});
type State = z.infer<typeof stateSchema>;

const statePath = () => cachePath('docker.json');
const startTimeoutMs = 30_000;

/** The Docker of DOCKER_HOST, else our isolated one when it runs, else the system's; undefined when none answers. */
export async function findDocker(): Promise<Docker | undefined> {
  const named = process.env.DOCKER_HOST;
  if (named !== undefined && named !== '') return (await answers(named)) ? systemDocker(named) : undefined;
  const state = readState();
  if (state !== undefined) {
    const ours = isolatedDocker(state);
    if (ours !== undefined && (await answers(ours.host))) return ours;
  }
  const host = 'unix:///var/run/docker.sock';
  return existsSync('/var/run/docker.sock') && (await answers(host)) ? systemDocker(host) : undefined;
}

/** As `findDocker`, and starts an isolated one when none answers. Throws with dockerd's last words. */
export async function ensureDocker(say: (line: string) => void): Promise<Docker> {
  const found = await findDocker();
  if (found !== undefined) return found;
  if (process.getuid?.() !== 0) throw new Error('no Docker answers, and starting one needs root');
  if (!dockerInstalled()) await aptInstall(['docker.io'], say);
  // Debian's package starts a system Docker where there is an init to do it.
  return (await findDocker()) ?? (await startDocker(say));
}

/** Whether the programs of Docker are there, running or not. */
export function dockerInstalled(): boolean {
  return findProgram('docker') !== undefined && findProgram('dockerd') !== undefined;
}

async function startDocker(say: (line: string) => void): Promise<Docker> {
  await stopDocker();
  const directory = mkdtempSync(cachePath('docker-'));
  const cgroup = `/cfnd-${basename(directory)}`;
  for (const name of ['data', 'private']) mkdirSync(join(directory, name));
  const logPath = join(directory, 'dockerd.log');
  const log = openSync(logPath, 'w');
  const namespaces = ['--net', '--mount', '--pid', '--mount-proc', '--propagation', 'private'];
  const init = [join(import.meta.dirname, 'isolated-dockerd'), directory, cgroup];
  const child = spawn('unshare', [...namespaces, '--fork', '--kill-child=SIGKILL', ...init], {
    cwd: '/',
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  child.unref();
  const { pid } = child;
  if (pid === undefined) throw new Error('cannot start unshare (util-linux)');
  const state: State = { holder: pid, holderStart: startTime(pid) ?? '', directory, cgroup };
  writeFileSync(statePath(), `${JSON.stringify(state)}\n`);
  const host = socketOf(directory);
  for (const deadline = Date.now() + startTimeoutMs; Date.now() < deadline; await sleep(50)) {
    if (await answers(host)) {
      const docker = isolatedDocker(state);
      if (docker === undefined) break;
      say('started an isolated dockerd (own network, mount and PID namespaces)');
      return docker;
    }
    if (child.exitCode !== null || child.signalCode !== null) break;
  }
  const words = lastLines(readFileSync(logPath, 'utf8'), 8);
  await stopDocker();
  throw new Error(`dockerd did not start: ${words}`);
}

/** Stops the isolated Docker, whoever of us started it, and removes all it left; true when there was one. */
export async function stopDocker(): Promise<boolean> {
  const state = readState();
  if (state === undefined) return false;
  if (startTime(state.holder) === state.holderStart) process.kill(state.holder, 'SIGKILL');
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; await sleep(20)) {
    if (startTime(state.holder) !== state.holderStart && removeCgroups(state.cgroup)) break;
  }
  rmSync(state.directory, { recursive: true, force: true, maxRetries: 5 });
  rmSync(statePath(), { force: true });
  return true;
}

/** Removes the control groups named `name` in every hierarchy; false while processes are still in one. */
function removeCgroups(name: string): boolean {
  const root = '/sys/fs/cgroup';
  const hierarchies = existsSync(root) ? ['.', ...readdirSync(root)] : [];
  let gone = true;
  for (const hierarchy of hierarchies) gone = removeDirectories(join(root, hierarchy, name)) && gone;
  return gone;
}

function removeDirectories(directory: string): boolean {
  if (!existsSync(directory)) return true;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) removeDirectories(join(directory, entry.name));
  }
  try {
    rmdirSync(directory);
    return true;
  } catch {
    return false;
  }
}

function systemDocker(host: string): Docker {
  return { host, enter: [], isolated: false };
}

function isolatedDocker(state: State): Docker | undefined {
  if (startTime(state.holder) !== state.holderStart) return undefined;
  // The holder itself stays outside the PID namespace that it made: its only child is that namespace's first process.
  const init = readFileSync(`/proc/${state.holder}/task/${state.holder}/children`, 'utf8').trim().split(' ')[0];
  if (init === undefined || init === '') return undefined;
  const enter = ['nsenter', '--target', init, '--mount', '--net', '--pid', `--wdns=${process.cwd()}`];
  return { host: socketOf(state.directory), enter, isolated: true };
}

const socketOf = (directory: string) => `unix://${join(directory, 'docker.sock')}`;

async function answers(host: string): Promise<boolean> {
  const options = { env: { DOCKER_HOST: host }, timeoutMs: 5_000 };
  return (await run(['docker', 'version', '--format', '{{.Server.Version}}'], options)).code === 0;
}

function readState(): State | undefined {
  if (!existsSync(statePath())) return undefined;
  const state = stateSchema.safeParse(JSON.parse(readFileSync(statePath(), 'utf8')));
  return state.success ? state.data : undefined;
}

/** When the process started, in clock ticks since boot; undefined when there is none. */
function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in parentheses, may hold blanks and parentheses itself.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
