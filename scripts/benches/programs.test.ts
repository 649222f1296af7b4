import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { missingPrograms, needPrograms } from './programs.ts';

let directory = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'cfnd-programs-'));
  for (const [name, mode] of [
    ['nft', 0o755],
    ['notes', 0o644],
  ] as const) {
    writeFileSync(join(directory, name), '');
    chmodSync(join(directory, name), mode);
  }
  mkdirSync(join(directory, 'empty'));
});

afterEach(() => rmSync(directory, { recursive: true }));

test('a program is missing that is in no directory of the path, or may not be run', () => {
  const path = `${join(directory, 'empty')}::${directory}`;
  expect(missingPrograms(['nft', 'notes', 'cc'], path)).toEqual(['notes', 'cc']);
  expect(missingPrograms(['nft'], '')).toEqual(['nft']);
});

test('whoever needs missing programs is told all of them and what brings them, in one line', () => {
  expect(() => needPrograms(['nft'], directory)).not.toThrow();
  expect(() => needPrograms(['nft', 'cc'], directory)).toThrow(/^cc is missing: run scripts\/setup first$/);
  expect(() => needPrograms(['ip', 'cc'], directory)).toThrow(/^ip, cc are missing: run scripts\/setup first$/);
});
