import { execFileSync } from 'node:child_process';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { type OwnSocket, openOwnSocket } from './own-socket.ts';

vi.mock('node:net', { spy: true });

let socket: OwnSocket | undefined;
const given = new AbortController().signal;
const DEADLINE = { timeout: 30_000 };

afterEach(() => {
  socket?.close();
  vi.restoreAllMocks();
});

test('what is written is heard, in order, until it is closed', async () => {
  let heard = '';
  let isClosed = false;
  socket = await openOwnSocket((bytes) => {
    heard += bytes.toString('latin1');
  }, given);
  socket!.onClosed(() => {
    isClosed = true;
  });
  for (const word of ['one ', 'two ', 'three']) socket!.write(Buffer.from(word));
  await vi.waitUntil(() => heard === 'one two three', DEADLINE);
  socket!.close();
  await vi.waitUntil(() => isClosed, DEADLINE);
  socket!.write(Buffer.from('more'));
});

test('nobody else gets in', async () => {
  const strangers: Socket[] = [];
  const { createServer: real } = await vi.importActual<typeof import('node:net')>('node:net');
  vi.mocked(createServer).mockImplementationOnce(((options: object) => {
    const server = real(options);
    // Somebody who is accepted first, from another port.
    const emit = server.emit.bind(server);
    server.emit = ((name: string, ...rest: unknown[]) => {
      if (name === 'connection' && strangers.length === 0) {
        const stranger = { remotePort: 1, destroy: vi.fn() } as unknown as Socket;
        strangers.push(stranger);
        emit('connection', stranger);
      }
      return emit(name, ...rest);
    }) as typeof server.emit;
    return server;
  }) as typeof createServer);
  let heard = 0;
  socket = await openOwnSocket((bytes) => {
    heard += bytes.length;
  }, given);
  expect(strangers[0]!.destroy).toHaveBeenCalled();
  socket!.write(Buffer.alloc(100));
  await vi.waitUntil(() => heard === 100, DEADLINE);
});

test('without a loopback there is none', async () => {
  const { createServer: real } = await vi.importActual<typeof import('node:net')>('node:net');
  vi.mocked(createServer).mockImplementationOnce(((options: object) => {
    const server = real(options);
    server.listen = (() => {
      queueMicrotask(() => server.emit('error', new Error('EADDRNOTAVAIL')));
      return server;
    }) as typeof server.listen;
    return server;
  }) as typeof createServer);
  expect(await openOwnSocket(() => {}, given)).toBeUndefined();
});

test('its listener is gone once it is connected, and whenever it is given up', async () => {
  const made = vi.mocked(createServer);
  socket = await openOwnSocket(() => {}, given);
  const [server] = made.mock.results.map((it) => it.value as Server);
  expect(server!.listening).toBe(false);

  for (const turns of [0, 1, 2]) {
    const ends = new AbortController();
    const opened = openOwnSocket(() => {}, ends.signal);
    for (let i = 0; i < turns; i++) await new Promise((resolve) => process.nextTick(resolve));
    ends.abort();
    expect(await opened).toBeUndefined();
    await new Promise((resolve) => setImmediate(resolve));
    expect((made.mock.results.at(-1)!.value as Server).listening).toBe(false);
  }
});

test('it keeps no process alive', () => {
  const program = `import { openOwnSocket } from './own-socket.ts';
    const until = setInterval(() => {}, 1000);
    const socket = await openOwnSocket(() => {}, new AbortController().signal);
    clearInterval(until);
    console.log(socket === undefined ? 'none' : 'open');`;
  const args = ['--input-type=module', '--eval', program];
  const said = execFileSync(process.execPath, args, { cwd: import.meta.dirname, encoding: 'utf8', timeout: 60_000 });
  expect(said).toBe('open\n');
});
