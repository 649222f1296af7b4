// Installs Debian packages, and says so in one line each. Decides nothing about what is needed; refuses with one clear
// line where it may not (no root) or cannot (no apt).
import { findProgram, run, runOrThrow } from './command.ts';

const environment = { DEBIAN_FRONTEND: 'noninteractive' };
let listsFresh = false;

/** Installs those of `packages` that are not there. Throws when it may not, or when apt fails. */
export async function aptInstall(packages: readonly string[], say: (line: string) => void): Promise<void> {
  const missing: string[] = [];
  for (const name of packages) if (!(await isInstalled(name))) missing.push(name);
  if (missing.length === 0) return;
  if (findProgram('apt-get') === undefined) throw new Error(`no apt-get here: please install ${missing.join(' ')}`);
  if (process.getuid?.() !== 0) throw new Error(`not root: please install ${missing.join(' ')}`);
  if (!listsFresh) await runOrThrow(['apt-get', 'update', '-qq'], { env: environment });
  listsFresh = true;
  await runOrThrow(['apt-get', 'install', '-y', '-qq', '--no-install-recommends', ...missing], { env: environment });
  for (const name of missing) say(`installed ${name} (apt)`);
}

async function isInstalled(name: string): Promise<boolean> {
  const answer = await run(['dpkg-query', '-W', '-f', `\${Status}`, name]);
  return answer.code === 0 && answer.stdout.includes('install ok installed');
}
