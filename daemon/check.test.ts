import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { checkFile } from './check.ts';

const EXAMPLE = fileURLToPath(new URL('../lib/config/example.yaml', import.meta.url));

async function check(file: string): Promise<{ good: boolean; out: string[]; errors: string[] }> {
  const out: string[] = [];
  const errors: string[] = [];
  const good = await checkFile(file, {
    out: (line) => out.push(line),
    error: (line) => errors.push(...line.split('\n')),
  });
  return { good, out, errors };
}

test('a good file is summed up in one line', async () => {
  expect(await check(EXAMPLE)).toEqual({
    good: true,
    out: [`${EXAMPLE}: ok: router e1 (10.0.0.11) of site-1: 1 peer, 1 link, 1 contact instance, 1 steered service`],
    errors: [],
  });
});

test('every error of a bad file is a line with file, line, column and path', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'cfnd-check-'));
  const file = join(directory, 'bad.yaml');
  writeFileSync(
    file,
    'name: e1\nsite: s\nrouter-id: 1.1.1.1\nsecurity: plaintext\nsrv6: { locator: 5f00::/48 }\nstamp: { port: 0 }\npers: []\n',
  );
  const { good, errors } = await check(file);
  rmSync(directory, { recursive: true });
  expect(good).toBe(false);
  expect(errors).toEqual([
    `${file}:6:16 stamp.port: must be a whole number between 1 and 65535`,
    `${file}:7:1 pers: unknown option; did you mean peers?`,
    `${file}: 2 errors`,
  ]);
});

test.each([
  ['NUL', 'name: e1\n\0\0\0', 'at byte offset 9 is NUL'],
  ['an invalid byte', Buffer.from('name: \xff\xfe', 'latin1'), 'at byte offset 6 is 0xff, not UTF-8'],
  ['a character cut off', Buffer.from('# \xc3\xa9 \xef\xbf:', 'latin1'), 'at byte offset 5 is 0xef, not UTF-8'],
  ['what comes first', Buffer.from('a\xff\0', 'latin1'), 'at byte offset 1 is 0xff, not UTF-8'],
  [
    'what stands behind a replacement character',
    Buffer.from('# \xef\xbf\xbd\x80', 'latin1'),
    'at byte offset 5 is 0x80, not UTF-8',
  ],
])('a binary file is one line that names the byte: %s', async (_what, content, said) => {
  const directory = mkdtempSync(join(tmpdir(), 'cfnd-check-'));
  const file = join(directory, 'binary.yaml');
  writeFileSync(file, content);
  const { good, errors } = await check(file);
  rmSync(directory, { recursive: true });
  expect({ good, errors }).toEqual({ good: false, errors: [`${file}: is not a text file: ${said}`] });
});

test('a replacement character that the file holds itself is text', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'cfnd-check-'));
  const file = join(directory, 'text.yaml');
  writeFileSync(file, `# \ufffd\n${readFileSync(EXAMPLE, 'utf8')}`);
  const { good } = await check(file);
  rmSync(directory, { recursive: true });
  expect(good).toBe(true);
});

test('a file that cannot be read is said in words', async () => {
  expect((await check('/nowhere/x.yaml')).errors).toEqual(['/nowhere/x.yaml: there is no such file']);
  expect((await check(tmpdir())).errors).toEqual([`${tmpdir()}: is a directory`]);
});
