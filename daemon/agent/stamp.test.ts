import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { decodeReflectorPacket, encodeSenderPacket } from '../../lib/stamp/packet.ts';
import { USER_SPACE_ERROR } from '../../lib/stamp/timestamp.ts';
import { createStampAgent, type StampAgent, type StampRouterEvent } from './stamp.ts';
import type { StampLog } from './stamp-log.ts';

const DEADLINE = { timeout: 30_000, interval: 10 };
const config = {
  enabled: true,
  intervalMs: 20,
  detectMultiplier: 3,
  windowMs: 1_000,
  deadBandPercent: 10,
  deadBandUs: 100,
};

const toClose: { close(): void }[] = [];
let log: { warnings: string[] } & StampLog;
beforeEach(() => {
  const warnings: string[] = [];
  log = { warnings, info() {}, debug() {}, warn: (_fields, text) => void warnings.push(text) };
});
afterEach(() => {
  for (const open of toClose.splice(0)) open.close();
});

async function bound(port = 0, address = '::'): Promise<Socket & { port: number }> {
  const socket = createSocket('udp6');
  socket.bind({ address, port, exclusive: true });
  await once(socket, 'listening');
  return Object.assign(socket, { port: socket.address().port });
}

async function freePort(): Promise<number> {
  const socket = await bound();
  socket.close();
  await once(socket, 'close');
  return socket.port;
}

function agent(
  port: number,
  remotePort: number,
  localAddress = '::1',
  enabled = true,
): StampAgent & { events: StampRouterEvent[] } {
  const events: StampRouterEvent[] = [];
  const links = [{ name: 'lo', localAddress, remoteAddress: '::1' }];
  const created = createStampAgent({
    links,
    config: { ...config, enabled, port },
    post: (event) => events.push(event),
    log,
    remotePort,
  });
  toClose.push(created);
  return Object.assign(created, { events });
}

const types = (events: readonly StampRouterEvent[]) => events.map((event) => event.type);

describe('two STAMP agents', () => {
  test('bring the path between them up and measure less than the loopback could ever take', async () => {
    const [portA, portB] = [await freePort(), await freePort()];
    const [a, b] = [agent(portA, portB), agent(portB, portA)];
    for (const one of [a, b]) {
      // A busy machine's first figures may be any; those of a calmer moment follow.
      const isGood = (event: StampRouterEvent) =>
        event.type === 'link-measured' && event.link === 'lo' && event.loss === 0 && event.delayMinUs < 5_000;
      await vi.waitFor(() => expect(one.events.some(isGood), JSON.stringify(one.events)).toBe(true), DEADLINE);
      expect(one.events.find((event) => event.type === 'path-up')).toEqual({ type: 'path-up', link: 'lo' });
    }
    expect(a.snapshot().reflector.reflected).toBeGreaterThan(2);
  });

  test('set one timer a probe: every other would wake an idle router for nothing', async () => {
    const [portA, portB] = [await freePort(), await freePort()];
    const both = [agent(portA, portB), agent(portB, portA)];
    for (const { events } of both) await vi.waitFor(() => expect(types(events)).toContain('path-up'), DEADLINE);
    const sent = () => both.reduce((sum, one) => sum + one.snapshot().links[0]!.sent, 0);
    const setTimer = vi.spyOn(globalThis, 'setTimeout');
    toClose.push({ close: () => setTimer.mockRestore() });
    const before = sent();
    await vi.waitFor(() => expect(sent() - before).toBeGreaterThan(100), DEADLINE);
    // Some to spare: the loop's clock stands still while a busy machine is at something else, and a timer set then is early.
    expect(setTimer.mock.calls.length).toBeLessThan(1.2 * (sent() - before));
  });

  test('bring it up while interfaces come and go all the time', async () => {
    const [portA, portB] = [await freePort(), await freePort()];
    const [a] = [agent(portA, portB), agent(portB, portA)];
    let isOver = false;
    const change = () => {
      if (isOver) return;
      a.linkChanged();
      setImmediate(change);
    };
    change();
    toClose.push({
      close: () => {
        isOver = true;
      },
    });
    await vi.waitFor(() => expect(types(a.events)).toContain('path-up'), DEADLINE);
  });

  test('keep the path when the far daemon dies but its host lives, and measure again when it is back', async () => {
    const [portA, portB] = [await freePort(), await freePort()];
    const a = agent(portA, portB);
    const first = agent(portB, portA);
    await vi.waitFor(() => expect(types(a.events)).toContain('path-up'), DEADLINE);
    first.close();
    await vi.waitFor(() => expect(a.snapshot().links[0]?.refused).toBe(true), DEADLINE);
    agent(portB, portA);
    await vi.waitFor(() => expect(a.snapshot().links[0]?.refused).toBe(false), DEADLINE);
    expect(types(a.events)).not.toContain('path-down');
  });

  test('call the path down when packets vanish, and up when they come back', async () => {
    const [portA, portB] = [await freePort(), await freePort()];
    const a = agent(portA, portB);
    const b = agent(portB, portA);
    await vi.waitFor(() => expect(types(a.events)).toContain('path-up'), DEADLINE);
    b.close();
    let mute: Socket | undefined;
    await vi.waitFor(async () => void (mute = await bound(portB)), DEADLINE);
    await vi.waitFor(() => expect(types(a.events)).toContain('path-down'), DEADLINE);
    mute!.close();
    agent(portB, portA);
    const down = types(a.events).lastIndexOf('path-down');
    await vi.waitFor(() => expect(types(a.events).lastIndexOf('path-up')).toBeGreaterThan(down), DEADLINE);
  });
});

