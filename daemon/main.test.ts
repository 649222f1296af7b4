// What the command line of the daemon says, and with which exit code it ends.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

function cfnd(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

test.each([
  [['check'], /missing required argument 'file'/],
  [['run'], /required option '-c, --config <file>' not specified/],
  [['rum'], /unknown command 'rum'\s+\(Did you mean run/],
  [['run', '-c', 'a.yaml', '--log'], /unknown option '--log'/],
  [['run', '-c', 'a.yaml', '--log-level', 'loud'], /'loud' is invalid\. Allowed choices are trace, debug/],
])('%j is a wrong command line: 64', (args, said) => {
  expect(cfnd(...args)).toMatchObject({ status: 64, stderr: expect.stringMatching(said) });
});

test('a configuration that is not there: 78 to run it, 1 to check it', () => {
  expect(cfnd('run', '-c', '/nowhere/cfnd.yaml')).toMatchObject({
    status: 78,
    stderr: expect.stringMatching(/^cfnd: \/nowhere\/cfnd\.yaml: there is no such file/),
  });
  expect(cfnd('check', '/nowhere/cfnd.yaml')).toMatchObject({ status: 1 });
});

test('standard input is checked as a file is', () => {
  const { status, stderr } = spawnSync(process.execPath, [MAIN, 'check', '-'], {
    encoding: 'utf8',
    input: 'nam: e1\n',
  });
  expect({ status, stderr }).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/^-:1:1 nam: unknown option; did you mean name/m),
  });
});

test('a binary file is no configuration: 78 to run it, and the byte that says so', () => {
  expect(cfnd('run', '-c', process.execPath)).toMatchObject({
    status: 78,
    stderr: expect.stringMatching(/^cfnd: \S+: is not a text file: at byte offset \d+ is /),
  });
});

test('the help has every code', () => {
  const { status, stdout } = cfnd('--help');
  expect(status).toBe(0);
  for (const code of [0, 1, 64, 69, 70, 78]) expect(stdout).toMatch(new RegExp(`\\b${code} `));
});
