import { spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Socket as TcpSocket } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type Service, type ServiceOptions, startService } from '../service/service.ts';
import { DEFAULT_LOAD_OPTIONS, type Load, type LoadOptions, startLoad } from './loadgen.ts';

const DEADLINE = { timeout: 30_000, interval: 10 };
const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

async function service(name: string, port = 0, options: Partial<ServiceOptions> = {}): Promise<Service> {
  const started = await startService({
    name,
    listen: { host: '::1', port },
    metricsListen: { host: '::1', port: 0 },
    workers: 4,
    workUs: 1_000,
    cpuShare: 0,
    queueLimit: 1_000,
    echoPort: 0,
    ...options,
  });
  cleanup.push(() => started.close(0));
  return started;
}

const load = (port: number, options: Partial<LoadOptions> = {}): Load =>
  startLoad({
    ...DEFAULT_LOAD_OPTIONS,
    target: `http://[::1]:${port}/`,
    ratePerSecond: 200,
    // Patient, so that a busy machine is no failure; tests that are about silence say so.
    connectTimeoutMs: 10_000,
    responseTimeoutMs: 10_000,
    ...options,
  });

const requests = (running: Load) => Object.values(running.second().totals.requests).reduce((sum, n) => sum + n, 0);

describe('short flows', () => {
  test('open a connection each, at the rate, and are counted per instance and phase', async () => {
    const { port, pool } = await service('sv1');
    const running = load(port);
    await vi.waitFor(() => expect(pool.completed).toBeGreaterThan(50), DEADLINE);
    running.mark('second');
    await vi.waitFor(() => expect(pool.completed).toBeGreaterThan(100), DEADLINE);
    const summary = await running.stop();
    const [first, second] = summary.phases;
    expect([first!.name, second!.name]).toEqual(['start', 'second']);
    expect(first!.requests.sv1! + second!.requests.sv1!).toBe(pool.completed);
    expect(first!.newFlows).toEqual(first!.requests);
    expect(first).toMatchObject({ brokenFlows: 0, failedFlows: 0, overloaded: 0, outageFromMs: null });
    const total = first!.requests.sv1! + second!.requests.sv1!;
    // Open loop: what is missed while the machine is busy is not made up for beyond a moment.
    expect(total / ((first!.durationMs + second!.durationMs) / 1e3)).toBeLessThan(220);
    expect(summary.timeline.reduce((sum, bucket) => sum + (bucket.requests.sv1 ?? 0), 0)).toBe(total);
  });

  test('that keep connections open few', async () => {
    const { port, pool } = await service('sv1');
    const running = load(port, { connections: 'keep' });
    await vi.waitFor(() => expect(pool.completed).toBeGreaterThan(50), DEADLINE);
    // Requests that begin while others wait open connections too: a busy machine needs a calm second to show it.
    await vi.waitFor(() => {
      const { newFlows, requests } = running.second();
      expect(newFlows.sv1 ?? 0).toBeLessThan(requests.sv1! / 2);
    }, DEADLINE);
    await running.stop();
  });

  test('count overload apart from failure', async () => {
    const { port } = await service('sv1', 0, { workers: 1, workUs: 20_000, queueLimit: 0 });
    const running = load(port);
    await vi.waitFor(() => expect(running.second().totals.overloaded).toBeGreaterThan(10), DEADLINE);
    expect((await running.stop()).phases[0]).toMatchObject({ brokenFlows: 0, failedFlows: 0 });
  });

  test('measure how long new connections failed', async () => {
    const { port, close } = await service('sv1');
    const running = load(port);
    await vi.waitFor(() => expect(requests(running)).toBeGreaterThan(10), DEADLINE);
    await close(0);
    running.mark('gone');
    const goneMs = performance.now();
    await vi.waitFor(() => expect(running.second().totals.failed).toBeGreaterThan(20), DEADLINE);
    await vi.waitFor(() => expect(performance.now() - goneMs).toBeGreaterThan(300), DEADLINE);
    const reopenedMs = performance.now();
    await service('sv2', port);
    await vi.waitFor(() => expect(running.second().totals.requests.sv2).toBeGreaterThan(10), DEADLINE);
    const gone = (await running.stop()).phases[1]!;
    const stoppedMs = performance.now();
    expect(gone.failedFlows).toBeGreaterThan(20);
    expect(gone.resumedAfterMs).toBeGreaterThan(80);
    expect(gone.outageFromMs! + gone.resumedAfterMs!).toBeLessThan(gone.durationMs);
    expect(gone.durationMs - gone.outageFromMs! - gone.resumedAfterMs!).toBeLessThan(stoppedMs - reopenedMs + 200);
    expect(gone.requests.sv2).toBeGreaterThan(10);
  });

  test('call a flow broken that connects and is never answered, or is reset', async () => {
    const open: TcpSocket[] = [];
    const server = createServer((socket) => {
      open.push(socket);
      socket.on('error', () => {});
      socket.on('data', () => open.length % 2 === 0 && socket.resetAndDestroy());
    });
    server.listen(0, '::1');
    await once(server, 'listening');
    cleanup.push(() => {
      server.close();
      for (const socket of open) socket.destroy();
    });
    const running = load((server.address() as { port: number }).port, { ratePerSecond: 40, responseTimeoutMs: 300 });
    await vi.waitFor(() => expect(running.second().totals.broken).toBeGreaterThan(4), DEADLINE);
    expect((await running.stop()).phases[0]).toMatchObject({ failedFlows: 0, requests: {} });
  });
});

