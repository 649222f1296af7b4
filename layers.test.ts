// Who may import whom (DESIGN section 3), and which folder alone may import a third-party library. A new edge is a
// decision: it is made here, in the open, or not at all.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = import.meta.dirname;

/** Folder -> folders it may import from, itself always included. */
const LAYERS: Record<string, readonly string[]> = {
  lib: [],
  'lib/time': ['lib'],
  'lib/net': ['lib'],
  'lib/model': ['lib', 'lib/net'],
  'lib/metric': ['lib', 'lib/model', 'lib/config'],
  'lib/topology': ['lib', 'lib/model', 'lib/net'],
  'lib/segment': ['lib', 'lib/model', 'lib/net', 'lib/topology'],
  'lib/security': ['lib', 'lib/model', 'lib/net', 'lib/config'],
  'lib/session': ['lib', 'lib/model', 'lib/net', 'lib/security'],
  'lib/rib': ['lib', 'lib/model', 'lib/net', 'lib/session'],
  'lib/policy': ['lib', 'lib/model', 'lib/net', 'lib/config'],
  'lib/decision': ['lib', 'lib/model', 'lib/config', 'lib/metric'],
  'lib/fib': ['lib', 'lib/net', 'lib/model'],
  'lib/wire': ['lib', 'lib/model', 'lib/net', 'lib/session'],
  'lib/netlink': ['lib', 'lib/net'],
  // The accelerator does what the nftables of lib/fib do, for the same layouts.
  'lib/bpf': ['lib', 'lib/net', 'lib/fib'],
  'lib/stamp': ['lib', 'lib/config'],
  'lib/config': ['lib', 'lib/model', 'lib/net', 'lib/fib'],
  'lib/router': [
    'lib',
    'lib/time',
    'lib/net',
    'lib/model',
    'lib/metric',
    'lib/topology',
    'lib/segment',
    'lib/security',
    'lib/session',
    'lib/rib',
    'lib/policy',
    'lib/decision',
    'lib/fib',
    'lib/config',
    'lib/router/view',
  ],
  'lib/router/view': [
    'lib',
    'lib/policy',
    'lib/session',
    'lib/net',
    'lib/model',
    'lib/topology',
    'lib/segment',
    'lib/rib',
    'lib/decision',
    'lib/fib',
    'lib/router',
  ],
};

/** Package -> the only folders that import it. */
const PACKAGES: Record<string, readonly string[]> = {
  'ip-address': ['lib/net'],
  graphology: ['lib/topology'],
  'graphology-shortest-path': ['lib/topology', 'scripts/benches'],
  'graphology-types': ['lib/topology'],
  protobufjs: ['lib/wire', 'daemon/admin'],
  '@grpc/grpc-js': ['daemon/admin', 'scripts/benches'],
  yaml: ['lib/config', 'scripts'],
  zod: ['lib/config', 'scripts'],
  pino: ['daemon'],
  commander: ['daemon/cli', 'daemon', 'scripts'],
};

interface Import {
  readonly file: string;
  readonly from: string;
  readonly target: string;
  /** `import type`. */
  readonly typeOnly: boolean;
}

const imports = [...sources('lib'), ...sources('daemon'), ...sources('scripts')].flatMap(importsOf);
const inCore = (path: string) => path === 'lib' || path.startsWith('lib/');

test('folders of the core import only what the table allows', () => {
  const broken = imports
    .filter((it) => inCore(it.file) && it.target.startsWith('.') && !isTest(it.file))
    .map((it) => ({ ...it, to: dirname(relative(ROOT, resolve(ROOT, dirname(it.file), it.target))) }))
    .filter(
      (it) =>
        it.to !== it.from &&
        !(LAYERS[layerOf(it.from)] ?? []).includes(layerOf(it.to)) &&
        layerOf(it.to) !== layerOf(it.from),
    );
  expect(broken.map((it) => `${it.file} -> ${it.to}`)).toEqual([]);
});

test('the core imports no node: module and reads neither clock, chance nor process', () => {
  const impure = sources('lib')
    .filter((file) => !isTest(file))
    .filter((file) => {
      const text = code(file);
      return /from 'node:|\bsetTimeout\b|\bsetImmediate\b|\bDate\.now\b|\bMath\.random\b|\bprocess\.|\bconsole\.|\bperformance\./.test(
        text,
      );
    });
  expect(impure).toEqual([]);
});

test('data walks through without turning back: no import leads round to its own file', () => {
  // What only types know of each other is gone when the program runs.
  const edges = new Map<string, string[]>();
  for (const it of imports) {
    if (it.typeOnly || !it.target.startsWith('.') || isTest(it.file)) continue;
    const to = relative(ROOT, resolve(ROOT, it.from, it.target));
    edges.set(it.file, [...(edges.get(it.file) ?? []), to]);
  }
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file);
    if (at >= 0) circles.push([...path.slice(at), file].join(' -> '));
    if (at >= 0 || done.has(file)) return;
    for (const next of edges.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of edges.keys()) visit(file, []);
  expect(circles).toEqual([]);
});

test('each third-party library is imported in its own folder only', () => {
  const stray = imports
    .filter((it) => !it.target.startsWith('.') && !it.target.startsWith('node:') && !isTest(it.file))
    .map((it) => ({
      ...it,
      name: it.target
        .split('/')
        .slice(0, it.target.startsWith('@') ? 2 : 1)
        .join('/'),
    }))
    .filter((it) => PACKAGES[it.name] !== undefined)
    .filter((it) => !PACKAGES[it.name]!.some((folder) => it.from === folder || it.from.startsWith(`${folder}/`)));
  expect(stray.map((it) => `${it.file} -> ${it.name}`)).toEqual([]);
});

test('the daemon never imports scripts, and the CLI knows only the admin API', () => {
  const wrong = imports
    .filter((it) => it.file.startsWith('daemon/') && it.target.startsWith('.') && !isTest(it.file))
    .map((it) => ({ ...it, to: relative(ROOT, resolve(ROOT, dirname(it.file), it.target)) }))
    .filter((it) => {
      if (it.to.startsWith('scripts/')) return true;
      if (!it.file.startsWith('daemon/cli/')) return false;
      return !/^(daemon\/cli|daemon\/version|daemon\/admin|daemon\/grpc|lib\/model|lib\/errors|lib\/net)/.test(it.to);
    });
  expect(wrong.map((it) => `${it.file} -> ${it.to}`)).toEqual([]);
});

function sources(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => `${folder}/${file}`);
}

function importsOf(file: string): Import[] {
  const found = code(file).matchAll(/(?:^|\n)\s*(?:import|export)\b[^;]*?from\s+'([^']+)'/g);
  return [...found].map((match) => ({
    file,
    from: dirname(file),
    target: match[1]!,
    typeOnly: /^\s*(?:import|export)\s+type\b/.test(match[0]),
  }));
}

function code(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|(^|\s)\/\/.*$/gm, '');
}

/** Tests, their fixtures and contracts may use what they like. */
function isTest(file: string): boolean {
  return /\.(test|contract|fixture)\.ts$|\/(fixture|fixtures|oracle)[./]/.test(file);
}

/** `lib/netlink/rt` belongs to `lib/netlink`; `lib/router/view` is a layer of its own. */
function layerOf(folder: string): string {
  if (LAYERS[folder] !== undefined) return folder;
  return folder.split('/').slice(0, 2).join('/');
}
