// The root file system of a node's image, made without a registry: either the programs of this machine with the libraries
// they load (a second, what a lab needs and no more), or a minimal Debian (half a minute, kept in .cache). Knows nothing of
// Docker and does not look into /opt/cfnd beyond the libraries its programs want.
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { aptInstall } from './apt.ts';
import { findProgram, run, runOrThrow } from './command.ts';
import { cachePath } from './places.ts';

export const ROOTFS_KINDS = ['host', 'debian'] as const;
export type RootfsKind = (typeof ROOTFS_KINDS)[number];

/** What labs, their checks and the person who debugs them call inside a node. */
const required = ['sh', 'ip', 'tc', 'ss', 'nft', 'ping', 'sysctl', 'sleep', 'cat', 'kill', 'ps', 'timeout'];
const welcome = (
  'tcpdump curl bash bridge ls cp mv rm mkdir rmdir ln echo env true false test head tail wc tr cut sort uniq seq date ' +
  'uname id touch chmod chown readlink dirname basename tee stat sync grep sed awk find xargs pgrep pkill free top ' +
  'hostname nsenter mount umount getent printf mktemp nproc setpriv'
).split(' ');
const packages = ['iproute2', 'nftables', 'iputils-ping', 'procps', 'curl', 'tcpdump', 'libstdc++6', 'libatomic1'];

/** Names of the required programs that this machine does not have. */
export function missingPrograms(): string[] {
  return required.filter((name) => findProgram(name) === undefined);
}

/** Makes the root file system and returns its directory; `tree` is what will lie over it (for the libraries it needs). */
export async function makeRootfs(kind: RootfsKind, tree: string, say: (line: string) => void): Promise<string> {
  return kind === 'host' ? await fromHost(tree) : await fromDebian(say);
}

async function fromHost(tree: string): Promise<string> {
  const root = cachePath('rootfs-host');
  rmSync(root, { recursive: true, force: true });
  layOut(root);
  const programs = [...required, ...welcome].map((name) => findProgram(name)).filter((path) => path !== undefined);
  const libraries = await librariesOf([...programs, ...nativeFiles(tree)]);
  for (const path of new Set([...programs, ...libraries])) {
    const target = join(root, path);
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(path, target);
  }
  for (const path of ['/etc/iproute2', '/usr/share/iproute2', '/etc/services', '/etc/protocols', '/etc/os-release']) {
    if (existsSync(path)) cpSync(path, join(root, path), { recursive: true, dereference: true });
  }
  return root;
}

/** The directories of a merged-/usr system, and the accounts that `tcpdump` and `ps` look up. */
function layOut(root: string): void {
  const directories = [
    'usr/bin',
    'usr/sbin',
    'usr/lib',
    'usr/lib64',
    'usr/local/sbin',
    'etc',
    'dev',
    'proc',
    'sys',
    'run',
  ];
  for (const path of [...directories, 'root', 'tmp', 'var/log', 'var/lib']) {
    mkdirSync(join(root, path), { recursive: true });
  }
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) symlinkSync(`usr/${name}`, join(root, name));
  const accounts = [
    'root:x:0:0:root:/root:/bin/sh',
    'tcpdump:x:100:100::/:/bin/false',
    'nobody:x:65534:65534::/:/bin/false',
  ];
  writeFileSync(join(root, 'etc/passwd'), `${accounts.join('\n')}\n`);
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\ntcpdump:x:100:\nnogroup:x:65534:\n');
  writeFileSync(join(root, 'etc/nsswitch.conf'), 'hosts: files dns\n');
}

/** ELF files under `tree` that name libraries of their own: programs and Node-API addons. */
function nativeFiles(tree: string): string[] {
  if (!existsSync(tree)) return [];
  const entries = readdirSync(tree, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return files.filter((path) => path.endsWith('.node') || dirname(path).endsWith('/bin'));
}

async function librariesOf(files: readonly string[]): Promise<string[]> {
  // ldd exits with 1 when one of the files is a script; what it found of the others is still printed.
  return parseLdd((await run(['ldd', ...files])).stdout);
}

/** Absolute paths that `ldd` names, each once; throws when it names a library that is not there. */
export function parseLdd(text: string): string[] {
  const missing = /^\s+(\S+) => not found/m.exec(text);
  if (missing !== null) throw new Error(`library ${missing[1]} is not on this machine`);
  const paths = [...text.matchAll(/^\s+(?:\S+ => )?(\/\S+) \(0x/gm)].map((match) => match[1] ?? '');
  return [...new Set(paths)];
}

async function fromDebian(say: (line: string) => void): Promise<string> {
  const root = cachePath('rootfs-debian');
  if (existsSync(root)) return root;
  await aptInstall(['debootstrap'], say);
  const unfinished = `${root}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  const suite = /^VERSION_CODENAME=(\S+)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'bookworm';
  const include = `--include=${packages.join(',')}`;
  await runOrThrow(['debootstrap', '--variant=minbase', include, suite, unfinished]);
  for (const path of ['var/cache/apt', 'var/lib/apt/lists', 'usr/share/doc', 'usr/share/man', 'usr/share/locale']) {
    rmSync(join(unfinished, path), { recursive: true, force: true });
  }
  renameSync(unfinished, root);
  say(`installed a minimal Debian ${suite} for images (debootstrap, kept in .cache)`);
  return root;
}