describe('long-lived flows', () => {
  test('stay on one connection each and take no worker', async () => {
    const { port, pool } = await service('sv1');
    const running = load(port, { ratePerSecond: 0, longLived: 5, longIntervalMs: 20 });
    await vi.waitFor(() => expect(requests(running)).toBeGreaterThan(50), DEADLINE);
    const summary = await running.stop();
    expect(summary.longFlows).toMatchObject({ count: 5, unbroken: 5, instances: { sv1: 5 } });
    expect(summary.phases[0]).toMatchObject({ newFlows: { sv1: 5 }, brokenFlows: 0, movedFlows: 0 });
    expect(pool.arrivals).toBe(0);
  });

  test('count a break each when their instance dies, and come back on another', async () => {
    const { port, close } = await service('sv1');
    const running = load(port, { ratePerSecond: 0, longLived: 3, longIntervalMs: 20 });
    await vi.waitFor(() => expect(running.second().longFlows).toEqual({ sv1: 3 }), DEADLINE);
    running.mark('gone');
    await close(0);
    await service('sv2', port);
    await vi.waitFor(() => expect(running.second().longFlows).toEqual({ sv2: 3 }), DEADLINE);
    const summary = await running.stop();
    expect(summary.longFlows?.unbroken).toBe(0);
    expect(summary.phases.map((phase) => phase.brokenFlows)).toEqual([0, 3]);
  });

  test('notice an answer from another instance on the same connection', async () => {
    let answers = 0;
    const open: TcpSocket[] = [];
    const server = createServer((socket) => {
      open.push(socket);
      socket.on('error', () => {});
      socket.on('data', () =>
        socket.write(`HTTP/1.1 200 OK\r\nx-contact-instance: sv${answers++ < 3 ? 1 : 2}\r\ncontent-length: 0\r\n\r\n`),
      );
    });
    server.listen(0, '::1');
    await once(server, 'listening');
    cleanup.push(() => {
      server.close();
      for (const socket of open) socket.destroy();
    });
    const running = load((server.address() as { port: number }).port, {
      ratePerSecond: 0,
      longLived: 1,
      longIntervalMs: 10,
    });
    await vi.waitFor(() => expect(running.second().longFlows).toEqual({ sv2: 1 }), DEADLINE);
    expect((await running.stop()).phases[0]).toMatchObject({ movedFlows: 1, brokenFlows: 0, newFlows: { sv1: 1 } });
  });
});

