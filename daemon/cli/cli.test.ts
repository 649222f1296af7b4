// The command line against a real admin server over a unix socket; what people see is kept in golden/ (vitest -u rewrites).
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { VIEW_KINDS } from '../../lib/model/view.ts';
import type { AdminBackend } from '../admin/backend.ts';
import { createFakeBackend, type FakeBackend, NOW_MS } from '../admin/fake-backend.fixture.ts';
import { type AdminServer, startAdminServer } from '../admin/server.ts';
import { EXIT } from './context.ts';
import { runCli } from './program.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
let directory: string;
let socket: string;
let server: AdminServer;
let backend: FakeBackend;

/** The server lives as long as the file; every test gets a backend of its own behind it. */
const switchboard: AdminBackend = {
  status: () => backend.status(),
  show: (kind) => backend.show(kind),
  explain: (service, fromSite) => backend.explain(service, fromSite),
  setDrain: (instances, drain) => backend.setDrain(instances, drain),
  localInstances: () => backend.localInstances(),
  report: (instance, report) => backend.report(instance, report),
  reloadCertificates: () => backend.reloadCertificates(),
  session: (peer, command, text) => backend.session(peer, command, text),
  policyTest: (policyTest) => backend.policyTest(policyTest),
  reloadPolicies: () => backend.reloadPolicies(),
  watch: (kind, changed) => backend.watch(kind, changed),
};

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'cfnctl-'));
  socket = join(directory, 'cfnd.sock');
  const outcome = await startAdminServer({ backend: switchboard, socket, nowMs: () => NOW_MS });
  if (!outcome.ok) throw new Error(outcome.text);
  server = outcome.value;
});

beforeEach(() => {
  backend = createFakeBackend();
});

afterAll(async () => {
  await server.close(100);
  rmSync(directory, { recursive: true, force: true });
});

