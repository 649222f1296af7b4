// `cfn-service`: the service host process of the labs. Parses options, starts the service, ends it on SIGTERM.
import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { parseListenAddress } from './listen-address.ts';
import { startService } from './service.ts';
import { UdpEcho } from './udp-echo.ts';

const USAGE = `usage: cfn-service [options]
  --listen ADDR          HTTP of the service            (default [::]:80)
  --metrics-listen ADDR  metrics, health, admin         (default [::]:9100)
  --udp-echo ADDR        UDP echo, or "none"            (default [::]:7)
  --name NAME            of the contact instance        (default: host name)
  --workers N            requests served in parallel    (default 2)
  --work-us US           time a request takes a worker  (default 4000)
  --cpu-share F          part of it that burns CPU; the rest waits as for an accelerator (default 0.1)
  --queue N              requests that may wait; more are answered 503 (default 1000)

GET /            work; JSON with the instance, queueMs, workMs; header x-contact-instance
GET /instance    the instance, without work
GET /stream?ms=  a byte every 100 ms
GET /metrics, /healthz                    on both listeners
POST /admin/load?rps=N, /admin/health?ok=0|1   on the metrics listener
`;
/** Requests may finish this long after SIGTERM. */
const GRACE_MS = 2_000;

function number(text: string, name: string, min: number, max: number): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= min && value <= max))
    throw new Error(`--${name} must be ${min}..${max}, not ${JSON.stringify(text)}`);
  return value;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      listen: { type: 'string', default: '[::]:80' },
      'metrics-listen': { type: 'string', default: '[::]:9100' },
      'udp-echo': { type: 'string', default: '[::]:7' },
      name: { type: 'string', default: hostname() },
      workers: { type: 'string', default: '2' },
      'work-us': { type: 'string', default: '4000' },
      'cpu-share': { type: 'string', default: '0.1' },
      queue: { type: 'string', default: '1000' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return void process.stdout.write(USAGE);
  const echoAt = values['udp-echo'] === 'none' ? undefined : parseListenAddress(values['udp-echo']);
  const service = await startService({
    name: values.name,
    listen: parseListenAddress(values.listen),
    metricsListen: parseListenAddress(values['metrics-listen']),
    workers: Math.trunc(number(values.workers, 'workers', 1, 10_000)),
    workUs: number(values['work-us'], 'work-us', 1, 60e6),
    cpuShare: number(values['cpu-share'], 'cpu-share', 0, 1),
    queueLimit: Math.trunc(number(values.queue, 'queue', 0, 1e6)),
    echoPort: echoAt?.port ?? 0,
  });
  const complain = (text: string) => void process.stderr.write(`cfn-service: ${text}\n`);
  const echo = echoAt && new UdpEcho(echoAt, complain);
  process.stdout.write(
    `${JSON.stringify({ instance: values.name, port: service.port, metricsPort: service.metricsPort })}\n`,
  );

  const stop = () => {
    echo?.close();
    void service.close(GRACE_MS).then(() => process.exit(0));
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

main().catch((error: Error) => {
  process.stderr.write(`cfn-service: ${error.message}\n`);
  process.exitCode = 1;
});
