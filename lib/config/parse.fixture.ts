// Configuration files for tests of the parser, and what it makes of them.
import { readFileSync } from 'node:fs';
import { parse as parseYaml, stringify } from 'yaml';
import type { RouterConfig } from './config.ts';
import { formatConfigError, parseConfig } from './parse.ts';

/** The file that shows every option. */
export const EXAMPLE = readFileSync(new URL('./example.yaml', import.meta.url), 'utf8');

/** What a router with one link, peer and contact instance must say. */
export const MINIMAL = `
name: e1
site: site-1
router-id: 10.0.0.11
security: plaintext
srv6: { locator: "5f00:0:11::/48" }
links:
  - { name: eth1, neighbour: 10.0.0.21, local-address: "fd00:1::11", remote-address: "fd00:1::21" }
peers:
  - { name: c1, address: "fd00:1::21" }
instances:
  - name: web-1
    service: fd00:cafe::80
    address: fd00:51::10
    sid: "5f00:0:11:100::"
    metrics: { kind: prometheus, url: "http://[fd00:51::10]:9100/metrics" }
`;

/** Throws what the parser says against the text. */
export function accepted(text: string): RouterConfig {
  const result = parseConfig(text);
  if (!result.ok) throw new Error(result.errors.map((error) => formatConfigError('x', error)).join('\n'));
  return result.config;
}

/** What the parser says against the text, a line each; empty: nothing. */
export function refused(text: string): string[] {
  const result = parseConfig(text);
  return result.ok ? [] : result.errors.map((error) => formatConfigError('f', error));
}

/** The minimal file with other sections; `undefined` leaves one out. */
export function withSections(sections: Record<string, unknown>): string {
  return stringify({ ...(parseYaml(MINIMAL) as object), ...sections }, { keepUndefined: false });
}

/** Where the scalars of a document are. */
export function scalarPaths(value: unknown, path: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  if (Array.isArray(value)) return value.flatMap((it, i) => scalarPaths(it, [...path, i]));
  return Object.entries(value).flatMap(([key, it]) => scalarPaths(it, [...path, key]));
}

/** Entries of `links` and `instances` in which nothing is wrong. */
export const INSTANCE = { name: 'a', service: 'fd00:cafe::80', address: 'fd00::5', metrics: { kind: 'push' } };
export const LINK = {
  name: 'eth1',
  neighbour: '10.0.0.21',
  'local-address': 'fd00:1::11',
  'remote-address': 'fd00:1::21',
};
