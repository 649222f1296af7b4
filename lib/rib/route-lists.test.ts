import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Records } from '../records.ts';
import { RouteLists } from './route-lists.ts';

const PLACE = 0;
const SERVICES = 3;

test('has the rows that were added to a service and not taken out, whatever comes and goes', () => {
  const step = fc.record({ service: fc.nat(SERVICES - 1), add: fc.boolean(), which: fc.nat() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const rows = new Records(1, PLACE);
      const lists = new RouteLists(rows, PLACE);
      const services = Array.from({ length: SERVICES }, () => ({ list: 0, rows: [] as number[] }));
      for (const { service, add, which } of steps) {
        const it = services[service]!;
        const count = it.rows.length;
        if (add) {
          const row = rows.add();
          it.list = lists.add(it.list, row);
          it.rows.push(row);
        } else if (count > 0) {
          const [row] = it.rows.splice(which % count, 1);
          it.list = lists.remove(it.list, row!);
          rows.remove(row!);
        }
        for (const { list, rows: known } of services) {
          expect(lists.rowsOf(list).sort()).toEqual([...known].sort());
          expect(list === 0).toBe(known.length === 0);
          expect(lists.isOnly(list)).toBe(known.length === 1);
        }
      }
    }),
    { numRuns: 100 },
  );
});

test('gives blocks back: rows that come and go take no more memory than those that stay', () => {
  const rows = new Records(1, PLACE);
  const lists = new RouteLists(rows, PLACE);
  let list = 0;
  const window = Array.from({ length: 10 }, () => rows.add());
  for (const row of window) list = lists.add(list, row);
  const { bytes } = lists;
  for (let i = 0; i < 50_000; i++) {
    const row = window.shift()!;
    list = lists.remove(list, row);
    rows.remove(row);
    window.push(rows.add());
    list = lists.add(list, window[9]!);
  }
  expect(lists.bytes).toBe(bytes);
  expect(lists.rowsOf(list).sort()).toEqual([...window].sort());
});