describe('the UDP stream', () => {
  async function echo(treat: (sequence: number, reply: () => void) => void): Promise<number> {
    const socket: Socket = createSocket('udp6');
    socket.on('message', (datagram, from) =>
      treat(datagram.readUInt32BE(), () => socket.send(datagram, from.port, from.address)),
    );
    socket.bind(0, '::1');
    await once(socket, 'listening');
    cleanup.push(() => socket.close());
    return socket.address().port;
  }

  test('counts what is lost, for how long, what comes twice and what comes late', async () => {
    const { port } = await service('sv1');
    const held: (() => void)[] = [];
    let afterwardsMs = 0;
    const echoPort = await echo((sequence, reply) => {
      if (sequence >= 100 && sequence < 130) return;
      if (sequence === 130) afterwardsMs = performance.now();
      if (sequence === 200) return void held.push(reply);
      reply();
      if (sequence === 205) held.pop()?.();
      if (sequence === 300) reply();
    });
    const beganMs = performance.now();
    const running = load(port, { ratePerSecond: 0, udp: { host: '::1', port: echoPort, ratePerSecond: 500 } });
    await vi.waitFor(() => expect(running.second().udp!.received).toBeGreaterThan(400), DEADLINE);
    const summary = await running.stop();
    const { udp } = summary.phases[0]!;
    expect(udp).toMatchObject({ lost: 30, reordered: 1, duplicated: 1 });
    expect(summary.udpLostOverTime!.reduce((sum, lost) => sum + lost, 0)).toBe(30);
    // A hundred at 500 a second come before them, and what was heard of afterwards was sent after them.
    const lostAt = summary.udpLostOverTime!.flatMap((lost, bucket) => (lost > 0 ? [bucket] : []));
    expect(lostAt[0]).toBeGreaterThan(0);
    expect(lostAt.at(-1)).toBeLessThanOrEqual((afterwardsMs - beganMs) / summary.bucketMs);
    expect(udp!.longestGapMs).toBeGreaterThan(5);
    expect(udp!.roundTripMs.n).toBe(udp!.sent - 30);
  });

  test('loses nothing on a loopback that works', async () => {
    const { port } = await service('sv1');
    const echoPort = await echo((_sequence, reply) => reply());
    const running = load(port, { ratePerSecond: 0, udp: { host: '::1', port: echoPort, ratePerSecond: 500 } });
    await vi.waitFor(() => expect(running.second().udp!.sent).toBeGreaterThan(300), DEADLINE);
    expect((await running.stop()).phases[0]!.udp).toMatchObject({ lost: 0, duplicated: 0, longestGapMs: 0 });
  });
});

describe('the program', () => {
  const main = fileURLToPath(new URL('./main.ts', import.meta.url));

  test('takes phases and stop on stdin and prints JSON lines, the summary last', async () => {
    const { port, pool } = await service('sv1');
    const child = spawn(
      process.execPath,
      [main, '--target', `http://[::1]:${port}/`, '--rate', '100', '--duration', '0'],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    );
    const lines: { type: string; name?: string; phases?: unknown[] }[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => lines.push(JSON.parse(line)));
    await vi.waitFor(() => expect(lines.some((line) => line.type === 'second')).toBe(true), DEADLINE);
    child.stdin.write('phase site death\nstop\n');
    expect((await once(child, 'close'))[0]).toBe(0);
    expect(lines.find((line) => line.type === 'phase')).toMatchObject({ name: 'site death', atMs: expect.any(Number) });
    expect(lines.at(-1)).toMatchObject({ type: 'summary', phases: [{ name: 'start' }, { name: 'site death' }] });
    expect(pool.completed).toBeGreaterThan(5);
  });

  test.each([
    [[], '--target must be a URL'],
    [['--target', 'http://[::1]/', '--rate', 'many'], '--rate must be'],
    [['--target', 'http://[::1]/', '--connections-per-request', 'some'], 'new or keep'],
  ])('refuses %j with a clear line', async (args, text) => {
    const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    const chunks: string[] = [];
    child.stderr.on('data', (chunk) => chunks.push(String(chunk)));
    expect((await once(child, 'close'))[0]).toBe(1);
    expect(chunks.join('')).toContain(text);
  });
});
