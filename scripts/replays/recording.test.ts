import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';
import { readRecording } from './recording.ts';

const folder = mkdtempSync(join(tmpdir(), 'cfn-recording-'));
afterAll(() => rmSync(folder, { recursive: true }));

const TEXT = '{"event":{"type":"start"}}\n{"effects":[]}\n';

function read(bytes: string | Uint8Array) {
  const file = join(folder, 'recording');
  writeFileSync(file, bytes);
  const { lines, cutLine } = readRecording(file);
  return [lines.filter((line) => line !== '').length, cutLine];
}

test.each([
  ['whole', TEXT, 2, undefined],
  ['without its last line end', TEXT.slice(0, -1), 2, undefined],
  ['cut in its second line', TEXT.slice(0, -4), 1, 2],
  ['cut where a line could end', TEXT.slice(0, 24), 0, 1],
  ['empty', '', 0, undefined],
])('a recording that is %s is read as far as it goes', (_name, text, lines, cutLine) => {
  expect(read(text)).toEqual([lines, cutLine]);
  expect(read(gzipSync(text))).toEqual([lines, cutLine]);
});

test('a packed one that breaks off is read up to there', () => {
  const events = Array.from({ length: 5000 }, (_, i) => `{"event":{"type":"timer","timer":"${i * 7919}"}}`);
  const packed = gzipSync(`${events.join('\n')}\n`);
  const [lines, cutLine] = read(packed.subarray(0, packed.length / 2));
  expect(lines).toBeGreaterThan(1000);
  expect(lines).toBeLessThan(4000);
  expect(cutLine).toBe(lines! + 1);
});
