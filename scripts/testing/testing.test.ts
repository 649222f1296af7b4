import { expect, test } from 'vitest';
import { Tally } from './tally.ts';
import { countVitest } from './vitest-report.ts';

const file = (name: string, status: string, ...tests: string[]) => ({
  name,
  status,
  assertionResults: tests.map((each, index) => ({ fullName: `t${index}`, status: each })),
});
const text = (...testResults: unknown[]) => JSON.stringify({ testResults });

test('passed, failed and skipped tests are counted, the skipped by file', () => {
  const counts = countVitest(
    text(
      file('a', 'failed', 'passed', 'failed', 'passed'),
      file('b', 'passed', 'pending', 'skipped', 'todo', 'passed'),
    ),
    1,
  );
  expect(counts).toEqual({ passed: 3, failed: 1, skipped: new Map([['b', 3]]), broken: [] });
});

test('a file that does not load is one failure', () => {
  expect(countVitest(text(file('a', 'failed'), file('b', 'passed', 'passed')), 1)).toMatchObject({
    passed: 1,
    failed: 1,
    broken: ['a'],
  });
});

test('a run that failed outside all tests is not a success', () => {
  expect(countVitest(text(file('a', 'passed', 'passed')), 1)).toMatchObject({ passed: 1, failed: 1 });
});

test('a report of another shape is refused', () => {
  expect(() => countVitest('{"tests": []}', 0)).toThrow();
});

test('the totals stand alone on the last line, after what was left out', () => {
  const lines: string[] = [];
  const tally = new Tally((line) => lines.push(line));
  tally.check({ name: 'good', pass: true, detail: 'not shown' });
  tally.check({ name: 'bad', pass: false, detail: 'two\nlines' });
  tally.add(10, 0);
  tally.leave('labs', 'no root');
  expect(lines).toEqual(['pass  good', 'FAIL  bad', '      two\n      lines', 'left out  labs: no root']);
  expect(tally.summary().split('\n')).toEqual(['left out: labs: no root', '11 passed, 1 failed']);
});
