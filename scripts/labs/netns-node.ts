// One running node of the namespace runner: its first process (node-init.sh) in namespaces of its own, and commands that
// join them. The node lives as long as the pipe to its first process is open, so it cannot outlive the runner. Knows
// neither links nor other nodes.
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type ExecResult, LabError } from './engine.ts';
import type { LabNode } from './lab-file.ts';
import { type NodeState, type ProcessRef, processRef } from './lab-state.ts';

const INIT = join(dirname(fileURLToPath(import.meta.url)), 'node-init.sh');
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface NodePlan {
  readonly node: LabNode;
  /** Scratch directory of the runner, private to the node. */
  readonly directory: string;
  /** Standard output and error of `cmd`. */
  readonly logFile: string;
  /** Beside the node's own binds: the bundle, caches. */
  readonly binds: LabNode['binds'];
  readonly env: Readonly<Record<string, string>>;
  /** Nice value of `cmd`. */
  readonly priority: number;
}

export class NetnsNode {
  readonly plan: NodePlan;
  readonly warnings: string[] = [];
  /** Not known before the node is ready. */
  init: ProcessRef = { pid: 0, startTime: '' };
  cmdPid = 0;
  exitCode: number | undefined;
  /** Called when `cmd` starts or ends, and when the node itself does. */
  onChange: () => void = () => {};
  readonly #unshare: ChildProcess;

  private constructor(plan: NodePlan, unshare: ChildProcess) {
    this.plan = plan;
    this.#unshare = unshare;
  }

  /** Resolves when the node's root, sysctls and command are there; throws LabError with what init says otherwise. */
  static async start(plan: NodePlan): Promise<NetnsNode> {
    mkdirSync(plan.directory, { recursive: true });
    mkdirSync(dirname(plan.logFile), { recursive: true });
    const log = openSync(plan.logFile, 'w');
    const { node } = plan;
    const child = spawn(
      'unshare',
      [
        ...['--net', '--mount', '--uts', '--ipc', '--pid', '--fork', '--kill-child=SIGKILL', '--propagation=private'],
        ...['--', '/bin/sh', INIT, ...node.entrypoint, ...node.cmd],
      ],
      {
        stdio: ['pipe', 'pipe', 'pipe', log],
        env: {
          ...commandEnvironment(plan),
          NODE_DIR: plan.directory,
          NODE_HOSTNAME: node.hostname,
          NODE_NICE: String(plan.priority - getPriority()),
          NODE_BINDS: [...plan.binds, ...node.binds]
            .map(({ source, target, readOnly }) => [source, target, readOnly ? 'ro' : 'rw'].join('\t'))
            .join('\n'),
          NODE_SYSCTLS: Object.entries(node.sysctls)
            .map(([key, value]) => `${sysctlPath(key)}\t${value}`)
            .join('\n'),
        },
      },
    );
    closeSync(log);
    const running = new NetnsNode(plan, child);
    await running.#untilReady();
    return running;
  }

  /** Ends everything in the node. */
  destroy(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#unshare.exitCode !== null || this.#unshare.signalCode !== null) resolve();
      else {
        this.#unshare.once('exit', () => resolve());
        this.#unshare.kill('SIGKILL');
        this.#unshare.stdin?.destroy();
      }
    });
  }

  /** Ends `cmd` (SIGKILL) or starts it again; nothing happens when it is so already. */
  control(word: 'start' | 'stop'): void {
    if ((word === 'start') === (this.cmdPid === 0 || this.exitCode !== undefined))
      this.#unshare.stdin?.write(`${word}\n`);
  }

  state(): NodeState {
    const { node } = this.plan;
    return {
      name: node.name,
      longName: node.longName,
      kind: node.kind,
      image: node.image,
      init: this.init,
      env: commandEnvironment(this.plan),
      cmdPid: this.cmdPid,
      ...(this.exitCode === undefined ? {} : { exitCode: this.exitCode }),
    };
  }

  #untilReady(): Promise<void> {
    const child = this.#unshare;
    const { name } = this.plan.node;
    let failure = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      failure += chunk.toString();
    });
    child.stdin?.on('error', () => {}); // the node is gone: its exit says so
    return new Promise((resolve, reject) => {
      const failed = (why: string) => reject(new LabError(`node ${name} does not start: ${why.trim()}`));
      child.once('error', (error) => failed(error.message));
      child.once('exit', (code, signal) => {
        failed(failure || `its first process ended with ${signal ?? code}`);
        this.onChange();
      });
      createInterface({ input: child.stdout! }).on('line', (line) => {
        const [word = '', ...rest] = line.split(' ');
        if (word === 'WARN') this.warnings.push(`${name}: ${rest.join(' ')}`);
        else if (word === 'FAIL') failed(`${rest.join(' ')}${failure === '' ? '' : `: ${failure}`}`);
        else if (word === 'CMD') {
          this.cmdPid = Number(rest[0]);
          this.exitCode = undefined;
          this.onChange();
        } else if (word === 'EXIT') {
          this.exitCode = Number(rest[0]);
          this.onChange();
        } else if (word === 'READY') {
          this.init = processRef(firstChildOf(child.pid ?? 0));
          resolve();
        }
      });
    });
  }
}

