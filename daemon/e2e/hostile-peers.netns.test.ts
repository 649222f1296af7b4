// Peers that mean harm, over real sessions with mutual TLS: the daemon stays up, its memory stays bounded, its other
// session does not notice, and whoever offends is told why.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { whyNoKernelTests } from '../fib/testing/namespaces.ts';
import { built, Program } from './program.fixture.ts';
import { TlsLab } from './tls-lab.fixture.ts';

const why = whyNoKernelTests();
if (why) process.stderr.write(`hostile peers are not tested: ${why}\n`);

/** Resident set of a daemon with a table of 20,000 routes, generously; without bounds it would pass this in seconds. */
const MAX_MEMORY_BYTES = 600 << 20;
const PATIENCE = { timeout: 300_000 };

describe.skipIf(why !== undefined)('a daemon among hostile peers', () => {
  let tls: TlsLab;

  beforeAll(async () => {
    await built();
    tls = new TlsLab({
      neighbours: ['rb'],
      // One for each offence: after one, a peer is not heard for a while.
      strangers: ['silent', 'trickle', 'streams', 'many', 'thief', 'replay', 'old', 'big', 'deaf', 'flood'],
      options: {
        listen: { 'open-within': '1s', 'send-hold': '2s', 'connections-per-address': 16 },
        plausibility: { 'refused-rows': 20 },
      },
    });
    for (const name of ['ra', 'rb']) tls.lab.start(name);
    await tls.lab.until('ra and rb have a session', async () => (await tls.peer('rb')).state === 'Established');
  }, 300_000);

  afterAll(async () => {
    await tls?.stop();
  });

  async function refusedOf(name: string): Promise<Record<string, number>> {
    return Object.fromEntries((await tls.peer(name)).refused.map(({ reason, rows }) => [reason, rows]));
  }

  async function bystanderIsWell(): Promise<void> {
    const rb = await tls.peer('rb');
    expect(rb, rb.lastError).toMatchObject({ state: 'Established', flaps: 0 });
    for (const name of ['ra', 'rb']) expect(tls.lab.daemon(name).running, tls.lab.daemon(name).tail()).toBe(true);
    const metrics = await tls.lab.ask('ra', (admin) => admin.show('metrics'));
    expect(metrics.find((row) => row.name === 'cfnd_memory')?.value).toBeLessThan(MAX_MEMORY_BYTES);
  }

  const told = (code: number, subcode: number, text: RegExp) =>
    expect.objectContaining({ type: 'NOTIFICATION', code, subcode, text: expect.stringMatching(text) });

  test.for(['silent', 'trickle'] as const)(
    'one that never says OPEN (%s) is told that time is up',
    PATIENCE,
    async (kind) => {
      const { notifications } = await tls.visit(kind, kind);
      expect(notifications).toEqual([told(4, 0, /no OPEN came in time/)]);
      await bystanderIsWell();
    },
  );

  test('one that opens 1,000 streams on a connection is refused all but one', PATIENCE, async () => {
    const { refused } = await tls.visit('streams', 'streams');
    // The first is a session that says nothing; its time ends as that of any other.
    expect(refused).toBeGreaterThanOrEqual(999);
    await tls.logged(/no OPEN came in time/, { peer: 'streams' });
    await bystanderIsWell();
  });

  test('one that opens 1,000 connections is told that these are too many', PATIENCE, async () => {
    const { ended, notifications } = await tls.visit('connections', 'many');
    expect(ended).toBe(1000);
    expect(notifications).toContainEqual(told(6, 8, /more than 16 connections from fd00:aa::/));
    await tls.logged(/too many connections of a peer: rejected one/, { address: tls.target('many').source });
    await bystanderIsWell();
  });

  test('one that claims another’s services announces nothing, and is told why it may not', PATIENCE, async () => {
    const { notifications } = await tls.visit('thief', 'thief');
    expect(notifications).toEqual([told(3, 13, /more than 20 rows refused.*(service|relay|path)/)]);
    const refused = await refusedOf('thief');
    for (const reason of ['service', 'relay', 'path']) expect(refused[reason], reason).toBeGreaterThan(0);
    for (const name of ['ra', 'rb']) {
      const routes = await tls.lab.ask(name, (admin) => admin.show('rib'));
      expect(routes.filter((row) => row.service === 'fd00:cafe::80')).toEqual([]);
    }
    // Said once a reason, however often it happens.
    const lines = tls.lab.daemon('ra').lines(/refused, treated as withdrawn/);
    expect(lines.filter((line) => line.peer === 'thief' && line.reason === 'service')).toHaveLength(1);
    await bystanderIsWell();
  });

  test('one that repeats what was said before is refused, and told so', PATIENCE, async () => {
    const { notifications } = await tls.visit('replay', 'replay');
    expect(notifications).toEqual([told(3, 13, /more than 20 rows refused.*replayed/)]);
    expect((await refusedOf('replay')).replayed).toBeGreaterThan(20);
    const { notifications: afterwards } = await tls.visit('old-life', 'old');
    expect(afterwards).toEqual([told(2, 13, /earlier life of this peer: a replay/)]);
    await bystanderIsWell();
  });

  test('one with 2^31 in every number is refused, in quarantine where it counts, and told so', PATIENCE, async () => {
    const { notifications } = await tls.visit('big', 'big');
    expect(notifications).toContainEqual(told(2, 6, /hold time 2147483648 ms/));
    expect(notifications).toContainEqual(told(3, 13, /more than 20 rows refused/));
    await tls.logged(/report in quarantine: a number is not believable/, { peer: 'big' });
    expect((await refusedOf('big'))['future-sequence']).toBeGreaterThan(0);
    await bystanderIsWell();
  });

  test('one that never reads is given up while another keeps announcing', PATIENCE, async () => {
    const flood = new Program(tls.lab.ns('x'), tls.command('flood', 'flood'));
    try {
      await tls.lab.until('ra has its routes', async () => (await tls.peer('flood')).received.service === 20_000);
      expect(await tls.visit('deaf', 'deaf')).toMatchObject({ closed: true });
      await tls.lab.until('ra says who does not read', async () =>
        /8\/0|6\/8/.test((await tls.peer('deaf')).lastError),
      );
      expect((await tls.peer('flood')).state).toBe('Established');
      await bystanderIsWell();
    } finally {
      await flood.end('SIGKILL');
    }
  });

  test('and nothing worse than a warning was said', () => {
    const lines = [...tls.lab.daemon('ra').log, ...tls.lab.daemon('rb').log];
    expect(lines.filter((line) => /error|fatal/.test(line.level))).toEqual([]);
  });
});
