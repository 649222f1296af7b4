// What the command line of the lab runner says of labs that are not there, and with which exit code it ends.
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const METRO = fileURLToPath(new URL('../../containerlab/metro-3/metro-3.clab.yml', import.meta.url));
const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

test.each([
  [['verify', '--lab', 'nowhere'], /lab nowhere is not deployed; -t FILE names its file/],
  [['graph', '--lab', 'nowhere'], /lab nowhere is not deployed; -t FILE names its file/],
  [['validate', '--lab', 'nowhere'], /lab nowhere is not deployed; -t FILE names its file/],
  [['exec', '--lab', 'nowhere', 'in1', '--', 'true'], /lab nowhere is not deployed/],
  [['exec', '--lab', 'nowhere', 'all', '--', 'true'], /lab nowhere is not deployed/],
  [['deploy', '--lab', 'nowhere'], /^lab: deploy: -t FILE names the file of lab nowhere /],
  [['deploy', '--lab', 'nowhere', '-t', METRO], /^lab: deploy: \S+ is lab metro-3, not nowhere\n$/],
  [['deploy'], /name the lab with -t FILE \(0 /],
  [['graph'], /name the lab with -t FILE or --lab NAME \(0 /],
])('%j: 1, and why', (args, said) => {
  const env = { ...process.env, CFN_LAB_RUNTIME: `${tmpdir()}/cfn-lab-of-nobody` };
  const { status, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8', cwd: tmpdir(), env });
  expect({ status, stderr }).toMatchObject({ status: 1, stderr: expect.stringMatching(said) });
});
