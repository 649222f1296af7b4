// Two real daemons over loopback, a hub and a site, driven by the admin API as cfnctl does: policies that are tried and read
// again, subscriptions, refreshes and resets on live gRPC sessions. Only the kernel is left out.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { parseConfig } from '../lib/config/parse.ts';
import { type AdminClient, connectAdmin } from './admin/client.ts';
import { type Daemon, startDaemon } from './compose.ts';
import { createLogger } from './logger.ts';
import { StandingRehearsal } from './rehearsal/standing.ts';
import { COMMON_SERVICE } from './rehearsal/updates.ts';

const DEADLINE_MS = 30_000;
const NAMES = ['hub', 'site'] as const;
type Name = (typeof NAMES)[number];

let folder: string;
let ports: Record<Name, number>;
let daemons: Daemon[];
let clients: Record<Name, AdminClient>;

const POLICIES = `
policies:
  picky:
    rules: [ { name: no-web, match: { services: [web] }, verdict: reject } ]
    otherwise: accept
  generous:
    rules: [ { name: mark, set: { preference: 9, add-communities: [seen] }, verdict: accept } ]
`;

const file = (name: Name) => join(folder, `${name}.yaml`);

function configure(name: Name, peerOptions = ''): void {
  const [id, far, own] = name === 'hub' ? [1, 'site', 'hub'] : [2, 'hub', 'site'];
  const instance =
    'instances: [ { name: web-1, service: web, address: "fd00:51::80", sid: "5f00:0:2:80::", metrics: { kind: push }, ' +
    'region: eu, classes: [interactive], report-interval: 100ms } ]';
  const text = `
name: ${name}
site: ${name}
router-id: 10.0.0.${id}
role: ${own}
security: plaintext
rehearsal: false
rehearse-every: 5ms
listen: { address: "::", port: ${ports[name]} }
admin: { socket: ${join(folder, `${name}.sock`)} }
services: { web: "fd00:cafe::80" }
srv6: { locator: "5f00:0:${id}::/48" }
stamp: { enabled: false }
fib: { kind: memory, verify-interval: 0s }
plausibility: { workers: 100 }
peers: [ { name: ${far}, address: "::1", port: ${ports[far as Name]}, role: ${far}${peerOptions} } ]
${name === 'site' ? instance : ''}
${POLICIES}
`;
  writeFileSync(file(name), text);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '::1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function launch(name: Name): Promise<void> {
  const parsed = parseConfig(readFileSync(file(name), 'utf8'));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  const log = createLogger({ level: 'error', name });
  const options = { configFile: file(name), version: 'test', bootId: `${name}-${process.hrtime.bigint()}`, log };
  daemons.push(await startDaemon(parsed.config, { ...options, asWritten: parsed.config, credentials: undefined }));
  clients[name] = await connectAdmin(join(folder, `${name}.sock`));
}

async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  for (const end = Date.now() + DEADLINE_MS; ; await pause(20)) {
    if (await holds()) return;
    if (Date.now() > end) throw new Error(`never: ${what}`);
  }
}

const heard = async () => (await clients.hub.show('rib')).map((row) => `${row.instanceName} from ${row.from}`);
const peerOf = async (name: Name) => (await clients[name].show('peers'))[0]!;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cfnd-protocol-'));
  ports = { hub: await freePort(), site: await freePort() };
  daemons = [];
  clients = {} as Record<Name, AdminClient>;
  for (const name of NAMES) configure(name);
  for (const name of NAMES) await launch(name);
  await clients.site.report('web-1', { workers: 4, inFlight: 0, arrivalRate: 10, workTimeUs: 4000 });
  await until(async () => (await heard()).length === 1, 'the hub hears of the instance');
}, 120_000);

afterEach(async () => {
  for (const client of Object.values(clients)) client.close();
  for (const daemon of daemons) await daemon.stop('test is over');
  rmSync(folder, { recursive: true, force: true });
}, 120_000);

test('both know what they are to each other and what they can do', async () => {
  const { protocol } = await peerOf('hub');
  expect(protocol).toMatchObject({ role: 'hub', remoteRole: 'site', relation: 'downstream', retention: 'none' });
  expect(protocol.capabilities).toEqual(['enhanced-refresh', 'digest', 'subscription']);
  expect((await peerOf('site')).protocol).toMatchObject({ relation: 'upstream', restartTimeMs: 120_000 });
}, 120_000);

test('what a daemon rehearses while it has no work reaches nobody', async () => {
  const step = vi.spyOn(StandingRehearsal.prototype, 'step');
  try {
    // A service is known by two messages, a router by another: all of them first.
    const all = { service: 1, compute: 1, linkState: 1 };
    await until(async () => isDeepStrictEqual((await peerOf('hub')).received, all), 'the hub has heard all');
    await until(async () => (await peerOf('site')).received.linkState === 1, 'the site has heard all');
    const before = await peerOf('hub');
    step.mockClear();
    await vi.waitUntil(() => step.mock.calls.length > 100, { timeout: DEADLINE_MS });
    const after = await peerOf('hub');
    expect([after.received, after.advertised]).toEqual([before.received, before.advertised]);
    expect(after.flaps).toBe(0);
  } finally {
    step.mockRestore();
  }
  expect(await heard()).toHaveLength(1);
  const routers = (await clients.hub.show('link-state')).map((it) => it.name);
  expect(routers.sort()).toEqual([...NAMES]);
  const fib = JSON.stringify([await clients.hub.show('fib'), await clients.site.show('fib')]);
  expect(fib).not.toContain('192.0.2.');
  expect(fib).not.toContain(COMMON_SERVICE);
}, 120_000);

