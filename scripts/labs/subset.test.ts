import { expect, test } from 'vitest';
import { compared, difference } from './subset.ts';

test('what is not expected is not looked at', () => {
  expect(difference({ a: 1 }, { a: 1, b: 2 })).toBeUndefined();
  expect(difference([{ name: 'x' }], [{ name: 'y' }, { name: 'x', state: 'up' }])).toBeUndefined();
});

test.each<[unknown, unknown, string]>([
  [{ a: { b: 1 } }, { a: { b: 2 } }, '$.a.b is 2, not 1'],
  [{ a: 1 }, {}, '$.a is missing'],
  [[1], [2], '$[0] has no match for 1 among 1: $[0] is 2, not 1'],
  [[1], { 0: 1 }, '$ is no list: {"0":1}'],
  [{ $count: 2 }, [1], '$ has 1 items, not 2'],
  [{ $all: { up: true } }, [{ up: true }, { up: false }], '$[1].up is false, not true'],
  [{ $between: [1, 3] }, 4, '$ is 4, not between 1 and 3'],
  [{ $matches: '^sv' }, 'in1', '$ is "in1", which does not match ^sv'],
  [{ $about: 3 }, 3, '$: $about is no comparison'],
])('%j against %j: %s', (expected, seen, text) => {
  expect(difference(expected, seen)).toBe(text);
});

test('operators in one object must all hold', () => {
  const expected = { $count: 2, $all: { $between: [0, 9] } };
  expect(difference(expected, [1, 9])).toBeUndefined();
  expect(difference(expected, [1, 10])).toBe('$[1] is 10, not between 0 and 9');
});

test('a report shows what was compared, and nothing else', () => {
  const seen = [
    { name: 'a', state: 'up', more: 1 },
    { name: 'b', state: 'down', links: [{ us: 3, x: 1 }] },
  ];
  expect(compared([{ name: 'b', links: { $all: { us: { $between: [1, 4] } } } }], seen)).toEqual([
    { name: 'b', links: [{ us: 3 }] },
  ]);
  expect(compared({ $count: 2, $all: { state: 'up' } }, seen)).toEqual([{ state: 'up' }, { state: 'down' }]);
  expect(compared({ $count: 2 }, seen)).toBe('2 items');
});
