// Finds containerlab or builds it from its Go module, the way its own releases are built. A `containerlab` on PATH is
// used whatever its version; ours is cached and named by its version. Knows nothing of Docker or of labs.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, runOrThrow } from './command.ts';
import { compilerFor, downloadModule, ensureGo, goRelease } from './go-toolchain.ts';
import { cachePath } from './places.ts';

export const containerlabVersion = '0.79.0';
const modulePath = 'github.com/srl-labs/containerlab';

const cachedBinary = () => cachePath('bin', `containerlab-${containerlabVersion}`);

/** The containerlab to run: the one on PATH, else the one built earlier; undefined when there is neither. */
export function findContainerlab(): string | undefined {
  const found = findProgram('containerlab');
  if (found !== undefined) return found;
  return existsSync(cachedBinary()) ? cachedBinary() : undefined;
}

/** As `findContainerlab`, and builds it when there is none (about a minute with cold caches). */
export async function ensureContainerlab(say: (line: string) => void): Promise<string> {
  const found = findContainerlab();
  if (found !== undefined) return found;
  const directory = cachePath('containerlab-build');
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'go.mod'), 'module build\n');

  const go = await ensureGo(say);
  const module = await downloadModule(go, directory, `${modulePath}@v${containerlabVersion}`);
  // A copy, because nothing in the module cache may be replaced, not even by `go build -overlay`.
  const source = join(directory, 'source');
  await runOrThrow(['cp', '-r', '--no-preserve=mode', module, source]);
  const patched = existsSync('/proc/modules') ? '' : tolerateNoModules(source);
  const compiler = await compilerFor(go, goRelease(readFileSync(join(source, 'go.mod'), 'utf8')), directory, say);
  const out = join(directory, 'containerlab');
  const flags = `-s -w -X ${modulePath}/cmd.Version=${containerlabVersion}`;
  const build = [compiler, 'build', '-buildvcs=false', '-trimpath', '-ldflags', flags, '-o', out, '.'];
  await runOrThrow(build, { cwd: source, env: { CGO_ENABLED: '0', GOTOOLCHAIN: 'auto', GOFLAGS: '' } });
  renameSync(out, cachedBinary());
  rmSync(directory, { recursive: true, force: true });
  say(`installed containerlab ${containerlabVersion} (built from its Go module${patched})`);
  return cachedBinary();
}

/**
 * Makes containerlab take a kernel without loadable modules for what it is. Such a kernel has no /proc/modules, and
 * v0.79 refuses to deploy there ("open /proc/modules: no such file") where it should say "not loaded as a module".
 */
function tolerateNoModules(source: string): string {
  const path = join(source, 'utils', 'kernel_module.go');
  const patched = withoutProcModules(readFileSync(path, 'utf8'));
  if (patched === undefined) return '';
  writeFileSync(path, patched);
  return '; no /proc/modules on this kernel, which it is taught to read as "no module loaded"';
}

/** The Go source with an absent /proc/modules read as an empty one; undefined when the place is not as expected. */
export function withoutProcModules(text: string): string | undefined {
  const open = /(f, err := os\.Open\("\/proc\/modules"\)\n)([ \t]*)(if err != nil)/;
  if (!open.test(text)) return undefined;
  return text.replace(open, '$1$2if os.IsNotExist(err) {\n$2\treturn false, nil\n$2}\n$2$3');
}
