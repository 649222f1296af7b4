// A site with a large table of services, as a program in a namespace: `node FILE TARGET COUNT`. Keeps a session up, tells
// everything anew in each, End-of-RIB last, and says one JSON line a table: how long its writing took.
import { setTimeout as pause } from 'node:timers/promises';
import { routeFrames } from '../../scripts/benches/session/frames.ts';
import { openTransport, SessionClient, type Target } from './session-client.fixture.ts';

const PER_MESSAGE = 500;
const REDIAL_MS = 100;
const [text = '', wanted = ''] = process.argv.slice(2);
const target = JSON.parse(text) as Target;
const count = Number(wanted);
const router = target.routerId.split('.').reduce((number, part) => number * 256 + Number(part), 0);
const rows = {
  first: 0,
  count,
  perMessage: PER_MESSAGE,
  handleBase: -1,
  router,
  services: 0,
  version: 1,
  announce: true,
};

for (let session = 1; ; session++) {
  await speak(session);
  await pause(REDIAL_MS);
}

async function speak(session: number): Promise<void> {
  const transport = openTransport(target);
  const client = new SessionClient(target, transport);
  const families = ['service', 'compute'] as const;
  client.open({
    site: 'edge',
    families,
    gracefulRestart: { restartTimeMs: 60_000, families, preserved: families },
  });
  try {
    await client.hears((message) => message.type === 'KEEPALIVE');
    const startedAtMs = performance.now();
    // As fast as the hub reads, and no faster.
    if (!client.stream.write(routeFrames(rows)))
      await Promise.race([new Promise((resolve) => client.stream.once('drain', resolve)), client.closed]);
    client.say({ type: 'UPDATE', endOfRib: [...families] });
    process.stdout.write(`${JSON.stringify({ session, writtenMs: performance.now() - startedAtMs })}\n`);
    await client.closed;
  } catch {
    // It is not there yet, or has gone.
  } finally {
    transport.destroy();
  }
}