test('a policy is tried, read from the file, applied to what is there, and taken away again, on one session', async () => {
  const tried = await clients.hub.policyTest({ peer: 'site', direction: 'import', policy: 'picky', service: 'web' });
  expect(tried.routes).toMatchObject([{ instanceName: 'web-1', accepted: false, by: 'no-web' }]);
  expect(await heard()).toHaveLength(1);
  await expect(clients.hub.policyTest({ peer: 'site', direction: 'import' })).rejects.toThrow('everything passes');

  configure('hub', ', import: picky');
  expect(await clients.hub.reloadPolicies()).toEqual({ policies: ['picky', 'generous'], needRestart: [] });
  await until(async () => (await heard()).length === 0, 'the policy rejects the route');
  expect((await peerOf('hub')).protocol).toMatchObject({ importPolicy: 'picky', rejected: 1 });

  configure('hub', ', import: generous');
  await clients.hub.reloadPolicies();
  await until(async () => (await heard()).length === 1, 'the other policy accepts it');
  const { routes } = await clients.hub.policyTest({ peer: 'site', direction: 'import' });
  expect(routes).toMatchObject([{ by: 'mark', changes: ['preference 0 -> 9', 'communities [] -> [seen]'] }]);

  writeFileSync(file('hub'), 'name: [');
  await expect(clients.hub.reloadPolicies()).rejects.toThrow(file('hub'));
  expect((await peerOf('hub')).flaps).toBe(0);
}, 120_000);

test('a subscription that changes withdraws and brings back, on one session', async () => {
  configure('hub', ', subscribe: { services: ["fd00:beef::/32"] }');
  await clients.hub.reloadPolicies();
  await until(async () => (await heard()).length === 0, 'what is not wanted is withdrawn');
  expect((await peerOf('site')).protocol.remoteSubscription).toEqual(['service fd00:beef::/32']);
  const ways = [
    ['regions: [eu]', 1],
    ['regions: [us]', 0],
    ['classes: [interactive, batch]', 1],
    ['classes: [batch]', 0],
    ['services: ["fd00:cafe::/64"], regions: [eu], classes: [interactive]', 1],
    ['services: ["fd00:cafe::/64"], regions: [us], classes: [interactive]', 0],
    ['services: []', 1],
  ] as const;
  for (const [wanted, routes] of ways) {
    configure('hub', `, subscribe: { ${wanted} }`);
    await clients.hub.reloadPolicies();
    await until(async () => (await heard()).length === routes, `${routes} of ${wanted}`);
  }
  expect((await peerOf('hub')).flaps).toBe(0);
}, 120_000);

test('the operator refreshes, resets with a reason that the other side reads, and shuts down until the start', async () => {
  const { messagesIn } = await peerOf('hub');
  expect(await clients.hub.session('site', 'refresh', '')).toBe('Established');
  await until(async () => (await peerOf('hub')).messagesIn >= messagesIn + 3, 'BEGIN, routes and END come');
  expect(await heard()).toHaveLength(1);

  await clients.hub.session('site', 'reset', 'new line card');
  await until(async () => (await peerOf('site')).lastError.includes('new line card'), 'the site reads why');
  await until(async () => (await peerOf('hub')).state === 'Established', 'the session is back');

  await clients.site.session('hub', 'shutdown', 'night');
  await until(async () => (await heard()).length === 0, 'a shutdown takes the routes');
  await expect(clients.site.session('hib', 'start', '')).rejects.toThrow('did you mean hub?');
  await clients.site.session('hub', 'start', '');
  await until(async () => (await heard()).length === 1, 'the start brings them back');
}, 120_000);

test('a report that is not believed counts as the worst until three in a row are, on one session', async () => {
  const report = (workers: number) =>
    clients.site.report('web-1', { workers, inFlight: 0, arrivalRate: 10, workTimeUs: 4000 });
  const row = async () => (await clients.hub.show('rib'))[0]!;
  await report(101);
  await until(async () => (await row()).quarantine === 'workers', 'the report is in quarantine');
  expect((await row()).state).toMatchObject({ score: 0, workers: 0 });
  let believable = 0;
  for (; (await row()).quarantine !== ''; believable++) {
    const { sequence } = (await row()).state!;
    await report(5 + believable);
    await until(async () => (await row()).state!.sequence > sequence, 'the report comes');
  }
  expect(believable).toBe(3);
  expect((await row()).state!.score).toBe(10);
  expect((await peerOf('hub')).flaps).toBe(0);
}, 120_000);

test('a hard reset takes the routes at once, and the next session brings them back', async () => {
  await clients.site.session('hub', 'hard-reset', 'for good');
  await until(async () => (await heard()).length === 0, 'the routes are gone');
  await until(async () => (await heard()).length === 1, 'they are back');
  expect((await peerOf('hub')).lastError).toContain('for good');
}, 120_000);
