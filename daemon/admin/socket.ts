// The unix socket of the admin API: who may connect (file mode), whose it is (a socket on which nobody answers is left
// over from a crash and is replaced; one that answers is never touched), and what goes wrong, in words.
import { chmod, lstat, mkdir, rename, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import type { Server, ServerCredentials } from '@grpc/grpc-js';
import type { Outcome } from './backend.ts';

/** Owner and group. */
const MODE = 0o660;

/** Binds `server` to `path`. The socket appears under its name only with its mode set, so nobody slips in before. */
export async function listenOnSocket(
  server: Server,
  credentials: ServerCredentials,
  path: string,
): Promise<Outcome<{ remove(): Promise<void> }>> {
  const refuse = (text: string): Outcome<never> => ({
    ok: false,
    code: 'unavailable',
    text: `admin socket ${path}: ${text}`,
  });
  const temporary = `${path}.${process.pid}`;
  try {
    await makeDirectory(dirname(path));
    const occupied = await occupant(path);
    if (occupied !== undefined) return refuse(occupied);
    await unlink(temporary).catch(ignoreMissing);
    await bind(server, credentials, temporary);
    await chmod(temporary, MODE);
    await rename(temporary, path);
    const own = await lstat(path);
    const remove = async (): Promise<void> => {
      const now = await lstat(path).catch(ignoreMissing);
      // A successor may have taken the name over.
      if (now !== undefined && now.ino === own.ino && now.dev === own.dev) await unlink(path).catch(ignoreMissing);
    };
    return { ok: true, value: { remove } };
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    return refuse(explain(error));
  }
}

/** With its parents. Node's own recursion never ends where a file system refuses with ENOENT, as /proc does. */
async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    await makeDirectory(dirname(path));
    await mkdir(path);
  }
}

/** Who sits on the path and must stay; undefined: free, or a left-over. */
async function occupant(path: string): Promise<string | undefined> {
  const found = await lstat(path).catch(ignoreMissing);
  if (found === undefined) return undefined;
  if (!found.isSocket()) return 'exists and is not a socket';
  const errno = await probeSocket(path);
  if (errno === undefined) return 'another daemon answers on it';
  return errno === 'ECONNREFUSED' || errno === 'ENOENT' ? undefined : `cannot tell whether it is in use (${errno})`;
}

/** Connects and hangs up; undefined: somebody answered, otherwise the errno. */
export function probeSocket(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const done = (errno?: string): void => {
      socket.destroy();
      resolve(errno);
    };
    socket.once('connect', () => done());
    socket.once('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
  });
}

function bind(server: Server, credentials: ServerCredentials, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`unix:${path}`, credentials, (error) => (error ? reject(error) : resolve()));
  });
}

function explain(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const text = `${code ?? ''} ${message}`;
  if (/EACCES|EPERM/.test(text)) return 'permission denied (run as root, or set admin.socket to a writable place)';
  if (/EROFS/.test(text)) return 'the file system is read-only';
  if (/ENOTDIR|EEXIST/.test(text)) return 'a part of the path is not a directory';
  return message;
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
  return undefined;
}
