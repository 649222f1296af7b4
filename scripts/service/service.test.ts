import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { parseListenAddress } from './listen-address.ts';
import { type Service, type ServiceOptions, startService } from './service.ts';
import { UdpEcho } from './udp-echo.ts';

const DEADLINE = { timeout: 30_000, interval: 10 };
const LOOPBACK = { host: '::1', port: 0 };

let running: Service[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((service) => service.close(0)));
});

async function start(options: Partial<ServiceOptions> = {}): Promise<Service> {
  const service = await startService({
    name: 'sv1',
    listen: LOOPBACK,
    metricsListen: LOOPBACK,
    workers: 2,
    workUs: 10_000,
    cpuShare: 0.1,
    echoPort: 0,
    queueLimit: 1,
    ...options,
  });
  running = [...running, service];
  return service;
}

const front = (service: Service, path: string, init?: RequestInit) =>
  fetch(`http://[::1]:${service.port}${path}`, init);
const back = (service: Service, path: string, init?: RequestInit) =>
  fetch(`http://[::1]:${service.metricsPort}${path}`, init);
const metric = (text: string, name: string) => Number(new RegExp(`^${name}\\{[^}]*\\} (.*)$`, 'm').exec(text)?.[1]);

describe('the service', () => {
  test('answers who it is and how long the request waited', async () => {
    const response = await front(await start(), '/');
    expect(response.headers.get('x-contact-instance')).toBe('sv1');
    expect(await response.json()).toMatchObject({
      instance: 'sv1',
      queueMs: 0,
      workers: 2,
      workMs: expect.any(Number),
    });
  });

  test('answers 503 when workers and queue are full, and says so in its metrics', async () => {
    // Long enough for all to come while the first are served, however busy the machine.
    const service = await start({ workUs: 1_000_000 });
    const statuses = (await Promise.all(Array.from({ length: 5 }, () => front(service, '/')))).map(
      (response) => response.status,
    );
    expect(statuses.sort()).toEqual([200, 200, 200, 503, 503]);
    const text = await (await back(service, '/metrics')).text();
    expect(metric(text, 'cfn_service_workers')).toBe(2);
    expect(metric(text, 'cfn_service_in_flight')).toBe(0);
    expect(metric(text, 'cfn_service_requests_total')).toBe(5);
    expect(metric(text, 'cfn_service_completed_total')).toBe(3);
    expect(metric(text, 'cfn_service_overflowed_total')).toBe(2);
    expect(metric(text, 'cfn_service_busy_seconds_total')).toBeGreaterThan(2.9);
    expect(metric(text, 'cfn_service_response_seconds_count')).toBe(3);
    // Twice in a row: counters that are read on demand must not add up.
    expect(metric(await (await front(service, '/metrics')).text(), 'cfn_service_requests_total')).toBe(5);
  });

  test('answers /instance without taking a worker', async () => {
    const service = await start({ workUs: 1_000_000, queueLimit: 0 });
    const busy = [front(service, '/'), front(service, '/')];
    await vi.waitFor(() => expect(service.pool.inFlight).toBe(2), DEADLINE);
    expect((await front(service, '/instance')).status).toBe(200);
    await Promise.all(busy);
  });

  test('streams a byte every 100 ms', async () => {
    const service = await start();
    // A busy machine leaves some out.
    await vi.waitFor(async () => expect(await (await front(service, '/stream?ms=250')).text()).toBe('...'), DEADLINE);
    expect((await front(running[0]!, '/stream?ms=-1')).status).toBe(400);
  });

  test('takes synthetic load and health on the metrics listener only', async () => {
    const service = await start({ workUs: 1_000, queueLimit: 100 });
    expect((await front(service, '/admin/load?rps=500', { method: 'POST' })).status).toBe(405);
    expect((await back(service, '/admin/load?rps=nonsense', { method: 'POST' })).status).toBe(400);
    expect(await (await back(service, '/admin/load?rps=500', { method: 'POST' })).json()).toMatchObject({
      rps: 500,
      healthy: true,
    });
    await vi.waitFor(() => expect(service.pool.completed).toBeGreaterThan(20), DEADLINE);
    await back(service, '/admin/load?rps=0', { method: 'POST' });
    expect((await front(service, '/healthz')).status).toBe(200);
    await back(service, '/admin/health?ok=0', { method: 'POST' });
    expect((await front(service, '/healthz')).status).toBe(503);
    expect((await front(service, '/nowhere')).status).toBe(404);
  });

  test('lets running requests finish when it stops, and takes no new ones', async () => {
    const service = await start({ workUs: 1_000_000 });
    const last = front(service, '/');
    await vi.waitFor(() => expect(service.pool.inFlight).toBe(1), DEADLINE);
    running = [];
    const closed = service.close(5_000);
    expect((await last).status).toBe(200);
    await closed;
    const refused = connect(service.port, '::1');
    const [error] = await once(refused, 'error');
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('cuts what does not finish in the grace time', async () => {
    const service = await start();
    const response = await front(service, '/stream?ms=60000');
    running = [];
    const [closed] = await Promise.all([service.close(50), response.text().catch(() => 'cut')]);
    expect(closed).toBeUndefined();
  });

  test('rejects when its port is in use', async () => {
    const service = await start();
    await expect(start({ listen: { host: '::1', port: service.port } })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});

test('UDP echo answers every local address from that address, byte for byte', async () => {
  const port = await new Promise<number>((resolve) => {
    const socket = createSocket('udp6').bind(0, '::1', () => {
      const { port: free } = socket.address();
      socket.close(() => resolve(free));
    });
  });
  const complaints: string[] = [];
  const echo = new UdpEcho({ host: '::', port }, (text) => complaints.push(text));
  expect(echo.addresses).toContain('::1');
  const client = createSocket('udp6').bind(0, '::1');
  const heard = once(client, 'message') as Promise<[Uint8Array, { address: string; port: number }]>;
  await vi.waitFor(async () => {
    client.send(Uint8Array.of(1, 2, 3), port, '::1');
    const [datagram, from] = await heard;
    expect([[...datagram], from.address, from.port]).toEqual([[1, 2, 3], '::1', port]);
  }, DEADLINE);
  client.close();
  echo.close();
  expect(complaints).toEqual([]);
});

describe('the program', () => {
  const main = fileURLToPath(new URL('./main.ts', import.meta.url));
  const run = (...args: string[]) => spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });

  test('says where it listens, serves, and ends with 0 on SIGTERM', async () => {
    const child = run('--listen', '[::1]:0', '--metrics-listen', '[::1]:0', '--udp-echo', 'none', '--name', 'sv9');
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const { port } = JSON.parse(line.toString());
    expect(await (await fetch(`http://[::1]:${port}/instance`)).json()).toEqual({ instance: 'sv9' });
    child.kill('SIGTERM');
    expect((await once(child, 'exit'))[0]).toBe(0);
  });

  test.each([
    [['--workers', '0'], '--workers must be 1..10000'],
    [['--listen', 'nowhere'], 'not an address to listen on'],
    [['--colour'], 'Unknown option'],
  ])('refuses %j with a clear line', async (args, text) => {
    const child = run(...args);
    const chunks: string[] = [];
    child.stderr.on('data', (chunk) => chunks.push(String(chunk)));
    expect((await once(child, 'close'))[0]).toBe(1);
    expect(chunks.join('')).toContain(text);
  });
});

test.each([
  ['[::]:80', { host: '::', port: 80 }],
  ['[fd00::1]:0', { host: 'fd00::1', port: 0 }],
  ['127.0.0.1:9100', { host: '127.0.0.1', port: 9100 }],
  [':80', { host: '::', port: 80 }],
])('%s is read as a listen address', (text, address) => {
  expect(parseListenAddress(text)).toEqual(address);
});

test.each(['80', '[::1]', '[::1]:99999', 'fd00::1:80'])('%s is no listen address', (text) => {
  expect(() => parseListenAddress(text)).toThrow('not an address');
});
