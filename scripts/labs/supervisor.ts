// The runner of one lab: a process that makes the lab, reports once, and then holds it up until it is told to stop, its
// parent goes (where they are tied) or it dies, which ends every node. Started by engine-netns.ts, never by hand.
//   argv: JSON of SupervisorTask.   IPC: SupervisorReport, once.   control.sock: JSON lines, ControlRequest -> ControlReply.
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { getPriority, setPriority, userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type ExecResult, LabError } from './engine.ts';
import type { Impairment } from './impairment.ts';
import type { LabFile } from './lab-file.ts';
import * as state from './lab-state.ts';
import { NetnsLinks } from './netns-links.ts';
import { NetnsNode, runInNode } from './netns-node.ts';
import { setSessionPriority } from './priority.ts';

export interface SupervisorTask {
  readonly lab: LabFile;
  /** End when the parent does. */
  readonly tied: boolean;
  /** Directory whose `opt/cfnd` appears in every node. */
  readonly rootfs: string;
}

export type SupervisorReport =
  | {
      readonly kind: 'deployed';
      readonly warnings: readonly string[];
      readonly failedExecs: readonly (ExecResult & { readonly node: string })[];
    }
  | { readonly kind: 'failed'; readonly message: string };

export type ControlRequest =
  | { readonly kind: 'impair'; readonly link: string; readonly impairment: Impairment }
  | { readonly kind: 'cmd'; readonly node: string; readonly word: 'start' | 'stop' };

export type ControlReply = { readonly ok: true } | { readonly ok: false; readonly message: string };

/** Nice value of whoever deploys, which the commands of nodes have too. */
const PRIORITY = getPriority();
/** That of the runner and the `exec` lines. */
const RUNNER_PRIORITY = Math.max(-20, PRIORITY - 10);

const CACHE = resolve(dirname(fileURLToPath(import.meta.url)), '../../.cache/node-compile');

class Supervisor {
  readonly #task: SupervisorTask;
  readonly #deployedAtMs = Date.now();
  #nodes: NetnsNode[] = [];
  #links: NetnsLinks | undefined;
  #server: Server | undefined;
  #stopping: Promise<void> | undefined;

  constructor(task: SupervisorTask) {
    this.#task = task;
  }

