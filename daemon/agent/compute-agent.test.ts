import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import type { LocalInstanceConfig } from '../../lib/config/config.ts';
import { type ComputeAgent, type ComputeEvent, createComputeAgent } from './compute-agent.ts';

const NAMES = { workers: 'w', inFlight: 'n', arrivals: 'a', completions: 'c', busySeconds: 'b' };
const DEADLINE = { timeout: 20_000 };
/** Time-out of a check, in tests that wait for it. */
const SHORT_MS = 100;
const BODY = 'w 4\nn 2\na 100\nc 98\nb 0.5\n';

let server: Server | undefined;
let agent: ComputeAgent | undefined;

afterEach(() => {
  agent?.stop();
  server?.closeAllConnections();
  server?.close();
});

type Answer = { status: number; body: string } | undefined;

async function run(answer: (path: string) => Answer, timeoutMs = 10_000): Promise<ComputeEvent[]> {
  server = createServer((request, response) => {
    const given = answer(request.url ?? '');
    if (given !== undefined) response.writeHead(given.status).end(given.body);
  });
  await new Promise<void>((resolve) => server!.listen(0, '::1', resolve));
  const url = `http://[::1]:${(server.address() as AddressInfo).port}`;
  const events: ComputeEvent[] = [];
  const instance = {
    service: 'fd00:cafe::80',
    contactInstance: 'fd00:51::80',
    metrics: { kind: 'prometheus', url: `${url}/metrics`, intervalMs: 20, timeoutMs, names: NAMES },
    health: { kind: 'http', url: `${url}/health`, intervalMs: 20, timeoutMs, rise: 1, fall: 1 },
  } as unknown as LocalInstanceConfig;
  agent = createComputeAgent({ instances: [instance], post: (event) => events.push(event) });
  agent.start();
  return events;
}

test('a service that answers gives samples and good health', async () => {
  const events = await run(() => ({ status: 200, body: BODY }));
  await vi.waitFor(() => {
    const sample = events.find((it) => it.type === 'instance-sample');
    expect(sample?.sample).toMatchObject({ workers: 4, inFlight: 2, arrivals: 100, completions: 98, busySeconds: 0.5 });
    expect(events.find((it) => it.type === 'instance-health')).toMatchObject({ ok: true, reason: '' });
  }, DEADLINE);
});

test.each([
  ['a status that is no success', { status: 503, body: '' }, /status 503/],
  ['a page that is no scrape', { status: 200, body: '<html>' }, /is missing/],
  ['a scrape without the metric', { status: 200, body: 'w 4\n' }, /n is missing/],
  ['more than a scrape may hold', { status: 200, body: 'x'.repeat(2 << 20) }, /larger than/],
  ['silence', undefined, /no answer within 100 ms/, SHORT_MS],
])('%s is told as a reason', async (_name, answer, reason, timeoutMs?: number) => {
  const events = await run(() => answer, timeoutMs);
  await vi.waitFor(() => {
    const failed = events.find((it) => it.type === 'instance-sample-failed');
    expect(failed?.reason).toMatch(reason);
  }, DEADLINE);
  expect(events.some((it) => it.type === 'instance-sample')).toBe(false);
});

test('a service that is not there is unhealthy with the reason', async () => {
  const events = await run(() => undefined);
  server!.closeAllConnections();
  server!.close();
  await vi.waitFor(() => {
    expect(events.find((it) => it.type === 'instance-health' && /ECONNREFUSED/.test(it.reason))).toMatchObject({
      ok: false,
    });
  }, DEADLINE);
});

test('a check under way at the stop is no failure', async () => {
  let asked = 0;
  let hungUp = 0;
  const events = await run(() => {
    // Both are under way, and long before their time-out.
    if (++asked === 2) agent!.stop();
    return undefined;
  });
  server!.on('connection', (socket) => socket.on('close', () => hungUp++));
  // Told here after it is known there: what the requests became would have been told by now.
  await vi.waitFor(() => expect(hungUp).toBe(2), DEADLINE);
  expect(events).toEqual([]);
});
