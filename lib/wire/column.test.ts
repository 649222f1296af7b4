import { expect, test } from 'vitest';
import { emptyColumn, takeColumn } from './column.ts';
import { Cursor, LEN } from './cursor.ts';

test.each(['fixed64', 'fixed32', 'float'] as const)(
  'a packed %s that ends the frame in half an element is broken',
  (kind) => {
    const width = kind === 'fixed64' ? 8 : 4;
    const length = width + width / 2;
    // Its own buffer, so that a read beyond the end is one beyond the view.
    const frame = new Uint8Array([length, ...new Array<number>(length).fill(1)]);
    const column = emptyColumn(kind);
    takeColumn(new Cursor(frame), (1 << 3) | LEN, column);
    expect(column.broken).toBe(`length is not a multiple of ${width}`);
    expect(column.values).toHaveLength(1);
  },
);
