// One GET with two deadlines: to connect, and to answer. Tells what became of it in the words of the statistics.
import { type Agent, get } from 'node:http';
import type { Socket } from 'node:net';
import { INSTANCE_HEADER } from '../service/instance-header.ts';

export interface RequestDeadlines {
  /** Below 1 s, a lost SYN counts as a failure instead of hiding behind TCP's retransmission. */
  readonly connectTimeoutMs: number;
  readonly responseTimeoutMs: number;
}

export type RequestResult =
  | {
      readonly kind: 'answered' | 'overloaded';
      readonly instance: string;
      readonly newFlow: boolean;
      readonly socket: Socket;
    }
  | { readonly kind: 'failed' }
  | { readonly kind: 'broken'; readonly newFlow: boolean; readonly aliveMs: number };

/** Never rejects. With an `agent` that keeps connections, `newFlow` tells whether this request opened one. */
export function request(url: URL, agent: Agent, deadlines: RequestDeadlines): Promise<RequestResult> {
  return new Promise((resolve) => {
    let established = false;
    let aliveMs = performance.now();
    let timer: NodeJS.Timeout;
    const call = get(url, { agent }, (response) => {
      aliveMs = performance.now();
      const instance = String(response.headers[INSTANCE_HEADER] ?? 'unknown');
      const { socket } = response;
      response.resume();
      response.once('end', () => {
        clearTimeout(timer);
        resolve({
          kind: response.statusCode === 200 ? 'answered' : 'overloaded',
          instance,
          newFlow: !call.reusedSocket,
          socket,
        });
      });
      response.once('error', fail);
    });
    const fail = () => {
      clearTimeout(timer);
      call.destroy();
      resolve(established ? { kind: 'broken', newFlow: !call.reusedSocket, aliveMs } : { kind: 'failed' });
    };
    const waitForAnswer = () => {
      established = true;
      aliveMs = performance.now();
      clearTimeout(timer);
      timer = setTimeout(fail, deadlines.responseTimeoutMs);
    };
    timer = setTimeout(fail, deadlines.connectTimeoutMs);
    call.once('error', fail);
    call.once('socket', (socket) => {
      if (socket.connecting) socket.once('connect', waitForAnswer);
      else waitForAnswer();
    });
  });
}
