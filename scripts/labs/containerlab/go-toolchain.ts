// Finds a Go compiler of a wanted release or fetches one. Distributions ship a Go older than containerlab asks for, and
// the compiler of every release is published as the module `golang.org/toolchain`: Go 1.21 and later fetch it by
// themselves, an older Go can download it as any other module, and the rest is done here by hand.
import { chmodSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { aptInstall } from './apt.ts';
import { findProgram, run, runOrThrow } from './command.ts';

const usualPlaces = ['/usr/local/go/bin', '/usr/lib/go/bin'];

/** Any Go at all, of whatever release; Debian's when there is none. */
export async function ensureGo(say: (line: string) => void): Promise<string> {
  const found = findProgram('go', usualPlaces);
  if (found !== undefined) return found;
  await aptInstall(['golang-go'], say);
  const installed = findProgram('go', usualPlaces);
  if (installed === undefined) throw new Error('the package golang-go brought no program go');
  return installed;
}

/** Downloads one Go module and returns the directory that holds it. `cwd` must hold a go.mod. */
export async function downloadModule(go: string, cwd: string, module: string): Promise<string> {
  const answer = await runOrThrow([go, 'mod', 'download', '-json', module], { cwd, env: { GOFLAGS: '' } });
  return z.object({ Dir: z.string() }).parse(JSON.parse(answer)).Dir;
}

/** The release that a go.mod asks for: its `go` line. Throws when it has none. */
export function goRelease(goMod: string): string {
  const release = /^go (\d+\.\d+(?:\.\d+)?)$/m.exec(goMod)?.[1];
  if (release === undefined) throw new Error('go.mod without a go line');
  return release;
}

/** The `go` that compiles for `release`: `go` itself where it switches by itself, else the toolchain module's. */
export async function compilerFor(
  go: string,
  release: string,
  cwd: string,
  say: (line: string) => void,
): Promise<string> {
  const version = (await run([go, 'version'], { env: { GOTOOLCHAIN: 'local' } })).stdout;
  if (canSwitchToolchain(version)) return go;
  const compiler = await fetchToolchain(go, release, cwd);
  say(`installed Go ${release} (its toolchain module, in the Go module cache)`);
  return compiler;
}

/** Whether the Go that calls itself so (`go version go1.26.8 linux/amd64`) fetches another toolchain by itself. */
export function canSwitchToolchain(version: string): boolean {
  const [, major = '0', minor = '0'] = /\bgo(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(major) > 1 || (Number(major) === 1 && Number(minor) >= 21);
}

/** Downloads the toolchain of `release` with the Go at `old`; returns the path of its `go`. */
export async function fetchToolchain(old: string, release: string, cwd: string): Promise<string> {
  const [os = '', cpu = ''] = (await runOrThrow([old, 'env', 'GOOS', 'GOARCH'])).trim().split('\n');
  const root = await downloadModule(old, cwd, `golang.org/toolchain@v0.0.1-go${release}.${os}-${cpu}`);
  // A module zip carries no mode bits.
  for (const folder of [join(root, 'bin'), join(root, 'pkg', 'tool', `${os}_${cpu}`)]) {
    for (const name of readdirSync(folder)) chmodSync(join(folder, name), 0o755);
  }
  return join(root, 'bin', 'go');
}
