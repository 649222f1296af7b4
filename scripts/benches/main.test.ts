// What the command line of the benches says of rows that there are not, before it measures anything.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

test.each([
  [
    ['segment', '--only', 'nowhere'],
    1,
    /^bench segment: no row has "nowhere" in its id: segment\.full\.2, segment\.full\.6, /,
  ],
  [
    ['simulation', '--only', 'S1'],
    1,
    /^bench simulation: measures all of its rows together: --only does not go with it\n$/,
  ],
  [['segment', '--only'], 2, /^usage: /],
  [['segment', '--rounds'], 2, /^usage: /],
  [['nothing', '--only', 'x'], 2, /^bench: no bench named nothing\n/],
])('%j: %d, and why', (args, code, said) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8' });
  expect({ status, stdout, stderr }).toEqual({ status: code, stdout: '', stderr: expect.stringMatching(said) });
});
