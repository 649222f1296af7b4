// Builds what a node runs: dist/rootfs/opt/cfnd, the same tree for the lab runner (bound read-only) and for the container
// image (copied). One ESM file a program (two where one part is
// loaded later), because a bundle starts in two thirds of the time of separate modules. Rebuilds
// only what is older than its sources; decides nothing about who mounts the tree where.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
/** The file tree of a node: what lies here appears at `/` there. */
export const ROOTFS = join(ROOT, 'dist/rootfs');
const HOME = join(ROOTFS, 'opt/cfnd');

interface Program {
  readonly name: string;
  readonly entry: string;
  /** Imported by another program once it is needed; has no launcher. */
  readonly later?: boolean;
}

const PROGRAMS: readonly Program[] = [
  { name: 'cfnd', entry: 'daemon/main.ts' },
  { name: 'cfnd-run', entry: 'daemon/run.ts', later: true },
  { name: 'cfnctl', entry: 'daemon/cli/main.ts' },
  { name: 'cfn-service', entry: 'scripts/service/main.ts' },
  { name: 'cfn-load', entry: 'scripts/loadgen/main.ts' },
];

// CommonJS dependencies call require(), which an ES module has not. And Node writes its compile cache when it ends, which
// the daemon of a lab never does in peace: written soon after the start, the next start finds it.
const BANNER = `import { createRequire as bundleRequire, flushCompileCache as bundleFlush } from 'node:module';
const require = bundleRequire(import.meta.url);
if (process.env.NODE_COMPILE_CACHE) setTimeout(bundleFlush, 3000).unref();`;

/** Leaves `import('./run.ts')` of a program to the file that the program `later` is built into. */
const LATER: import('esbuild').Plugin = {
  name: 'later',
  setup: (build) => {
    build.onResolve({ filter: /./ }, ({ kind, path, resolveDir }) => {
      if (kind !== 'dynamic-import') return undefined;
      const later = PROGRAMS.find((it) => it.later && join(ROOT, it.entry) === resolve(resolveDir, path));
      return later && { path: `./${later.name}.mjs`, external: true };
    });
  },
};

export interface BundleReport {
  readonly built: readonly string[];
  /** Programs whose entry file does not exist. */
  readonly missing: readonly string[];
  readonly tookMs: number;
}

/** A program cannot be built: one line for each error of its sources. */
export class BundleError extends Error {
  constructor(name: string, lines: readonly string[], options?: ErrorOptions) {
    super(`${name} cannot be bundled:\n${lines.map((line) => `  ${line}`).join('\n')}`, options);
    this.name = 'BundleError';
  }
}

/** Brings the tree up to date; costs a few ms when it is. Throws BundleError. */
export async function bundle(options: { readonly force?: boolean } = {}): Promise<BundleReport> {
  const started = performance.now();
  const built: string[] = [];
  const missing: string[] = [];
  mkdirSync(join(HOME, 'bin'), { recursive: true });
  if (placeNode()) built.push('node');
  for (const program of PROGRAMS) {
    const { name, entry } = program;
    if (!existsSync(join(ROOT, entry))) {
      missing.push(name);
      continue;
    }
    if (options.force !== true && isFresh(program)) continue;
    await build(program);
    built.push(name);
  }
  buildNative();
  for (const path of ['proto', 'dist/nlsock.node']) if (placeCopy(path)) built.push(basename(path));
  return { built, missing, tookMs: performance.now() - started };
}

async function build({ name, entry, later }: Program): Promise<void> {
  const esbuild = await import('esbuild');
  const outfile = join(HOME, `${name}.mjs`);
  // Moved into place whole: a node may start while another command builds.
  const draft = `${outfile}.${process.pid}`;
  const building = esbuild.build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    outfile: draft,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    banner: { js: BANNER },
    legalComments: 'none',
    metafile: true,
    logLevel: 'silent',
    plugins: [LATER],
  });
  const result = await building.catch((cause: import('esbuild').BuildFailure) => {
    const place = (at: import('esbuild').Location | null): string => (at === null ? '' : `${at.file}:${at.line}: `);
    throw new BundleError(
      name,
      cause.errors.map((error) => place(error.location) + error.text),
      { cause },
    );
  });
  placeText(inputsFile(name), JSON.stringify(Object.keys(result.metafile.inputs)));
  if (!later) placeText(join(HOME, 'bin', name), launcher(name), 0o755);
  renameSync(draft, outfile);
}

/** The tree is self-contained: its own Node, found from the launcher's place, so that it also runs where it was built. */
function launcher(name: string): string {
  return `#!/bin/sh
home=\${0%/*}/..
CFND_HOME=\${CFND_HOME:-$home} exec "$home/bin/node" ${flagsOf(name).join(' ')} "$home/${name}.mjs" "$@"
`;
}

