// A STAMP agent as a process of its own, for tests in namespaces: one link from the command line, events as JSON lines.
// Usage: stamp-child.ts PORT DEVICE LOCAL REMOTE DETECT-MULTIPLIER
import { createStampAgent } from './stamp.ts';

const [port = '', device = '', localAddress = '', remoteAddress = '', detectMultiplier = ''] = process.argv.slice(2);
const print = (line: unknown) => void process.stdout.write(`${JSON.stringify(line)}\n`);

const agent = createStampAgent({
  links: [{ name: device, localAddress, remoteAddress }],
  config: {
    enabled: true,
    port: Number(port),
    intervalMs: 50,
    detectMultiplier: Number(detectMultiplier),
    windowMs: 1_000,
    deadBandPercent: 10,
    deadBandUs: 100,
  },
  post: (event) => print({ atMs: performance.timeOrigin + performance.now(), ...event }),
  log: {
    debug() {},
    info: (_fields, text) => print({ type: 'log', text }),
    warn: (_fields, text) => print({ type: 'log', text }),
  },
});
// Each line on stdin is a hint that the link changed; the end of it is ours.
process.stdin.on('data', () => agent.linkChanged(device));
process.stdin.on('end', () => process.exit(0));
