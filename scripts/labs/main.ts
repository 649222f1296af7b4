// `scripts/lab`: the command line over the engines. Prints tables for people and, with `--format json`, what containerlab
// would print; decides nothing about how a lab is made. Exit 0 done, 1 not as wanted, 2 wrong usage.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import { ENGINES, type Engine, type EngineName, type ExecResult, LabError, type LabRef } from './engine.ts';
import { renderMermaid, renderText } from './graph.ts';
import { type Impairment, type LinkQuality, parseDelay, parseLoss, parseRate } from './impairment.ts';
import type { LabFile } from './lab-file.ts';
import { readLabFile } from './parse-clab.ts';
import { hasSandbox, isRoot, runInSandbox, watchLifeline } from './rootless.ts';
import { renderTable } from './table.ts';

interface CommonOptions {
  readonly topo?: string;
  readonly lab?: string;
  readonly engine: EngineName;
  readonly format: 'json' | 'table';
}

const program = new Command('lab')
  .description('Deploy, look into, disturb and check labs described by containerlab files.')
  .showHelpAfterError()
  .configureOutput({ outputError: (text, write) => write(text) })
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

function verb(name: string, what: string): Command {
  return program
    .command(name)
    .description(what)
    .option('-t, --topo <file>', 'containerlab file (default: the only *.clab.yml here)')
    .option('--lab <name>', 'name of a deployed lab')
    .addOption(new Option('--engine <engine>', 'who runs the nodes').choices(ENGINES).default('netns'))
    .addOption(new Option('--format <format>', 'output').choices(['json', 'table']).default('table'));
}

verb('deploy', 'make the lab and return; it stays until destroy')
  .option('--foreground', 'stay, and end the lab with this process')
  .option('--strict', 'fail where the file asks for something that is not mirrored')
  .option('--ignore-exec-errors', 'as containerlab does: a failed exec is only reported')
  .action(async (options: CommonOptions & { foreground?: boolean; strict?: boolean; ignoreExecErrors?: boolean }) => {
    const lab = fileToDeploy(options);
    const engine = await engineOf(options);
    const report = await engine.deploy(lab, {
      tied: options.foreground ?? false,
      strict: options.strict ?? false,
      onLine: (line) => process.stderr.write(`${line}\n`),
    });
    for (const warning of report.warnings) process.stderr.write(`warning: ${warning}\n`);
    for (const failed of report.failedExecs) process.stderr.write(`error: ${failed.node}: ${describeExec(failed)}\n`);
    if (options.format === 'json') printJson({ [report.lab]: report.nodes });
    else
      process.stdout.write(
        `${report.lab}: ${report.nodes.length} nodes, ${lab.links.length} links, ${report.tookMs} ms (${report.engine})\n`,
      );
    if (report.failedExecs.length > 0 && options.ignoreExecErrors !== true) process.exitCode = 1;
    if (options.foreground === true) await untilSignalled(engine, { lab: lab.name, file: lab.path });
  });

verb('destroy', 'remove the lab; nothing to remove is success')
  .option('--force', 'also kill and remove what a dead runner left behind')
  .action(async (options: CommonOptions & { force?: boolean }) => {
    const engine = await engineOf(options);
    const ref = refOf(options);
    const { removed } = await engine.destroy(ref, { force: options.force ?? false });
    process.stdout.write(`${ref.lab}: ${removed ? 'removed' : 'was not deployed'}\n`);
  });

verb('inspect', 'list the nodes of all labs, or of one').action(async (options: CommonOptions) => {
  const engine = await engineOf(options);
  const one = options.lab ?? (options.topo === undefined ? undefined : refOf(options).lab);
  const rows = await engine.inspect(one);
  if (options.format === 'json') printJson(Object.groupBy(rows, (row) => row.lab_name));
  else
    process.stdout.write(
      renderTable(
        ['lab', 'node', 'kind', 'state', 'status'],
        rows.map((r) => [r.lab_name, r.name, r.kind, r.state, r.status]),
      ),
    );
  if (one !== undefined && rows.length === 0) process.exitCode = 1;
});

