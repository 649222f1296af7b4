import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HandleTable } from './handles.ts';

test('a handle names the row bound last, sparse or dense, and says which one it displaced', () => {
  const handle = fc.oneof(
    fc.integer({ min: 1, max: 6 }),
    fc.constantFrom(4095, 4096, 4_194_303, 4_194_304, 0x7fff_ffff),
  );
  const step = fc.record({ handle, row: fc.nat(5), bind: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const table = new HandleTable();
      const model = new Map<number, number>();
      for (const it of steps) {
        const before = model.get(it.handle) ?? -1;
        if (it.bind) {
          expect(table.bind(it.handle, it.row)).toBe(before === it.row ? -1 : before);
          model.set(it.handle, it.row);
        } else {
          expect(table.unbind(it.handle)).toBe(before);
          model.delete(it.handle);
        }
        expect(table.size).toBe(model.size);
        for (const [known, row] of model) expect(table.resolve(known)).toBe(row);
      }
      expect(table.resolve(7)).toBe(-1);
    }),
  );
});
