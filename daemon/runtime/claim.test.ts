import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test, vi } from 'vitest';
import { claim } from './claim.ts';

const DEADLINE = { timeout: 30_000 };
const name = (what: string) => `cfnd-test-${process.pid}/${what}`;

test('a name has one holder, who is named to the next, and is free when released', async () => {
  const first = await claim(name('one'), 'cfnd a (pid 1)');
  // One that is kept busy for half a second passes for one that does not say who it is.
  await vi.waitFor(
    () =>
      expect(claim(name('one'), 'cfnd b (pid 2)')).rejects.toMatchObject({
        code: 'already-running',
        message: expect.stringContaining(`cfnd a (pid 1) holds @${name('one')}`),
      }),
    DEADLINE,
  );
  const other = await claim(name('two'), 'cfnd b (pid 2)');
  other.release();
  first.release();
  const again = await claim(name('one'), 'cfnd b (pid 2)');
  again.release();
});

test('a holder that is killed leaves nothing behind', async () => {
  const program = `require('net').createServer().listen({ path: '\\0${name('killed')}' }, () => console.log('held'))`;
  const holder = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(holder.stdout!, 'data');
  await expect(claim(name('killed'), 'cfnd b')).rejects.toMatchObject({
    message: expect.stringContaining('a process that does not say who it is'),
  });
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  (await claim(name('killed'), 'cfnd b')).release();
});

test('what a stranger answers is cut and cleaned', async () => {
  const stranger = createServer((socket) => socket.on('error', () => {}).end(`\u001b[31mred\n${'x'.repeat(500)}`));
  await new Promise<void>((resolve) => stranger.listen({ path: `\0${name('rude')}` }, resolve));
  await vi.waitFor(
    () => expect(claim(name('rude'), 'cfnd b')).rejects.toThrow(/^\?\[31mred\?x{1,200} holds /),
    DEADLINE,
  );
  stranger.close();
});
