// Where a deployed lab of the namespace runner is written down, and whose processes it is: one directory a lab under the
// runtime directory, made exclusively (that is the lock) and gone with the lab. Process ids are only believed together with
// their start time. Starts nothing; kills nothing.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LabError } from './engine.ts';

/** A process that cannot be mistaken for a later one with the same id. */
export interface ProcessRef {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat, clock ticks since boot. */
  readonly startTime: string;
}

export interface NodeState {
  readonly name: string;
  readonly longName: string;
  readonly kind: string;
  readonly image: string;
  /** First process of the node, as the runner sees it: enter its namespaces by it. */
  readonly init: ProcessRef;
  /** Environment of every command in the node. */
  readonly env: Readonly<Record<string, string>>;
  /** Process id of `cmd` inside the node; 0: the node has none. */
  readonly cmdPid: number;
  /** Set once `cmd` has ended. */
  readonly exitCode?: number;
}

export interface LabState {
  readonly lab: string;
  readonly file: string;
  readonly directory: string;
  readonly owner: string;
  readonly deployedAtMs: number;
  readonly supervisor: ProcessRef;
  /** Links have the delay, loss and rate of the file. */
  readonly hasLinkQuality: boolean;
  readonly nodes: readonly NodeState[];
}

/** `/run/cfn-lab` for root, private to the user otherwise. */
export function runtimeRoot(environment: NodeJS.ProcessEnv = process.env): string {
  const uid = process.getuid?.() ?? 0;
  if (environment.CFN_LAB_RUNTIME !== undefined) return environment.CFN_LAB_RUNTIME;
  return uid === 0 ? '/run/cfn-lab' : join(environment.XDG_RUNTIME_DIR ?? tmpdir(), `cfn-lab-${uid}`);
}

export function runtimeDirectory(lab: string): string {
  return join(runtimeRoot(), lab);
}

export function controlSocket(lab: string): string {
  return join(runtimeDirectory(lab), 'control.sock');
}

/** Every process of a lab carries this in its environment; the reaper finds it there. */
export function labTag(lab: string): readonly [string, string] {
  return ['CFN_LAB', runtimeDirectory(lab)];
}

/** Takes the lab's name for the calling process; throws LabError when somebody has it. */
export function claimLab(lab: string): void {
  mkdirSync(runtimeRoot(), { recursive: true, mode: 0o755 });
  // Made whole beside its place, so that nobody ever sees a lab without its owner and takes it for a dead one's.
  const draft = mkdtempSync(join(runtimeRoot(), '.claim-'));
  writeFileSync(join(draft, 'owner'), JSON.stringify(processRef(process.pid)));
  try {
    renameSync(draft, runtimeDirectory(lab));
  } catch (cause) {
    rmSync(draft, { recursive: true });
    throw new LabError(`lab ${lab} is deployed already; destroy it first (scripts/lab destroy --lab ${lab})`, {
      cause,
    });
  }
}

/** True when the lab's directory is there but the process that made it is not. */
export function isStale(lab: string): boolean {
  if (!existsSync(runtimeDirectory(lab))) return false;
  const owner = readJson<ProcessRef>(join(runtimeDirectory(lab), 'owner'));
  return owner === undefined || !isAlive(owner);
}

export function releaseLab(lab: string): void {
  rmSync(runtimeDirectory(lab), { recursive: true, force: true });
}

export function writeState(state: LabState): void {
  const file = join(runtimeDirectory(state.lab), 'state.json');
  writeFileSync(`${file}.new`, JSON.stringify(state, undefined, 2), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** Undefined when the lab is not deployed, or not yet. */
export function readState(lab: string): LabState | undefined {
  return readJson<LabState>(join(runtimeDirectory(lab), 'state.json'));
}

export function deployedLabs(): string[] {
  if (!existsSync(runtimeRoot())) return [];
  return readdirSync(runtimeRoot())
    .filter((name) => existsSync(join(runtimeDirectory(name), 'owner')) && !name.startsWith('.'))
    .sort();
}

export function requireState(lab: string): LabState {
  const state = readState(lab);
  if (state === undefined || isStale(lab)) throw new LabError(`lab ${lab} is not deployed`);
  return state;
}

/** Throws when there is no such process. */
export function processRef(pid: number): ProcessRef {
  const startTime = startTimeOf(pid);
  if (startTime === undefined) throw new LabError(`process ${pid} ended at once`);
  return { pid, startTime };
}

export function isAlive({ pid, startTime }: ProcessRef): boolean {
  return startTimeOf(pid) === startTime;
}

/** Undefined for a process that is gone or only waits to be reaped. */
function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses and may itself hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** Ids of all processes whose environment has the tag of the lab, the caller excepted. */
export function taggedProcesses(lab: string): number[] {
  const wanted = labTag(lab).join('=');
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .filter((entry) => {
      try {
        return readFileSync(`/proc/${entry}/environ`, 'latin1').split('\0').includes(wanted);
      } catch {
        return false; // ended meanwhile, or not ours to read
      }
    })
    .map(Number);
}

function readJson<T>(file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T;
  } catch {
    return undefined;
  }
}
