// `cfn-load`: the load generator's command line. JSON lines on stdout (one a second, one a mark, the summary last),
// commands on stdin.
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { parseListenAddress } from '../service/listen-address.ts';
import { DEFAULT_LOAD_OPTIONS, type Load, type LoadOptions, startLoad } from './loadgen.ts';

const USAGE = `usage: cfn-load --target URL [options]
  --rate R                        short flows per second            (default 50)
  --connections-per-request MODE  new or keep                       (default new)
  --long-lived N                  flows that stay open              (default 0)
  --long-interval-ms MS           between requests on each          (default 100)
  --connect-timeout-ms MS         below 1000, lost SYNs are seen    (default 500)
  --response-timeout-ms MS                                          (default 3000)
  --udp ADDR                      UDP echo to stream to, e.g. [fd00:cafe::80]:7
  --udp-rate R                    packets per second                (default 1000)
  --duration S                    0: until "stop" or SIGTERM        (default 10)
  --phase NAME                    of the first phase                (default start)

stdin: "phase NAME" marks a phase, "rate R" changes the rate, "stop" ends and prints the summary.
`;

function number(text: string, name: string, max: number): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= max))
    throw new Error(`--${name} must be 0..${max}, not ${JSON.stringify(text)}`);
  return value;
}

function print(line: unknown): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      target: { type: 'string' },
      rate: { type: 'string', default: String(DEFAULT_LOAD_OPTIONS.ratePerSecond) },
      'connections-per-request': { type: 'string', default: DEFAULT_LOAD_OPTIONS.connections },
      'long-lived': { type: 'string', default: String(DEFAULT_LOAD_OPTIONS.longLived) },
      'long-interval-ms': { type: 'string', default: String(DEFAULT_LOAD_OPTIONS.longIntervalMs) },
      'connect-timeout-ms': { type: 'string', default: String(DEFAULT_LOAD_OPTIONS.connectTimeoutMs) },
      'response-timeout-ms': { type: 'string', default: String(DEFAULT_LOAD_OPTIONS.responseTimeoutMs) },
      udp: { type: 'string' },
      'udp-rate': { type: 'string', default: '1000' },
      duration: { type: 'string', default: '10' },
      phase: { type: 'string', default: DEFAULT_LOAD_OPTIONS.phase },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return void process.stdout.write(USAGE);
  if (!values.target || !URL.canParse(values.target))
    throw new Error('--target must be a URL, as in http://[fd00:cafe::80]/');
  const connections = values['connections-per-request'];
  if (connections !== 'new' && connections !== 'keep') throw new Error('--connections-per-request must be new or keep');
  const options: LoadOptions = {
    target: values.target,
    ratePerSecond: number(values.rate, 'rate', 100_000),
    connections,
    longLived: number(values['long-lived'], 'long-lived', 10_000),
    longIntervalMs: number(values['long-interval-ms'], 'long-interval-ms', 3_600_000),
    connectTimeoutMs: number(values['connect-timeout-ms'], 'connect-timeout-ms', 60_000),
    responseTimeoutMs: number(values['response-timeout-ms'], 'response-timeout-ms', 60_000),
    ...(values.udp && {
      udp: { ...parseListenAddress(values.udp), ratePerSecond: number(values['udp-rate'], 'udp-rate', 100_000) },
    }),
    phase: values.phase,
  };
  run(startLoad(options), number(values.duration, 'duration', 86_400));
}

function run(load: Load, durationSeconds: number): void {
  const live = setInterval(() => print(load.second()), 1_000);
  const commands = createInterface({ input: process.stdin });
  let stopping = false;
  const stop = async () => {
    if (stopping) return;
    stopping = true;
    clearInterval(live);
    commands.close();
    const summary = await load.stop();
    process.stdout.write(`${JSON.stringify(summary)}\n`, () => process.exit(0));
  };
  commands.on('line', (line) => {
    const [command, argument = ''] = line.trim().split(/\s+(.*)/s);
    if (command === 'phase' && argument) print({ type: 'phase', name: argument, atMs: load.mark(argument) });
    else if (command === 'rate' && Number(argument) >= 0) load.setRate(Number(argument));
    else if (command === 'stop') void stop();
    else if (command) process.stderr.write(`cfn-load: not a command: ${JSON.stringify(line)}\n`);
  });
  if (durationSeconds > 0) setTimeout(() => void stop(), durationSeconds * 1e3);
  process.once('SIGTERM', () => void stop());
  process.once('SIGINT', () => void stop());
}

main().catch((error: Error) => {
  process.stderr.write(`cfn-load: ${error.message}\n`);
  process.exitCode = 1;
});