/**
 * Tables of routes are arrays outside a heap of 20 MB: V8 took their growth for garbage and went through the heap 29 times
 * while a million routes came in, at a third of all processor time; 12 times now. And 4 MB are young enough: what is not
 * needed any more after one message is not worth 64.
 * A router hears some reports a second, not thousands: compiled after 40 calls and not 400, a report is in the kernel of the
 * ingress in 4 to 12 % less time after the first hundred, and less of what it runs through is in no cache when it comes.
 */
const DAEMON_FLAGS = [
  '--max-semi-space-size=4',
  '--heap-growing-percent=200',
  '--invocation-count-for-maglev=40',
  '--minimum-invocations-after-ic-update=40',
];

function flagsOf(name: string): string[] {
  return ['--disable-warning=ExperimentalWarning', ...(name === 'cfnd' ? DAEMON_FLAGS : [])];
}

function placeText(file: string, text: string, mode = 0o644): void {
  writeFileSync(`${file}.${process.pid}`, text, { mode });
  renameSync(`${file}.${process.pid}`, file);
}

function inputsFile(name: string): string {
  return join(ROOT, 'dist', `${name}.inputs.json`);
}

function isFresh({ name, later }: Program): boolean {
  const builtMs = modifiedMs(join(HOME, `${name}.mjs`));
  if (builtMs === 0 || !existsSync(inputsFile(name)) || !(later || existsSync(join(HOME, 'bin', name)))) return false;
  const inputs = JSON.parse(readFileSync(inputsFile(name), 'utf8')) as string[];
  return [...inputs, 'package-lock.json', 'scripts/bundle.ts'].every((input) => {
    const changedMs = modifiedMs(join(ROOT, input));
    return changedMs !== 0 && changedMs <= builtMs;
  });
}

/** Node from the npm package, linked where the file system allows (100 MB). True when it was not there yet. */
function placeNode(): boolean {
  const source = join(ROOT, 'node_modules/node/bin/node');
  const target = join(HOME, 'bin/node');
  const from = existsSync(source) ? source : process.execPath;
  if (existsSync(target) && statSync(target).size === statSync(from).size) return false;
  rmSync(target, { force: true });
  try {
    linkSync(from, target);
  } catch {
    copyFileSync(from, target);
    chmodSync(target, 0o755);
  }
  return true;
}

/** The netlink addon; where it cannot be built the daemon runs without a kernel, and says so itself. */
function buildNative(): void {
  const folder = join(ROOT, 'daemon/netlink');
  const sources = existsSync(folder) ? readdirSync(folder).filter((name) => /\.[ch]$/.test(name)) : [];
  const source = Math.max(0, ...sources.map((name) => modifiedMs(join(folder, name))));
  if (source === 0 || source <= modifiedMs(join(ROOT, 'dist/nlsock.node'))) return;
  const { status, stderr } = spawnSync('sh', [join(ROOT, 'scripts/build-native')], { encoding: 'utf8' });
  if (status !== 0) process.stderr.write(stderr);
}

/** Copies a file or folder of the repository into the tree when it is there and newer. */
function placeCopy(path: string): boolean {
  const source = join(ROOT, path);
  const target = join(HOME, basename(path));
  if (!existsSync(source)) return false;
  const stamp = join(ROOT, 'dist', `${basename(path)}.copied`);
  const now = fingerprint(source);
  if (existsSync(target) && existsSync(stamp) && readFileSync(stamp, 'utf8') === now) return false;
  rmSync(target, { recursive: true, force: true });
  cpSync(source, target, { recursive: true });
  writeFileSync(stamp, now);
  return true;
}

/** Names and times of all files below, so that a removed file is noticed as well as a changed one. */
function fingerprint(path: string): string {
  if (!statSync(path).isDirectory()) return String(modifiedMs(path));
  const files = readdirSync(path, { recursive: true, encoding: 'utf8' }).sort();
  return files.map((file) => `${file} ${modifiedMs(join(path, file))}`).join('\n');
}

function modifiedMs(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    const report = await bundle({ force: process.argv.includes('--force') });
    for (const name of report.missing) process.stderr.write(`bundle: ${name} is left out, its entry file is missing\n`);
    process.stdout.write(`bundle: ${report.built.join(' ') || 'up to date'} (${Math.round(report.tookMs)} ms)\n`);
  } catch (error) {
    if (!(error instanceof BundleError)) throw error;
    process.stderr.write(`bundle: ${error.message}\n`);
    process.exitCode = 1;
  }
}
