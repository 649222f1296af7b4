// Scripts of this folder as processes in test namespaces: they say a first word when they are ready, and answer over their
// message channel.
import type { ChildProcess, Serializable } from 'node:child_process';
import { join } from 'node:path';
import type { ClientRequest, ReplyTo } from './client.ts';
import type { Namespace } from './namespaces.ts';

/** Resolves when the script is ready; rejects when it ends before. */
export function startScript(namespace: Namespace, script: string, ...args: string[]): Promise<ChildProcess> {
  const child = namespace.fork(join(import.meta.dirname, script), ...args);
  return new Promise((resolve, reject) => {
    child.once('message', () => resolve(child));
    child.once('exit', (code) => reject(new Error(`${script} ended with ${code}`)));
  });
}

/** The next message after this one; one request at a time. */
export function answerOf<T>(child: ChildProcess, request: Serializable): Promise<T> {
  return new Promise((resolve) => {
    child.once('message', (reply) => resolve(reply as T));
    child.send(request);
  });
}

/** What client.ts answers. */
export function askClient<R extends ClientRequest>(client: ChildProcess, request: R): Promise<ReplyTo<R>> {
  return answerOf(client, request);
}
