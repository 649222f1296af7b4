// Parses a containerlab file into what the engines deploy: substitution, key check, inheritance (node over group over kind
// over defaults), absolute paths. Same results as containerlab v0.79 for the keys in clab-keys.ts; every fault is
// reported, one line each. Starts nothing and looks at no kernel.
import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { parseDocument } from 'yaml';
import * as keys from './clab-keys.ts';
import { LabError } from './engine.ts';
import { PERFECT, parseLinkVars } from './impairment.ts';
import type { LabEndpoint, LabFile, LabLink, LabNode } from './lab-file.ts';
import { splitWords, substituteEnvironment, substituteMagic } from './substitute.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type Tree = Readonly<Record<string, unknown>>;

/** containerlab's default for every link. */
const DEFAULT_MTU = 9500;
const LAB_NAME = /^[a-zA-Z0-9][a-zA-Z0-9-._]*$/;

export function readLabFile(file: string, environment: Environment = process.env): LabFile {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new LabError(`${file}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
  return parseLabFile(text, resolve(file), environment);
}

/** Throws LabError whose message has one line for each fault. */
export function parseLabFile(text: string, path: string, environment: Environment = process.env): LabFile {
  const faults: string[] = [];
  const document = parseDocument(substituteEnvironment(text, environment));
  if (document.errors.length > 0) throw new LabError(yamlFaults(path, document.errors));
  const root = tree(document.toJS(), '(root)', faults);
  for (const key of Object.keys(root))
    if (![...keys.TOP_KEYS, ...keys.TOP_IGNORED].includes(key)) faults.push(`${key}: unknown key`);
  const name = typeof root.name === 'string' ? root.name : '';
  if (!LAB_NAME.test(name)) faults.push('name: must be set, of letters, digits, "-", "." and "_"');
  const topology = tree(root.topology, 'topology', faults);
  for (const key of Object.keys(topology))
    if (!keys.TOPOLOGY_KEYS.includes(key)) faults.push(`topology.${key}: unknown key`);

  const directory = join(environment.CLAB_LABDIR_BASE ?? dirname(path), `clab-${name}`);
  const prefix = longNamePrefix(root.prefix, name);
  const warnings = new Set<string>();
  const nodes = Object.keys(tree(topology.nodes, 'topology.nodes', faults)).map((node) =>
    parseNode(node, topology, { path, directory, prefix, faults, warnings }),
  );
  const links = parseLinks(topology.links, new Set(nodes.map((node) => node.name)), faults);
  if (faults.length > 0) throw new LabError(faults.map((fault) => `${path}: ${fault}`).join('\n'));
  return { name, path, directory, nodes, links, warnings: [...warnings] };
}

function longNamePrefix(prefix: unknown, lab: string): string {
  if (prefix === '') return '';
  return prefix === '__lab-name' ? `${lab}-` : `${typeof prefix === 'string' ? prefix : 'clab'}-${lab}-`;
}

interface Context {
  readonly path: string;
  readonly directory: string;
  readonly prefix: string;
  readonly faults: string[];
  readonly warnings: Set<string>;
}

/** The levels of a node, least specific first, as containerlab finds kind and group. */
function levelsOf(node: string, topology: Tree, context: Context): Tree[] {
  const at = (section: string, name: unknown): Tree => {
    const entries = tree(topology[section], `topology.${section}`, context.faults);
    return typeof name === 'string' && name !== ''
      ? tree(entries[name], `topology.${section}.${name}`, context.faults)
      : {};
  };
  const defaults = tree(topology.defaults, 'topology.defaults', context.faults);
  const own = at('nodes', node);
  const kind = own.kind ?? at('groups', own.group).kind ?? at('groups', defaults.group).kind ?? defaults.kind;
  const ofKind = at('kinds', kind);
  const group = own.group ?? ofKind.group ?? defaults.group;
  const levels = [defaults, ofKind, at('groups', group), own];
  const places = ['defaults', `kinds.${String(kind)}`, `groups.${String(group)}`, `nodes.${node}`];
  for (const [index, level] of levels.entries()) checkNodeKeys(level, `topology.${places[index] ?? ''}`, context);
  return [...levels, { kind, group }];
}

function checkNodeKeys(level: Tree, place: string, { faults, warnings }: Context): void {
  for (const key of Object.keys(level)) {
    const warned = keys.NODE_WARNED[key];
    const refused = keys.NODE_REFUSED[key];
    if (warned !== undefined) warnings.add(`${key}: not mirrored, ${warned}`);
    else if (refused !== undefined) faults.push(`${place}.${key}: cannot be mirrored, ${refused}`);
    else if (key === 'restart-policy') {
      if (level[key] !== 'no') warnings.add('restart-policy: not mirrored, an ended command is not started again');
    } else if (key === 'network-mode') {
      if (level[key] !== 'none') faults.push(`${place}.network-mode: cannot be mirrored, only none is understood`);
    } else if (![...keys.NODE_MIRRORED, ...keys.NODE_SILENT].includes(key)) faults.push(`${place}.${key}: unknown key`);
  }
}

function parseNode(name: string, topology: Tree, context: Context): LabNode {
  const { faults, directory, prefix } = context;
  const place = `topology.nodes.${name}`;
  const levels = levelsOf(name, topology, context);
  const scalar = (key: string): string => {
    const found = levels.findLast((level) => level[key] !== undefined && level[key] !== null)?.[key];
    if (typeof found === 'object') faults.push(`${place}.${key}: must be a single value`);
    return found === undefined ? '' : String(found);
  };
  const list = (key: string): string[] => [
    ...new Set(levels.flatMap((level) => strings(level[key], `${place}.${key}`, faults))),
  ];
  const map = (key: string): Record<string, string> =>
    Object.fromEntries(
      levels.flatMap((level) =>
        Object.entries(tree(level[key], `${place}.${key}`, faults)).map(([k, v]) => [k, String(v)] as const),
      ),
    );
  const magic = (text: string): string =>
    substituteMagic(text, {
      __clabNodeDir__: join(directory, name),
      __clabNodeName__: name,
      // containerlab's own meaning: the name of the lab directory.
      __clabLabName__: directory.slice(directory.lastIndexOf('/') + 1),
      __clabDir__: directory,
    });
  const words = (line: string, key: string): string[] => {
    try {
      return splitWords(line, `${place}.${key}`);
    } catch (error) {
      faults.push(error instanceof Error ? error.message : String(error));
      return [];
    }
  };
  const kind = scalar('kind');
  if (kind !== 'linux') faults.push(`${place}.kind: ${kind || '(none)'} cannot be mirrored, only linux is understood`);
  if (!levels.some((level) => level['network-mode'] === 'none'))
    context.warnings.add('network-mode: there is no management network here, set it to none');
  const delay = Number(scalar('startup-delay') || 0);
  if (!(delay >= 0)) faults.push(`${place}.startup-delay: must be seconds`);
  return {
    name,
    longName: `${prefix}${name}`,
    kind,
    group: scalar('group'),
    image: scalar('image'),
    hostname: scalar('hostname') || name,
    entrypoint: words(scalar('entrypoint'), 'entrypoint'),
    cmd: words(scalar('cmd'), 'cmd'),
    exec: list('exec').map((line) => words(magic(line), 'exec')),
    env: map('env'),
    labels: map('labels'),
    sysctls: map('sysctls'),
    binds: parseBinds(list('binds').map(magic), place, context),
    startupDelayS: delay,
  };
}

/** `source:target[:ro]`; the most specific level wins a target. */
function parseBinds(texts: readonly string[], place: string, { path, faults }: Context): LabNode['binds'] {
  const byTarget = new Map<string, LabNode['binds'][number]>();
  for (const text of texts) {
    const [source = '', target = '', mode = '', ...rest] = text.split(':');
    if (source === '' || !isAbsolute(target) || rest.length > 0 || !['', 'ro', 'rw'].includes(mode))
      faults.push(`${place}.binds: ${JSON.stringify(text)} is not SOURCE:TARGET[:ro]`);
    const absolute = isAbsolute(source) ? source : join(dirname(path), source);
    byTarget.set(target, { source: absolute, target, readOnly: mode === 'ro' });
  }
  return [...byTarget.values()].sort((a, b) => (a.target < b.target ? -1 : 1));
}

function parseLinks(value: unknown, nodes: ReadonlySet<string>, faults: string[]): LabLink[] {
  const entries = value === undefined || value === null ? [] : value;
  if (!Array.isArray(entries)) {
    faults.push('topology.links: must be a list');
    return [];
  }
  const used = new Set<string>();
  const links = entries.map((entry: unknown, index): LabLink => {
    const place = `topology.links.${index}`;
    const link = tree(entry, place, faults);
    const type = link.type ?? 'veth';
    if (type !== 'veth') faults.push(`${place}.type: ${String(type)} cannot be mirrored, only veth is understood`);
    else
      for (const key of Object.keys(link))
        if (!keys.LINK_KEYS.includes(key)) faults.push(`${place}.${key}: unknown key`);
    const ends = Array.isArray(link.endpoints) ? link.endpoints : [];
    if (ends.length !== 2) faults.push(`${place}.endpoints: must be two`);
    const [a, b] = [0, 1].map((side) =>
      parseEndpoint(ends[side], `${place}.endpoints.${side}`, { nodes, used, faults }),
    );
    const mtu = Number(link.mtu ?? DEFAULT_MTU);
    if (!Number.isInteger(mtu) || mtu < 68 || mtu > 65_521) faults.push(`${place}.mtu: must be 68..65521`);
    return { name: '', endpoints: [a!, b!], mtu, quality: quality(link.vars, `${place}.vars`, faults) };
  });
  return links.map((link) => ({ ...link, name: nameOf(link, links) }));
}

/** Interfaces are part of the name only where two links join the same nodes. */
function nameOf({ endpoints: [a, b] }: LabLink, links: readonly LabLink[]): string {
  const pair = (link: LabLink): string =>
    link.endpoints
      .map((end) => end.node)
      .sort()
      .join(' ');
  const parallel = links.filter((link) => pair(link) === [a.node, b.node].sort().join(' ')).length > 1;
  return parallel ? `${a.node}:${a.interface}--${b.node}:${b.interface}` : `${a.node}--${b.node}`;
}

function parseEndpoint(
  value: unknown,
  place: string,
  { nodes, used, faults }: { nodes: ReadonlySet<string>; used: Set<string>; faults: string[] },
): LabEndpoint {
  const brief = typeof value === 'string' ? value.split(':') : undefined;
  const long = brief === undefined ? tree(value, place, faults) : { node: brief[0], interface: brief[1] };
  for (const key of Object.keys(long))
    if (!keys.ENDPOINT_KEYS.includes(key)) faults.push(`${place}.${key}: kind linux ignores it: use exec`);
  const end = {
    node: String(long.node ?? ''),
    interface: String(long.interface ?? ''),
    mac: String(long.mac ?? ''),
  };
  if (brief !== undefined && brief.length !== 2) faults.push(`${place}: ${String(value)} is not NODE:INTERFACE`);
  else if (['host', 'mgmt-net', 'macvlan'].includes(end.node))
    faults.push(`${place}: a link to ${end.node} cannot be mirrored`);
  else if (!nodes.has(end.node)) faults.push(`${place}: no node ${JSON.stringify(end.node)}`);
  if (!/^[^\s/:]{1,15}$/.test(end.interface)) faults.push(`${place}: an interface name has 1..15 characters`);
  const key = `${end.node}:${end.interface}`;
  if (used.has(key)) faults.push(`${place}: ${key} is used twice`);
  used.add(key);
  return end;
}

function quality(value: unknown, place: string, faults: string[]): LabLink['quality'] {
  try {
    return parseLinkVars(tree(value, place, faults), place);
  } catch (error) {
    faults.push(error instanceof Error ? error.message : String(error));
    return PERFECT;
  }
}

function tree(value: unknown, place: string, faults: string[]): Tree {
  if (value === undefined || value === null) return {};
  if (typeof value === 'object' && !Array.isArray(value)) return value as Tree;
  faults.push(`${place}: must be a map`);
  return {};
}

function strings(value: unknown, place: string, faults: string[]): string[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value as string[];
  faults.push(`${place}: must be a list of texts`);
  return [];
}

/** Without the excerpts that the parser adds, and no more than tell what is wrong: a file that is no YAML has a fault a line. */
function yamlFaults(path: string, errors: readonly Error[]): string {
  const lines = errors.slice(0, 5).map(({ message }) => `${path}: ${message.split('\n', 1)[0]!.replace(/:$/, '')}`);
  return [...lines, ...(errors.length > 5 ? [`${path}: and ${errors.length - 5} more`] : [])].join('\n');
}