/** Everything a command in the node finds in its environment; nothing of the runner's leaks in. */
function commandEnvironment({ node, env }: NodePlan): Record<string, string> {
  const labels = Object.entries(node.labels).map(
    ([key, value]) => [`CLAB_LABEL_${key.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`, value] as const,
  );
  return {
    PATH: DEFAULT_PATH,
    HOME: '/root',
    HOSTNAME: node.hostname,
    ...Object.fromEntries(labels),
    ...env,
    ...node.env,
  };
}

/** `net.ipv6.conf.eth0/1.forwarding` -> `net/ipv6/conf/eth0.1/forwarding`, as sysctl(8) reads it. */
function sysctlPath(key: string): string {
  return [...key].map((char) => (char === '.' ? '/' : char === '/' ? '.' : char)).join('');
}

function firstChildOf(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  if (children === '') throw new LabError(`process ${pid} has no child`);
  return Number(children.split(' ')[0]);
}

/** argv of a command that joins a node's namespaces; entering the mount namespace also changes to its root. */
export function joinNode(node: NodeState, argv: readonly string[]): string[] {
  const { pid } = node.init;
  return ['nsenter', `--target=${pid}`, '--net', '--mount', '--uts', '--ipc', '--pid', '--', ...argv];
}

/**
 * The kernel kills the command when nsenter, its parent outside, ends; unless that was before it could be asked to: then the
 * parent is not 0 (outside the namespace) any more, but the node's first process.
 */
const DIES_WITH_PARENT = ['setpriv', '--pdeathsig=KILL', '--', 'sh', '-c', '[ "$PPID" = 0 ] && exec "$@"', 'sh'];

/**
 * Starts argv in a node. `kill()` with any signal but SIGKILL reaches the command itself, which nsenter would not pass on;
 * SIGKILL, and any other end of the returned process, kills the command.
 */
export function spawnInNode(node: NodeState, argv: readonly string[], options: SpawnOptions): ChildProcess {
  const [program = '', ...args] = joinNode(node, [...DIES_WITH_PARENT, ...argv]);
  const child = spawn(program, args, { ...options, env: { ...node.env } });
  const killOuter = child.kill.bind(child);
  child.kill = (signal = 'SIGTERM') => {
    if (signal === 'SIGKILL' || signal === 9 || child.pid === undefined) return killOuter(signal);
    try {
      return process.kill(firstChildOf(child.pid), signal);
    } catch {
      return killOuter(signal); // not inside yet, or ended
    }
  };
  return child;
}

/** Runs argv in a node to its end. Code 124 after `timeoutMs`, as timeout(1) has it. */
export function runInNode(
  node: NodeState,
  argv: readonly string[],
  { timeoutMs, input }: { readonly timeoutMs?: number; readonly input?: string } = {},
): Promise<ExecResult> {
  return new Promise((resolve, reject) => {
    const child = spawnInNode(node, argv, { stdio: ['pipe', 'pipe', 'pipe'] });
    const output = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const)
      child[stream]?.setEncoding('utf8').on('data', (text: string) => {
        output[stream] += text;
      });
    child.stdin?.on('error', () => {}); // the command does not read
    child.stdin?.end(input ?? '');
    let late = false;
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            late = true;
            child.kill('SIGKILL');
          }, timeoutMs);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      const returned = late ? 124 : (code ?? (signal === null ? 1 : 137));
      resolve({ cmd: argv, 'return-code': returned, ...output });
    });
  });
}