interface Result {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

async function cfnctl(
  line: string,
  options: { isTerminal?: boolean; onOut?: (text: string) => void; environment?: Record<string, string> } = {},
): Promise<Result> {
  let out = '';
  let error = '';
  const code = await runCli(line.split(' '), {
    out: (text) => {
      out += text;
      options.onOut?.(text);
    },
    error: (text) => {
      error += text;
    },
    isTerminal: options.isTerminal ?? false,
    environment: options.environment ?? { CFND_SOCKET: socket },
    nowMs: () => NOW_MS,
  });
  return { code, out, error };
}

describe('what people see', () => {
  const lines = [
    'status',
    ...VIEW_KINDS.map((kind) => `show ${kind}`),
    'explain web',
    'explain batch --from site-2',
    'peer c1',
    'policy test c1 import web',
    'session reset c1 --text upgrade',
    'policy reload',
  ];
  test.each(lines)('cfnctl %s', async (line) => {
    const { out, error } = await cfnctl(line);
    expect(error).toBe('');
    expect(out).not.toMatch(/[ \t]$/m);
    expect(stripVTControlCharacters(out)).toBe(out);
    await expect(out).toMatchFileSnapshot(`golden/${line.replace(/^show /, '').replaceAll(/[ -]+/g, '-')}.txt`);
  });

  test('help names every command and the exit codes', async () => {
    const { code, out } = await cfnctl('--help', { environment: {} });
    expect(code).toBe(EXIT.ok);
    await expect(out).toMatchFileSnapshot('golden/help.txt');
  });

  test('colour is for terminals and does not move columns', async () => {
    const [plain, coloured] = [await cfnctl('show rib'), await cfnctl('show rib', { isTerminal: true })];
    expect(coloured.out).toContain('\x1b[32mbest\x1b[0m');
    expect(stripVTControlCharacters(coloured.out)).toBe(plain.out);
  });

  test('show fib --verify tells object by object what the kernel holds, and its exit code whether all is there', async () => {
    const { code, out } = await cfnctl('show fib --verify');
    expect(code).toBe(EXIT.negative);
    expect(out).toMatch(/route +in-force +fd00:cafe::80\/128 nhid 100000001 table 10000/);
    expect(out).toMatch(/rule +missing +fwmark 0x100\/0xfff lookup 10000/);
    expect(out).toMatch(/nexthop +unwanted +nexthop 200000999/);
    expect((await cfnctl('show fib')).code).toBe(EXIT.ok);
    expect((await cfnctl('show sids')).out).toMatch(/5f00:0:11:d4::\/64 +End.DX4 nh4 0.0.0.0 +7 +700 +1/);
  });

  test('what a peer sends cannot steer the terminal', async () => {
    const [peer] = backend.rows('peers');
    backend.put('peers', [{ ...peer!, lastError: 'bye\x1b[2J\u202e' }]);
    expect((await cfnctl('show peers')).out).toContain('bye\\u001b[2J\\u202e');
  });
});

describe('JSON', () => {
  test('is the view itself, for every command that answers', async () => {
    for (const kind of VIEW_KINDS) {
      expect(JSON.parse((await cfnctl(`show ${kind} --json`)).out), kind).toEqual(backend.rows(kind));
    }
    expect(JSON.parse((await cfnctl('--json status')).out)).toEqual(backend.status());
    expect(JSON.parse((await cfnctl('explain web --json')).out)).toMatchObject({
      service: 'fd00:cafe::80',
      best: 'fd00:51::10',
    });
    expect(JSON.parse((await cfnctl('drain web-10 --json')).out).changed).toHaveLength(1);
    expect(JSON.parse((await cfnctl('report web-11 --score 4 --json')).out)).toMatchObject({ instanceName: 'web-11' });
  });
});

describe('exit codes', () => {
  test.each([
    ['explain wbe', EXIT.negative, /^cfnctl: there is no service "wbe"; did you mean web\?\n$/],
    ['explain web --from mars', EXIT.negative, /no router of site mars/],
    ['drain nothing', EXIT.negative, /there is no contact instance "nothing", nor a service that has one/],
    ['report web-10 --in-flight 1', EXIT.negative, /takes its load from prometheus/],
    ['explain', EXIT.usage, /missing required argument 'service'/],
    ['show rib --verify', EXIT.usage, /--verify goes with fib/],
    ['show pers', EXIT.usage, /Allowed choices are peers, services/],
    ['session explode c1', EXIT.usage, /Allowed choices are reset, hard-reset/],
    ['policy test c1 sideways', EXIT.usage, /Allowed choices are import, export/],
    ['shwo peers', EXIT.usage, /unknown command 'shwo'\n\(Did you mean show\?\)/],
    ['show peers --jsn', EXIT.usage, /unknown option '--jsn'\n\(Did you mean --json\?\)/],
    ['report web-11', EXIT.usage, /say at least one value/],
    ['report web-11 --in-flight many', EXIT.usage, /it must be a number/],
    ['report web-11 --work-time 15', EXIT.usage, /it must be a time with its unit/],
    ['report web-11 --score 11', EXIT.usage, /from 0 to 10/],
    [
      'status --socket /nowhere/cfnd.sock',
      EXIT.unreachable,
      /cannot reach cfnd on \/nowhere\/cfnd\.sock: there is no such socket/,
    ],
  ])('cfnctl %s ends with %i', async (line, code, message) => {
    const result = await cfnctl(line);
    expect(result).toMatchObject({ code, out: '' });
    expect(result.error).toMatch(message);
  });

  test('an instance that is tried again is named with the reason', async () => {
    const explained = backend.explain('fd00:cafe::80');
    if (!explained.ok) throw new Error(explained.text);
    const [best, ...others] = explained.value.candidates;
    const tried = { ...best!, contactInstance: 'fd00:54::10', instanceName: 'web-40', weight: 5, verdict: 'exploring' };
    backend.explain = () => ({ ok: true, value: { ...explained.value, candidates: [best!, tried, ...others] } });
    const { code, out } = await cfnctl('explain web');
    expect(code).toBe(EXIT.ok);
    expect(out).toMatch(
      /^exploring +web-40: slow by what is known, which is little of late; a few new flows find out$/m,
    );
    expect(out).toMatch(/^web-40 .* 0\.5 +exploring$/m);
  });

  test('a decision with nothing eligible is printed and is a negative answer', async () => {
    const { code, out } = await cfnctl('explain batch');
    expect(code).toBe(EXIT.negative);
    expect(out).toMatch(/nothing is eligible/);
  });
});

describe('changes', () => {
  test('drain says what it did, what was so before, and what is only ours', async () => {
    expect((await cfnctl('drain web-10')).out).toBe('web-10: draining\n');
    expect((await cfnctl('drain web')).out).toBe('web-10: draining (as before)\nweb-11: draining\n');
    expect((await cfnctl('undrain all')).out).toBe('web-10: attracts new flows\nweb-11: attracts new flows\n');
    expect((await cfnctl('drain batch-1')).out).toBe(
      'batch-1: draining, for this ingress only: it is not an instance of this router\n',
    );
  });

  test('drain --watch prints what is left until all it named are over', async () => {
    const poll = async (condition: () => boolean) => {
      while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
    };
    const running = cfnctl('drain web-10 --timeout 5m --quiet 10s --watch');
    await poll(() => backend.watcherCount === 1);
    const [own] = backend.rows('drains');
    backend.put('drains', [{ ...own!, flows: 2 }]);
    backend.put('drains', [{ ...own!, flows: 0, state: 'drained' }]);
    const { out, code } = await running;
    expect(code).toBe(EXIT.ok);
    expect(out).toMatch(/^web-10: draining/);
    expect(out.trimEnd().split('\n').at(-1)).toMatch(/^web-10: drained after .*, 0 flows left here/);
    backend.put('drains', [{ ...own!, state: 'timed-out' }]);
    expect((await cfnctl('drain web-10 --watch')).code).toBe(EXIT.negative);
    await cfnctl('undrain all');
    expect(await cfnctl('drain web-10 --timeout soon')).toMatchObject({ code: EXIT.usage });
  });

  test('report carries numbers and times in the units of the API', async () => {
    const { out } = await cfnctl(
      'report web-11 --workers 8 --in-flight 3 --work-time 15ms --service-time 800us --arrival-rate 2.5',
    );
    expect(out).toBe('reported for web-11\n');
    expect(backend.reports[0]!.report).toEqual({
      workers: 8,
      inFlight: 3,
      workTimeUs: 15_000,
      serviceTimeUs: 800,
      arrivalRate: 2.5,
    });
  });

  test('watch prints the view, then a line for each row with what changed from what to what', async () => {
    const [web, batch] = backend.rows('services');
    let step = 0;
    const { code, out } = await cfnctl('watch --count 4', {
      onOut: () => {
        step++;
        const moved = {
          ...web!,
          weights: [{ ...web!.weights[1]!, weight: 1000 }],
          change: 'lost',
          changedAtMs: NOW_MS,
        };
        if (step === 1) backend.put('services', [moved, batch!]);
        if (step === 2) backend.put('services', [moved]);
        if (step === 3) backend.put('services', [moved, batch!]);
      },
    });
    expect(code).toBe(EXIT.ok);
    const changes = out
      .split('\n')
      .slice(3, -1)
      .map((line) => line.replace(/^\d\d:\d\d:\d\d\.\d{3} /, ''));
    expect(changes).toEqual([
      '~ web: NEW FLOWS[%] site-1/web-10 70.0, site-2/web-20 30.0 -> site-2/web-20 100.0  CHANGE rebalanced -> lost',
      '- batch',
      expect.stringMatching(/^\+ batch: ADDRESS fd00:cafe::90 {2}CLASS -/),
    ]);
  });

  test('watch --json is one change a line', async () => {
    const { out } = await cfnctl('watch peers --json --count 1');
    const [line, rest] = out.split('\n');
    expect(rest).toBe('');
    expect(JSON.parse(line!)).toEqual({ snapshot: true, rows: backend.rows('peers'), removed: [], atMs: NOW_MS });
  });
});

describe('completion', () => {
  const has = (shell: string) => spawnSync(shell, ['-c', 'true']).status === 0;

  test.each(['bash', 'zsh', 'fish'])('the script for %s is what it was', async (shell) => {
    const { code, out } = await cfnctl(`completion ${shell}`);
    expect(code).toBe(EXIT.ok);
    await expect(out).toMatchFileSnapshot(`golden/completion.${shell}`);
  });

  // Without the shell there is nobody to judge the syntax.
  for (const shell of ['bash', 'zsh', 'fish']) {
    test.skipIf(!has(shell))(`${shell} takes its script (skipped where ${shell} is not installed)`, async () => {
      const { out } = await cfnctl(`completion ${shell}`);
      const checked = spawnSync(shell, ['-n'], { input: out, encoding: 'utf8' });
      expect(checked).toMatchObject({ status: 0, stderr: '' });
    });
  }

  beforeAll(() => {
    const command = join(directory, 'cfnctl');
    writeFileSync(command, `#!/bin/sh\nexec ${JSON.stringify(process.execPath)} ${JSON.stringify(MAIN)} "$@"\n`);
    chmodSync(command, 0o755);
  });

  async function complete(...words: string[]): Promise<string[]> {
    const env = words.includes('--socket') ? '/nowhere' : socket;
    const script = `
      source <(cfnctl completion bash)
      COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
      _cfnctl
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const shell = spawn('bash', ['--norc', '-c', script], {
      env: { ...process.env, CFND_SOCKET: env, PATH: `${directory}:${process.env.PATH}` },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let out = '';
    for await (const text of shell.stdout.setEncoding('utf8')) out += text as string;
    return out.split('\n').filter((line) => line !== '');
  }

  test('in bash knows commands, views, options and the names the daemon knows', async () => {
    const completed = await Promise.all([
      complete('cfnctl', 'und'),
      complete('cfnctl', 'show', 'p'),
      complete('cfnctl', '--socket', '/x', 'show', 'link'),
      complete('cfnctl', 'explain', '--fr'),
      complete('cfnctl', '--socket', socket, 'explain', 'w'),
      complete('cfnctl', 'drain', ''),
      complete('cfnctl', 'report', 'web-'),
      complete('cfnctl', '--socket', socket, 'session', 'reset', ''),
    ]);
    expect(completed).toEqual([
      ['undrain'],
      ['peers', 'paths'],
      ['link-state'],
      ['--from'],
      ['web'],
      ['all', 'web', 'batch', 'web-10', 'web-11'],
      ['web-10', 'web-11'],
      ['c1', 'c2'],
    ]);
  });
});

test('the program itself ends quietly when its reader has seen enough', async () => {
  const child = spawn(process.execPath, [MAIN, '--socket', socket, 'show', 'rib', '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.destroy();
  let error = '';
  for await (const text of child.stderr.setEncoding('utf8')) error += text as string;
  expect(error).toBe('');
});
