// Which options of a configuration that was read again differ from those in force and are not taken while sessions stay:
// all but policies, and what peers say about them. Told in the words of the file, as far as the values are named after them.
import { samePlain } from '../same-plain.ts';
import type { PeerConfig, RouterConfig } from './config.ts';

const UNIT = /(Ms|Us|Bps|Bytes)$/;

/** Paths such as `links.core1.delay`, in order of the file; a list without names is one option. */
export function unappliedOptions(running: RouterConfig, read: RouterConfig): string[] {
  const found: string[] = [];
  compare(withoutPolicies(running), withoutPolicies(read), [], found);
  return found;
}

function withoutPolicies({ policies: _, ...config }: RouterConfig) {
  return { ...config, peers: config.peers.map(withoutAttachment) };
}

function withoutAttachment({ importPolicy: _i, exportPolicy: _e, subscription: _s, ...peer }: PeerConfig) {
  return peer;
}

function compare(running: unknown, read: unknown, path: readonly string[], found: string[]): void {
  if (samePlain(running, read)) return;
  const [a, b] = [parts(running), parts(read)];
  if (a === undefined || b === undefined) return void found.push(path.join('.'));
  for (const key of new Set([...a.keys(), ...b.keys()])) compare(a.get(key), b.get(key), [...path, key], found);
}

/** By the word of the file, or by name; undefined: it has no parts that could be named. */
function parts(value: unknown): Map<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (!Array.isArray(value)) return new Map(Object.entries(value).map(([key, part]) => [word(key), part]));
  const names = value.map(
    (item: { name?: unknown; instanceName?: unknown } | null) => item?.name ?? item?.instanceName,
  );
  return names.every((name) => typeof name === 'string')
    ? new Map(names.map((name, i) => [name, value[i]]))
    : undefined;
}

function word(key: string): string {
  return key.replace(UNIT, '').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