verb('exec', 'run a command in a node, or in every node (all)')
  .argument('<node>', 'node name, or all')
  .argument('<command...>', 'after --')
  .action(async (node: string, argv: string[], options: CommonOptions) => {
    const engine = await engineOf(options);
    const ref = refOf(options);
    const rows = await engine.inspect(ref.lab);
    if (rows.length === 0) throw new LabError(`lab ${ref.lab} is not deployed`);
    const names = rows.map((row) => row.name);
    const nodes =
      node === 'all' ? names : [names.includes(`clab-${ref.lab}-${node}`) ? `clab-${ref.lab}-${node}` : node];
    if (node !== 'all' && options.format === 'table') {
      process.exitCode = await printAsItComes(engine.spawn(ref, nodes[0]!, argv));
      return;
    }
    const results = await Promise.all(nodes.map(async (name) => [name, await engine.exec(ref, name, argv)] as const));
    for (const [name, result] of results)
      if (options.format === 'table') printExec(result, nodes.length > 1 ? name : undefined);
    if (options.format === 'json') printJson(Object.fromEntries(results.map(([name, result]) => [name, [result]])));
    process.exitCode = Math.max(...results.map(([, result]) => result['return-code']));
  });

verb('graph', 'draw the file')
  .option('--mermaid', 'as mermaid text (default: one line a link)')
  .action(async (options: CommonOptions & { mermaid?: boolean }) => {
    const lab = await fileOfDeployed(options);
    process.stdout.write(options.mermaid === true ? renderMermaid(lab) : renderText(lab));
  });

verb('validate', 'parse the file and say what the namespace runner does not mirror').action(
  async (options: CommonOptions) => {
    const lab = await fileOfDeployed(options);
    for (const warning of lab.warnings) process.stderr.write(`warning: ${warning}\n`);
    process.stdout.write(`${lab.name}: ${lab.nodes.length} nodes, ${lab.links.length} links: valid\n`);
  },
);

verb('verify', 'run the checks of verify.yml beside the file until they pass or their time is up')
  .option('--json', 'the result as one JSON document')
  .option('--only <names...>', 'only the checks whose name starts so')
  .action(async (options: CommonOptions & { json?: boolean; only?: string[] }) => {
    const { verifyLab, renderCheck } = await import('./verify.ts');
    const lab = await fileOfDeployed(options);
    const json = options.json === true || options.format === 'json';
    const result = await verifyLab(await engineOf(options), lab, {
      only: options.only ?? [],
      onCheck: (check) => {
        if (!json) process.stdout.write(renderCheck(check));
      },
    });
    if (json) printJson(result);
    else for (const line of result.leftOut) process.stdout.write(`left out  ${line}\n`);
    if (result.checks.some((check) => !check.pass)) process.exitCode = 1;
  });

verb('impair', 'change a running link, both directions')
  .argument('<link>', 'core1--eg1, or one of its ends: core1:eth4')
  .option('--delay <time>', 'one way, e.g. 5ms')
  .option('--jitter <time>', 'one way, e.g. 500us')
  .option('--loss <share>', 'one way, e.g. 1%')
  .option('--rate <rate>', 'e.g. 100mbit; 0bit: none')
  .option('--down', 'cut it')
  .option('--up', 'join it again')
  .option('--reset', 'back to what the file says')
  .action(async (link: string, options: CommonOptions & ImpairOptions) => {
    const engine = await engineOf(options);
    for (const impairment of impairmentsOf(options)) await engine.impair(refOf(options), link, impairment);
  });

verb('stop', 'kill the command of a node (SIGKILL); its network stays')
  .argument('<node>')
  .action(async (node: string, options: CommonOptions) => (await engineOf(options)).killCmd(refOf(options), node));

verb('start', 'start the command of a node again')
  .argument('<node>')
  .action(async (node: string, options: CommonOptions) => (await engineOf(options)).startCmd(refOf(options), node));

interface ImpairOptions {
  readonly delay?: string;
  readonly jitter?: string;
  readonly loss?: string;
  readonly rate?: string;
  readonly down?: boolean;
  readonly up?: boolean;
  readonly reset?: boolean;
}