  async deploy(): Promise<SupervisorReport> {
    const { lab, rootfs } = this.#task;
    const tag = Object.fromEntries([state.labTag(lab.name)]);
    for (const directory of [CACHE, join(rootfs, 'opt/cfnd')]) mkdirSync(directory, { recursive: true });
    const binds = [
      { source: join(rootfs, 'opt/cfnd'), target: '/opt/cfnd', readOnly: true },
      { source: CACHE, target: '/run/node-compile', readOnly: false },
    ];
    const started = await Promise.allSettled(
      lab.nodes.map((node) =>
        NetnsNode.start({
          node,
          directory: join(state.runtimeDirectory(lab.name), 'nodes', node.name),
          logFile: join(lab.directory, node.name, 'log'),
          binds,
          priority: PRIORITY,
          env: {
            ...tag,
            NODE_COMPILE_CACHE: '/run/node-compile',
            CLAB_INTFS: String(
              lab.links.flatMap((link) => link.endpoints).filter((end) => end.node === node.name).length,
            ),
          },
        }),
      ),
    );
    this.#nodes = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    const failed = started.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    for (const node of this.#nodes) node.onChange = () => this.#save();

    const byName = new Map(this.#nodes.map((node) => [node.plan.node.name, node]));
    this.#links = await NetnsLinks.plan({
      links: lab.links,
      netnsOf: (node) => `/proc/${byName.get(node)?.init.pid}/ns/net`,
      nameOf: (node) => byName.get(node)?.plan.node.longName ?? '',
      env: { ...tag, PATH: process.env.PATH ?? '' },
    });
    // Written before the names are taken, so that whatever exists under /run/netns is known to the reaper.
    this.#save();
    await ipBatch([
      ...this.#nodes.map((node) => `netns attach ${node.plan.node.longName} ${node.init.pid}`),
      ...this.#links.vethBatch(),
    ]);
    await this.#links.bringUp();
    await this.#listen();
    const execs = await Promise.all(this.#nodes.map((node) => this.#runExecs(node)));
    const warnings = [...lab.warnings, ...this.#links.warnings, ...this.#nodes.flatMap((node) => node.warnings)];
    return { kind: 'deployed', warnings, failedExecs: execs.flat() };
  }

  /** Removes everything that deploy() made; called again it waits for the first call. */
  stop(): Promise<void> {
    this.#stopping ??= this.#remove();
    return this.#stopping;
  }

  async #remove(): Promise<void> {
    const { lab } = this.#task;
    this.#server?.close();
    for (const node of this.#nodes) node.onChange = () => {};
    await Promise.all([this.#links?.close(), ...this.#nodes.map((node) => node.destroy())]);
    // Where deploying failed half way some names were never taken: go on to the next line then.
    await ipBatch(
      this.#nodes.map((node) => `netns del ${node.plan.node.longName}`),
      ['-force'],
    ).catch(() => {});
    state.releaseLab(lab.name);
  }

  async #runExecs(node: NetnsNode): Promise<(ExecResult & { node: string })[]> {
    const failed: (ExecResult & { node: string })[] = [];
    const { name, exec, startupDelayS } = node.plan.node;
    if (startupDelayS > 0) await new Promise((done) => setTimeout(done, startupDelayS * 1000));
    if (exec.length === 0) return [];
    // One process joins the node for all lines; it stops at the first that fails only to tell which one.
    for (let next = 0; next < exec.length; ) {
      const rest = exec.slice(next);
      const script = rest.map((argv, i) => `${argv.map(shellQuoted).join(' ')} || { c=$?; echo ${i} >&9; exit $c; }`);
      const result = await runInNode(node.state(), ['sh', '-c', `exec 9>&1 >&2; ${script.join('\n')}`]);
      if (result['return-code'] === 0) return failed;
      const index = next + Number(result.stdout.trim());
      failed.push({ ...result, node: name, cmd: exec[index] ?? [], stdout: '' });
      next = index + 1;
    }
    return failed;
  }

  #save(): void {
    const { lab } = this.#task;
    state.writeState({
      lab: lab.name,
      file: lab.path,
      directory: lab.directory,
      owner: userInfo().username,
      deployedAtMs: this.#deployedAtMs,
      supervisor: state.processRef(process.pid),
      hasLinkQuality: this.#links?.warnings.length === 0,
      nodes: this.#nodes.map((node) => node.state()),
    });
  }

  #listen(): Promise<void> {
    const path = state.controlSocket(this.#task.lab.name);
    this.#server = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      createInterface({ input: socket }).on('line', async (line) => {
        const reply = await this.#serve(line);
        socket.end(`${JSON.stringify(reply)}\n`);
      });
    });
    return new Promise((done, reject) => {
      this.#server?.once('error', reject);
      this.#server?.listen(path, () => {
        chmodSync(path, 0o600);
        done();
      });
    });
  }

  async #serve(line: string): Promise<ControlReply> {
    try {
      const request = JSON.parse(line) as ControlRequest;
      if (request.kind === 'impair') await this.#links?.impair(request.link, request.impairment);
      else this.#nodes.find((node) => node.plan.node.name === request.node)?.control(request.word);
      return { ok: true };
    } catch (error) {
      return { ok: false, message: error instanceof Error ? error.message : String(error) };
    }
  }
}

/** One process for any number of `ip` lines; throws LabError with what ip says. */
function ipBatch(lines: readonly string[], options: readonly string[] = []): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = execFile('ip', [...options, '-batch', '-'], (error, _stdout, stderr) => {
      if (error === null) resolve();
      else reject(new LabError(`ip: ${stderr.trim().replaceAll('\n', '; ') || error.message}`));
    });
    child.stdin?.on('error', () => {}); // its exit says so
    child.stdin?.end(lines.map((line) => `${line}\n`).join(''));
  });
}

function shellQuoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

async function main(): Promise<void> {
  const task = JSON.parse(process.argv[2] ?? '') as SupervisorTask;
  const supervisor = new Supervisor(task);
  // A session of its own, which has the priority of the deployer's only when told.
  if (PRIORITY !== 0) setSessionPriority(PRIORITY);
  try {
    // The daemons of a lab start while it is still being wired; ten of them at once would hold up the wiring they wait for.
    setPriority(RUNNER_PRIORITY);
  } catch {
    // Not allowed in a user namespace: the lab only takes longer.
  }
  const leave = () => void supervisor.stop().then(() => process.exit(0));
  process.on('SIGTERM', leave);
  process.on('SIGINT', leave);
  const report = (message: SupervisorReport) => new Promise((done) => process.send?.(message, done));
  if (task.tied) process.on('disconnect', leave);
  try {
    state.claimLab(task.lab.name);
  } catch (error) {
    await report({ kind: 'failed', message: error instanceof Error ? error.message : String(error) });
    process.exit(1);
  }
  try {
    await report(await supervisor.deploy());
    if (!task.tied) process.disconnect?.();
  } catch (error) {
    await supervisor.stop();
    await report({ kind: 'failed', message: error instanceof Error ? error.message : String(error) });
    process.exit(1);
  }
}

await main();
