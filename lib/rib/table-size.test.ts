import { expect, test } from 'vitest';
import { RouteTable } from './route-table.ts';

test('a service of one route takes 80 bytes, and whoever else says the route 16 more', () => {
  const table = new RouteTable(5);
  for (const name of ['p1', 'p2']) table.sources.number(name);
  const set = table.sets.intern({ sitePath: [], clusterList: [], communities: [] } as never);
  // Whole chunks of every column.
  const routes = 1 << 16;
  const words = new Uint32Array(4);
  for (let i = 0; i < routes; i++) {
    words[3] = i;
    table.announce(table.intern(words, 0, words, 0, 7), 1, set, i + 1);
  }
  const { bytes } = table;
  expect(bytes / routes).toBeLessThanOrEqual(80);
  const longer = table.sets.intern({ sitePath: ['a'], clusterList: [], communities: [] } as never);
  for (let row = 0; row < routes; row++) table.announce(row, 2, longer, row + 1);
  expect(table.bytes - bytes).toBe(16 * routes);
});

test('paths that come and go take no more memory than those that stay, whichever is in use', () => {
  const table = new RouteTable(5);
  const sources = [1, 2, 3];
  for (const source of sources) table.sources.number(`p${source}`);
  const set = table.sets.intern({ sitePath: [], clusterList: [], communities: [] } as never);
  const words = new Uint32Array(4);
  const row = table.intern(words, 0, words, 0, 7);
  for (const source of sources) table.announce(row, source, set, 0);
  const { bytes } = table;
  for (let i = 0; i < 30_000; i++) {
    const source = sources[i % 3]!;
    table.withdraw(row, source);
    table.announce(row, source, set, 0);
  }
  expect(table.bytes).toBe(bytes);
});