/** In the order in which they are applied. */
function impairmentsOf(options: ImpairOptions): Impairment[] {
  const quality: Partial<LinkQuality> = {
    ...(options.delay === undefined ? {} : { delayUs: parseDelay(options.delay, '--delay') }),
    ...(options.jitter === undefined ? {} : { jitterUs: parseDelay(options.jitter, '--jitter') }),
    ...(options.loss === undefined ? {} : { lossPercent: parseLoss(options.loss, '--loss') }),
    ...(options.rate === undefined ? {} : { rateBps: parseRate(options.rate, '--rate') }),
  };
  const steps: Impairment[] = [
    ...(options.reset === true ? [{ kind: 'reset' } as const] : []),
    ...(Object.keys(quality).length > 0 ? [{ kind: 'quality', quality } as const] : []),
    ...(options.down === true ? [{ kind: 'carrier', up: false } as const] : []),
    ...(options.up === true ? [{ kind: 'carrier', up: true } as const] : []),
  ];
  if (steps.length === 0 || (options.up === true && options.down === true))
    throw new LabError('impair: say one of --delay, --jitter, --loss, --rate, --down, --up, --reset');
  return steps;
}

async function engineOf({ engine }: CommonOptions): Promise<Engine> {
  if (engine === 'netns') {
    // Without root the same command runs again where it is root.
    const args = process.argv.slice(2);
    if (!isRoot() && (args[0] === 'deploy' || hasSandbox()))
      process.exit(
        await runInSandbox(fileURLToPath(import.meta.url), args, ['deploy', 'destroy'].includes(args[0] ?? '')),
      );
    const { netnsEngine } = await import('./engine-netns.ts');
    return netnsEngine;
  }
  const { containerlabEngine } = await import('./engine-containerlab.ts');
  return containerlabEngine;
}

/** The file that is named, or that a deployed lab was made from. */
async function fileOfDeployed(options: CommonOptions): Promise<LabFile> {
  if (options.topo !== undefined || options.lab === undefined) return fileOf(options);
  const file = (await (await engineOf(options)).inspect(options.lab))[0]?.absLabPath;
  if (file === undefined) throw new LabError(`lab ${options.lab} is not deployed; -t FILE names its file`);
  return readLabFile(file);
}

function fileOf({ topo }: CommonOptions): LabFile {
  return readLabFile(topo ?? onlyFileHere());
}

/** There is no lab yet that `--lab` could name. */
function fileToDeploy({ topo, lab: name }: CommonOptions): LabFile {
  if (topo === undefined && name !== undefined)
    throw new LabError(`deploy: -t FILE names the file of lab ${name} (--lab names labs that are deployed)`);
  const lab = readLabFile(topo ?? onlyFileHere('-t FILE'));
  if (name !== undefined && lab.name !== name)
    throw new LabError(`deploy: ${lab.path} is lab ${lab.name}, not ${name}`);
  return lab;
}

function refOf(options: CommonOptions): LabRef {
  if (options.lab !== undefined)
    return { lab: options.lab, ...(options.topo === undefined ? {} : { file: options.topo }) };
  const lab = fileOf(options);
  return { lab: lab.name, file: lab.path };
}

function onlyFileHere(how = '-t FILE or --lab NAME'): string {
  const files = readdirSync('.').filter((file) => /\.clab\.ya?ml$/.test(file));
  if (files.length !== 1) throw new LabError(`name the lab with ${how} (${files.length} *.clab.yml files here)`);
  return files[0]!;
}

function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
}

function printExec(result: ExecResult, name?: string): void {
  if (name !== undefined) process.stdout.write(`--- ${name}\n`);
  process.stdout.write(result.stdout);
  process.stderr.write(result.stderr);
}

/** What a command in a node says, when it says it; signals reach the command. Resolves to its exit code. */
async function printAsItComes(child: ChildProcess): Promise<number> {
  child.stdout?.pipe(process.stdout, { end: false });
  child.stderr?.pipe(process.stderr, { end: false });
  child.stdin?.on('error', () => {}).end();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}

function describeExec(result: ExecResult): string {
  return `${result.cmd.join(' ')}: code ${result['return-code']}${result.stderr === '' ? '' : `: ${result.stderr.trim()}`}`;
}

/** The lab ends with this process in any case; a polite end also says so. */
async function untilSignalled(engine: Engine, ref: LabRef): Promise<void> {
  const keepAlive = setInterval(() => {}, 60_000);
  await new Promise((done) => {
    process.once('SIGINT', done);
    process.once('SIGTERM', done);
    watchLifeline(() => done(undefined));
  });
  clearInterval(keepAlive);
  await engine.destroy(ref, { force: false });
}

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof LabError)) throw error;
  for (const line of error.message.split('\n')) process.stderr.write(`lab: ${line}\n`);
  process.exitCode = 1;
}
