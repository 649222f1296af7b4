// A contact instance as a process: HTTP in front of a worker pool, and a second listener for metrics and for the lab's
// hand on its load. Knows nothing of routing.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BackgroundLoad } from './background-load.ts';
import { INSTANCE_HEADER } from './instance-header.ts';
import type { ListenAddress } from './listen-address.ts';
import { createMetrics, type ServiceMetrics } from './metrics.ts';
import { udpDrops } from './udp-drops.ts';
import { WorkerPool, type WorkerPoolConfig } from './worker-pool.ts';

export interface ServiceOptions extends WorkerPoolConfig {
  readonly name: string;
  readonly listen: ListenAddress;
  readonly metricsListen: ListenAddress;
  /** Port of the UDP echo beside this service, for its drop counter; 0: none. */
  readonly echoPort: number;
}

export interface Service {
  readonly port: number;
  readonly metricsPort: number;
  readonly pool: WorkerPool;
  /** Stops taking connections, lets requests finish for at most `graceMs`, then cuts what is left. */
  close(graceMs: number): Promise<void>;
}

const STREAM_BYTE_MS = 100;
const IDLE_CHECK_MS = 20;
const MAX_STREAM_MS = 3_600_000;
const MAX_BACKGROUND_RATE = 100_000;

interface Context {
  readonly options: ServiceOptions;
  readonly pool: WorkerPool;
  readonly metrics: ServiceMetrics;
  readonly background: BackgroundLoad;
  healthy: boolean;
  closing: boolean;
}

/** Starts both listeners; rejects when one cannot listen. */
export async function startService(options: ServiceOptions): Promise<Service> {
  const pool = new WorkerPool(options);
  const context: Context = {
    options,
    pool,
    metrics: createMetrics(pool, options.name, () => (options.echoPort > 0 ? udpDrops(options.echoPort) : 0)),
    background: new BackgroundLoad(pool),
    healthy: true,
    closing: false,
  };
  const front = createServer((request, response) => void answer(context, request, response));
  // Long-lived flows may pause; the client decides when a connection ends.
  front.keepAliveTimeout = 120_000;
  const back = createServer((request, response) => void answerAdmin(context, request, response));
  const servers = [front, back];
  try {
    await listen(front, options.listen);
    await listen(back, options.metricsListen);
  } catch (error) {
    for (const server of servers) server.close();
    throw error;
  }
  return {
    port: (front.address() as AddressInfo).port,
    metricsPort: (back.address() as AddressInfo).port,
    pool,
    async close(graceMs) {
      context.closing = true;
      context.background.set(0);
      const cut = setTimeout(() => {
        for (const server of servers) server.closeAllConnections();
      }, graceMs);
      // A kept connection becomes idle only when its last answer is out.
      const idle = setInterval(() => {
        for (const server of servers) server.closeIdleConnections();
      }, IDLE_CHECK_MS);
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
      clearTimeout(cut);
      clearInterval(idle);
    },
  };
}

async function answer(context: Context, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.setHeader(INSTANCE_HEADER, context.options.name);
  if (context.closing) response.setHeader('connection', 'close');
  const url = new URL(request.url ?? '/', 'http://service');
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return json(response, 405, { error: 'method not allowed' });
  switch (url.pathname) {
    case '/':
      return work(context, response);
    // Answers without a worker: for flows that only want to live.
    case '/instance':
      return json(response, 200, { instance: context.options.name });
    case '/stream':
      return stream(context, url, response);
    default:
      return answerObserver(context, url, response);
  }
}

async function answerAdmin(context: Context, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://service');
  if (!url.pathname.startsWith('/admin/')) return answerObserver(context, url, response);
  if (request.method === 'POST' && url.pathname === '/admin/load') {
    const rate = Number(url.searchParams.get('rps') ?? Number.NaN);
    if (!(rate >= 0 && rate <= MAX_BACKGROUND_RATE))
      return json(response, 400, { error: `rps must be 0..${MAX_BACKGROUND_RATE}` });
    context.background.set(rate);
  } else if (request.method === 'POST' && url.pathname === '/admin/health') {
    const ok = url.searchParams.get('ok');
    if (ok !== '0' && ok !== '1') return json(response, 400, { error: 'ok must be 0 or 1' });
    context.healthy = ok === '1';
  } else if (request.method !== 'GET') return json(response, 405, { error: 'method not allowed' });
  json(response, 200, {
    instance: context.options.name,
    rps: context.background.ratePerSecond,
    healthy: context.healthy,
  });
}

/** What both listeners show: metrics and health. */
async function answerObserver(context: Context, url: URL, response: ServerResponse): Promise<void> {
  if (url.pathname === '/healthz') {
    const ok = context.healthy && !context.closing;
    return json(response, ok ? 200 : 503, { instance: context.options.name, ok });
  }
  if (url.pathname !== '/metrics') return json(response, 404, { error: 'not found' });
  response.setHeader('content-type', context.metrics.contentType);
  response.end(await context.metrics.text());
}

async function work({ pool, options, metrics }: Context, response: ServerResponse): Promise<void> {
  const arrivedMs = performance.now();
  const served = await pool.submit();
  if (!served) {
    response.setHeader('retry-after', '1');
    return json(response, 503, { instance: options.name, error: 'queue is full' });
  }
  metrics.observeResponse((performance.now() - arrivedMs) / 1e3);
  const { queuedMs, workedMs } = served;
  json(response, 200, {
    instance: options.name,
    queueMs: round(queuedMs),
    workMs: round(workedMs),
    inFlight: pool.inFlight,
    workers: options.workers,
  });
}

/** One byte every 100 ms until `ms` have passed: a flow that shows at once when it breaks. */
function stream(context: Context, url: URL, response: ServerResponse): void {
  const ms = Number(url.searchParams.get('ms') ?? 10_000);
  if (!(ms > 0 && ms <= MAX_STREAM_MS)) return json(response, 400, { error: `ms must be 1..${MAX_STREAM_MS}` });
  response.writeHead(200, { 'content-type': 'application/octet-stream' });
  response.flushHeaders();
  const untilMs = performance.now() + ms;
  const timer = setInterval(() => {
    response.write('.');
    if (performance.now() < untilMs && !context.closing) return;
    clearInterval(timer);
    response.end();
  }, STREAM_BYTE_MS);
  response.on('close', () => clearInterval(timer));
}

function json(response: ServerResponse, status: number, body: unknown): void {
  if (response.destroyed) return;
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

function round(ms: number): number {
  return Math.round(ms * 1e3) / 1e3;
}

function listen(server: Server, { host, port }: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, backlog: 1_024 }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
