import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HandleAllocator, HandleTable } from './handles.ts';

describe('handles', () => {
  it('gives a key the same handle until it is released, and never two keys the same one', () => {
    const allocator = new HandleAllocator<string>();
    expect([allocator.assign('a'), allocator.assign('b'), allocator.assign('a')]).toEqual([1, 2, 1]);
    expect(allocator.release('a')).toBe(1);
    expect(allocator.get('a')).toBeUndefined();
    expect(allocator.release('a')).toBeUndefined();
    expect(allocator.assign('c')).toBe(1);
  });

  it('tells which route another announcement under the same handle pushes out', () => {
    const table = new HandleTable<string>();
    expect(table.bind(7, 'a')).toBeUndefined();
    expect(table.bind(7, 'a')).toBeUndefined();
    expect(table.bind(7, 'b')).toBe('a');
    expect(table.resolve(8)).toBeUndefined();
    expect(table.unbind(7)).toBe('b');
    expect(table.size).toBe(0);
  });

  it('keeps both ends of a session in agreement through any sequence of announcements and withdrawals', () => {
    const change = fc.record({ announce: fc.boolean(), key: fc.integer({ min: 0, max: 12 }) });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
        const sender = new HandleAllocator<number>();
        const receiver = new HandleTable<number>();
        const announced = new Set<number>();
        for (const { announce, key } of changes) {
          if (announce) {
            expect(receiver.bind(sender.assign(key), key)).toBeUndefined();
            announced.add(key);
          } else {
            const handle = sender.release(key);
            expect(handle === undefined).toBe(!announced.has(key));
            if (handle !== undefined) expect(receiver.unbind(handle)).toBe(key);
            announced.delete(key);
          }
          expect(new Set([...receiver.entries()].map(([, k]) => k))).toEqual(announced);
          for (const k of announced) expect(receiver.resolve(sender.get(k)!)).toBe(k);
        }
      }),
    );
  });
});
