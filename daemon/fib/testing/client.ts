// A client for kernel tests, told what to do over its message channel: TCP and UDP flows that stay open and are asked now
// and then who serves them, and a paced stream of numbered datagrams whose answers are counted.
import { createSocket } from 'node:dgram';
import { connect, type Socket } from 'node:net';

export type ClientRequest =
  | {
      readonly do: 'open';
      readonly address: string;
      readonly port: number;
      readonly count: number;
      /** Default: tcp. */
      readonly protocol?: 'tcp' | 'udp';
      /** Own address; default: the kernel's choice. */
      readonly from?: string;
    }
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

export type ReplyTo<R extends ClientRequest> = R extends { readonly do: 'stop' } ? StreamReply : FlowReply;

/** For a busy machine; where there is no answer it is waited for in full. */
const ANSWER_TIMEOUT_MS = 5000;
/** A socket that is not read in time drops datagrams (some 270 fit): a flow asks again, as whoever uses UDP does. */
const ASK_AGAIN_MS = 200;
/** Of a stream, unanswered: fewer than what a socket holds that is not read for a while. */
const MAX_ON_THE_WAY = 200;
/** Asks once who serves the flow. */
interface Flow {
  who(): Promise<string>;
  end(): void;
}

const flows: Flow[] = [];
let stopStream: (() => Promise<StreamReply>) | undefined;

process.on('message', (request: ClientRequest) => {
  perform(request).then((reply) => process.send?.(reply));
});
process.on('disconnect', () => process.exit());
process.send?.('ready');

async function perform(request: ClientRequest): Promise<FlowReply | StreamReply> {
  switch (request.do) {
    case 'open': {
      const { address, port, count, protocol, from } = request;
      const openOne = protocol === 'udp' ? openUdp : openTcp;
      const opened = await Promise.all(Array.from({ length: count }, () => openOne(address, port, from)));
      flows.push(...opened);
      return Promise.all(opened.map((flow) => flow.who()));
    }
    case 'ask':
      return Promise.all(flows.map((flow) => flow.who()));
    case 'close':
      for (const flow of flows.splice(0, request.count)) flow.end();
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

function openTcp(address: string, port: number, from?: string): Promise<Flow> {
  return new Promise((resolve) => {
    const opened = () => resolve({ who: () => whoServes(socket), end: () => socket.end() });
    const socket = connect({ port, host: address, ...(from !== undefined && { localAddress: from }) }, opened);
    socket.setNoDelay(true);
    socket.on('error', opened);
  });
}

/** One socket a flow, not connected: hosts answer from their own address. */
function openUdp(address: string, port: number, from?: string): Promise<Flow> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.on('error', () => {});
  let asked = 0;
  const who = () =>
    new Promise<string>((resolve) => {
      // Only an answer to this question counts.
      const question = `who${++asked}`;
      const ask = () => socket.send(question, port, address);
      const again = setInterval(ask, ASK_AGAIN_MS);
      const done = (answer: string) => {
        clearTimeout(timer);
        clearInterval(again);
        socket.removeAllListeners('message');
        resolve(answer);
      };
      const timer = setTimeout(() => done('silent'), ANSWER_TIMEOUT_MS);
      socket.on('message', (message) => {
        const [host = '', echoed] = String(message).split(' ');
        if (echoed === question) done(host);
      });
      ask();
    });
  return new Promise((resolve) => {
    socket.bind({ ...(from !== undefined && { address: from }) }, () => resolve({ who, end: () => socket.close() }));
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

/** One flow (one socket) at a steady rate; what a late timer missed is sent as soon as answers allow, so that the rate holds. */
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
    while (sent < due && sent - answered.size < MAX_ON_THE_WAY) socket.send(String(sent++), port, address);
  }, 1);
  return async () => {
    clearInterval(timer);
    const deadline = performance.now() + ANSWER_TIMEOUT_MS;
    while (answered.size < sent && performance.now() < deadline) await new Promise((wait) => setTimeout(wait, 10));
    socket.close();
    return { sent, received };
  };
}