describe('a STAMP agent', () => {
  test('says that its port is in use, goes on measuring, and reflects when the port is free', async () => {
    const holder = await bound();
    const portB = await freePort();
    const a = agent(holder.port, portB);
    agent(portB, holder.port);
    await vi.waitFor(() => expect(log.warnings).toContainEqual(expect.stringContaining('port is in use')), DEADLINE);
    await vi.waitFor(() => expect(types(a.events)).toContain('path-up'), DEADLINE);
    expect(a.reflecting).toBe(false);
    holder.close();
    await vi.waitFor(() => expect(a.reflecting).toBe(true), DEADLINE);
    expect(log.warnings.filter((text) => text.includes('in use'))).toHaveLength(1);
  });

  test('with an address that does not exist gives a verdict instead of failing', async () => {
    const [portA, portB] = [await freePort(), await freePort()];
    const a = agent(portA, portB, '2001:db8:ffff::1');
    await vi.waitFor(() => expect(types(a.events)).toEqual(['path-down']), DEADLINE);
    expect(a.snapshot().links).toEqual([{ link: 'lo', path: 'down', refused: false, sent: 0, received: 0 }]);
    a.linkChanged('lo');
    a.linkChanged();
  });

  test('that does not measure still reflects, and never answers what is too short', async () => {
    const port = await freePort();
    const a = agent(port, port, '::1', false);
    await vi.waitFor(() => expect(a.reflecting).toBe(true), DEADLINE);
    const client = await bound(0, '::1');
    toClose.push(client);
    client.send(new Uint8Array(13), port, '::1');
    client.send(encodeSenderPacket({ sequence: 5, sentUs: 1e15, error: USER_SPACE_ERROR, ssid: 9 }), port, '::1');
    const [reply] = (await once(client, 'message')) as [Uint8Array];
    expect(decodeReflectorPacket(reply)).toMatchObject({ senderSequence: 5, ssid: 9 });
    expect(a.snapshot()).toMatchObject({ links: [], reflector: { reflected: 1, malformed: 1 } });
    expect(a.events).toEqual([]);
  });

  test('answers a flood only up to its rate limit', async () => {
    const port = await freePort();
    const a = agent(port, port, '::1', false);
    await vi.waitFor(() => expect(a.reflecting).toBe(true), DEADLINE);
    const client = await bound(0, '::1');
    toClose.push(client);
    const packet = encodeSenderPacket({ sequence: 1, sentUs: 0, error: USER_SPACE_ERROR, ssid: 0 });
    await vi.waitFor(() => {
      for (let i = 0; i < 50; i++) client.send(packet, port, '::1');
      expect(a.snapshot().reflector.rateLimited).toBeGreaterThan(50);
    }, DEADLINE);
  });
});
