// A name that one process of a network namespace holds: an abstract unix socket, which belongs to the namespace as kernel
// routes do, needs no directory, and is gone the moment its process is, however that ended. Who holds it says so to whoever
// connects. Any local user may take such a name: that only keeps a daemon from starting, and the refusal says it.
import { connect, createServer } from 'node:net';
import { CodedError } from '../../lib/errors.ts';

/** A holder that says nothing for this long is a stranger. */
const ANSWER_MS = 500;
const MAX_ANSWER = 200;

export interface Claim {
  release(): void;
}

/** Takes `name`, telling others that `holder` has it; rejects with `CodedError` `already-running` when somebody has it. */
export async function claim(name: string, holder: string): Promise<Claim> {
  const path = `\0${name}`;
  const server = createServer((socket) => socket.on('error', () => {}).end(holder));
  const error = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
    server.once('error', resolve);
    server.listen({ path }, () => resolve(undefined));
  });
  if (error === undefined) {
    server.on('error', () => {});
    server.unref();
    return { release: () => void server.close() };
  }
  if (error.code !== 'EADDRINUSE') throw new CodedError('claim-failed', `cannot take @${name}: ${error.message}`);
  const other = (await ask(path)) || 'a process that does not say who it is';
  throw new CodedError('already-running', `${other} holds @${name} in this network namespace`, { claim: name });
}

function ask(path: string): Promise<string> {
  return new Promise((resolve) => {
    let said = '';
    const socket = connect({ path });
    const done = () => {
      clearTimeout(late);
      socket.destroy();
      resolve(said);
    };
    const late = setTimeout(done, ANSWER_MS);
    socket.setEncoding('utf8');
    // Printable ASCII only: it goes to a log.
    socket.on('data', (text: string) => {
      said = (said + text.replace(/[^ -~]/g, '?')).slice(0, MAX_ANSWER);
    });
    socket.once('error', done);
    socket.once('end', done);
  });
}
