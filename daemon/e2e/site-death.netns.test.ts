// A site dies, in the ways sites die: its uplink is cut, it goes silent, its daemon is stopped, its service host is gone.
// New connections must succeed elsewhere within the detection time, and come back with the site.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { whyNoKernelTests } from '../fib/testing/namespaces.ts';
import { Lab } from './lab.fixture.ts';
import { type LabPlan, TWO_SITES } from './lab-plan.fixture.ts';
import { built, type Client } from './program.fixture.ts';

const why = whyNoKernelTests();
if (why) process.stderr.write(`deaths of sites are not tested: ${why}\n`);

/** Half a second of silence is nothing special for a daemon on a busy machine, two are; by carrier it takes no time. */
const DETECTION = { stamp: { 'detect-multiplier': 20 } };
const PLAN: LabPlan = {
  ...TWO_SITES,
  options: Object.fromEntries(TWO_SITES.routers.map((name) => [name, DETECTION])),
};
/** Detection takes two seconds at most; the rest is a busy machine's. */
const OUTAGE_MS = 10_000;
const ROOT = join(import.meta.dirname, '../..');

describe.skipIf(why !== undefined)('a site that dies', () => {
  let lab: Lab;
  let client: Client;

  beforeAll(async () => {
    await built();
    lab = new Lab(PLAN);
    await lab.startAll((router) => ['--record', join(lab.directory, `${router}.jsonl`)]);
  }, 300_000);

  afterAll(async () => {
    await lab?.stop();
  });

  /** Kills a site under traffic, and brings it back; the outage that clients saw, ms. */
  async function dies(how: { readonly death: () => unknown; readonly revival: () => unknown }): Promise<number> {
    await lab.until('site 1 is preferred', async () => (await lab.weights()).sv1 === 1000);
    client = lab.startClient(['--rate', '25', '--phase', 'first']);
    // What routers know of each other says nothing of packets: a whole second of flows has to succeed.
    const site1Serves = () => (client.second?.newFlows.sv1 ?? 0) > 0 && client.second?.failed === 0;
    await lab.until('site 1 serves', site1Serves);
    client.mark('alive');
    await lab.until('site 1 goes on serving', () => client.second?.phase === 'alive' && site1Serves());
    client.mark('dead');
    await how.death();
    await lab.until('site 2 serves all new flows', () => {
      const { newFlows = {}, failed = 1 } = client.second ?? {};
      return (newFlows.sv2 ?? 0) > 0 && newFlows.sv1 === undefined && failed === 0;
    });
    client.mark('revived');
    await how.revival();
    await lab.until('site 1 serves again', () => (client.second?.newFlows.sv1 ?? 0) > 0);
    const summary = await client.stop();
    const [, alive, dead, revived] = summary.phases;
    expect(alive, lab.told(alive)).toMatchObject({ failedFlows: 0, brokenFlows: 0 });
    expect(Object.keys(dead!.newFlows)).toContain('sv2');
    // The return of a site interrupts nobody.
    expect(revived, lab.told(revived)).toMatchObject({ failedFlows: 0, brokenFlows: 0, movedFlows: 0 });
    const outageMs = dead!.outageFromMs === null ? 0 : (dead!.resumedAfterMs ?? Number.POSITIVE_INFINITY);
    expect(outageMs).toBeLessThan(OUTAGE_MS);
    return outageMs;
  }

  /** Recorded, not judged: the figure belongs to the machine. */
  function record(what: string, outageMs: number): void {
    process.stderr.write(`site death, ${what}: new connections failed for ${outageMs.toFixed(0)} ms\n`);
  }

  test('by its uplink going down: the other site takes over', { timeout: 300_000 }, async () => {
    const uplink = (state: 'up' | 'down') => () => lab.ns('eg1').ip('link', 'set', 'dev', 'core1', state);
    record('link down', await dies({ death: uplink('down'), revival: uplink('up') }));
  });

  test('by silence, with every interface up: test packets tell', { timeout: 300_000 }, async () => {
    const death = () =>
      lab
        .ns('core1')
        .nft('table inet cut { chain c { type filter hook prerouting priority -400; iifname "eg1" drop; }; }');
    const revival = () => lab.ns('core1').nft('delete table inet cut');
    record('silence', await dies({ death, revival }));
  });

  test('by its service host: the health check falls, the route goes, and rises again', {
    timeout: 300_000,
  }, async () => {
    const egress = lab.daemon('eg1');
    let host = lab.host(1);
    const death = async () => {
      const before = egress.lines(/contact instance unhealthy/).length;
      await host.end('SIGKILL');
      await lab.until('the route is withdrawn', async () => {
        const rib = await lab.ask('in', (admin) => admin.show('rib'));
        return rib.every((row) => row.instanceName !== 'sv1');
      });
      expect(egress.lines(/contact instance unhealthy/)).toHaveLength(before + 1);
      const [row] = await lab.ask('eg1', (admin) => admin.show('instances'));
      expect(row).toMatchObject({ health: 'down', advertised: false });
    };
    const revival = () => {
      host = lab.startHost(1);
    };
    record('service host killed', await dies({ death, revival }));
    expect(egress.lines(/contact instance healthy/).length).toBeGreaterThan(1);
  });

  test('by a clean stop: withdrawn first, and nothing of it is left in the kernel', { timeout: 300_000 }, async () => {
    const death = async () => {
      const { code } = await lab.daemon('eg1').end('SIGTERM');
      expect(code, lab.daemon('eg1').tail()).toBe(0);
      expect(ownObjects()).toEqual({ routes: '', nexthops: '', rules: '', tables: '', device: '' });
    };
    const outageMs = await dies({ death, revival: () => lab.start('eg1') });
    record('clean stop', outageMs);
    // Traffic left before the objects went: nobody noticed.
    expect(outageMs).toBe(0);
  });

  test('and every recording of it replays byte for byte', { timeout: 300_000 }, async () => {
    for (const router of ['in', 'core1', 'core2', 'eg2']) await lab.daemon(router).end('SIGTERM');
    for (const router of ['in', 'core1', 'core2', 'eg2']) {
      const file = join(lab.directory, `${router}.jsonl`);
      const { stdout, stderr } = spawnSync(join(ROOT, 'scripts/replay'), [file], { encoding: 'utf8' });
      expect(stdout + stderr, router).toMatch(/: same effects \(\d{3,} events/);
    }
  });

  function ownObjects(): Record<string, string> {
    const list = (...args: string[]) => lab.ns('eg1').ip(...args);
    const own = (text: string) =>
      text
        .split('\n')
        .filter((line) => /proto(col)? 201/.test(line))
        .join('\n');
    return {
      routes: own(list('-6', 'route', 'show', 'table', 'all')),
      nexthops: own(list('nexthop', 'show')),
      rules: own(list('-6', 'rule', 'show')),
      tables: lab.ns('eg1').run('nft', 'list', 'tables').trim(),
      device: list('-br', 'link', 'show', 'type', 'bridge').trim(),
    };
  }
});
