// A client for kernel tests, told what to do over its message channel: TCP flows that stay open and are asked now and
// then who serves them, and a paced stream of numbered datagrams whose answers are counted.
import { createSocket } from 'node:dgram';
import { connect, type Socket } from 'node:net';

export type ClientRequest =
  | { readonly do: 'open'; readonly address: string; readonly port: number; readonly count: number }
  /** Asks every open flow who serves it. */
  | { readonly do: 'ask' }
  | { readonly do: 'close'; readonly count: number }
  | { readonly do: 'stream'; readonly address: string; readonly port: number; readonly hertz: number }
  | { readonly do: 'stop' };

/** Flows: who answered each, in order of opening; `broken` when none did. */
export type FlowReply = readonly string[];
export interface StreamReply {
  readonly sent: number;
  /** Answers by host. */
  readonly received: Readonly<Record<string, number>>;
}

const ANSWER_TIMEOUT_MS = 1500;
const flows: Socket[] = [];
let stopStream: (() => Promise<StreamReply>) | undefined;

process.on('message', (request: ClientRequest) => {
  perform(request).then((reply) => process.send?.(reply));
});
process.on('disconnect', () => process.exit());
process.send?.('ready');

async function perform(request: ClientRequest): Promise<FlowReply | StreamReply> {
  switch (request.do) {
    case 'open': {
      const opened = await Promise.all(
        Array.from({ length: request.count }, () => open(request.address, request.port)),
      );
      flows.push(...opened);
      return Promise.all(opened.map(whoServes));
    }
    case 'ask':
      return Promise.all(flows.map(whoServes));
    case 'close':
      for (const socket of flows.splice(0, request.count)) socket.end();
      return [];
    case 'stream':
      stopStream = stream(request.address, request.port, request.hertz);
      return [];
    case 'stop':
      return stopStream!();
    default:
      return request satisfies never;
  }
}

function open(address: string, port: number): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(port, address, () => resolve(socket));
    socket.setNoDelay(true);
    socket.on('error', () => resolve(socket));
  });
}

function whoServes(socket: Socket): Promise<string> {
  if (socket.destroyed) return Promise.resolve('broken');
  return new Promise((resolve) => {
    const done = (who: string) => {
      clearTimeout(timer);
      socket.removeAllListeners('data').removeAllListeners('close');
      resolve(who);
    };
    const timer = setTimeout(() => done('silent'), ANSWER_TIMEOUT_MS);
    socket.once('data', (chunk) => done(String(chunk).split(' ')[0]!));
    socket.once('close', () => done('broken'));
    socket.write('who\n');
  });
}

/** One flow (one socket) at a steady rate; what a late timer missed is sent at once, so that the rate holds. */
function stream(address: string, port: number, hertz: number): () => Promise<StreamReply> {
  const received: Record<string, number> = {};
  const answered = new Set<string>();
  let sent = 0;
  const socket = createSocket('udp6', (message) => {
    const [host = '', number = ''] = String(message).split(' ');
    if (answered.has(number)) return;
    answered.add(number);
    received[host] = (received[host] ?? 0) + 1;
  });
  socket.on('error', () => {});
  const start = performance.now();
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - start) * hertz) / 1000);
    while (sent < due) socket.send(String(sent++), port, address);
  }, 1);
  return async () => {
    clearInterval(timer);
    const deadline = performance.now() + ANSWER_TIMEOUT_MS;
    while (answered.size < sent && performance.now() < deadline) await new Promise((wait) => setTimeout(wait, 10));
    socket.close();
    return { sent, received };
  };
}
