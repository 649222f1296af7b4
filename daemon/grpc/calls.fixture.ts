// Test support: either side of ours over loopback, joined to a peer made by hand.
import type { Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { until } from '../session/transport.fixture.ts';
import { acceptCalls } from './accept-call.ts';
import type { Call } from './call.ts';
import { dial, Http2Peer, listen, PREFACE, request, settings, settingsAck, TYPE } from './http2-peer.fixture.ts';
import { openCall } from './open-call.ts';

/** What an owner of a call hears of it. */
export class Ear {
  readonly said: string[] = [];
  readonly pieces: Uint8Array[] = [];
  drains = 0;

  constructor(call: Call) {
    call.on('data', (bytes) => {
      this.pieces.push(bytes);
      if (this.said.at(-1) !== 'data') this.said.push('data');
    });
    call.on('drain', () => this.drains++);
    call.on('end', () => this.said.push('end'));
    call.on('close', () => this.said.push('close'));
  }

  get bytes(): Buffer {
    return Buffer.concat(this.pieces);
  }

  get length(): number {
    return this.pieces.reduce((sum, piece) => sum + piece.length, 0);
  }
}

/** Bytes of which each place has its own. */
export function pattern(length: number, seed = 0): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 8) * 7 + seed) & 0xff;
  return bytes;
}

/** Our listening side, and a client by hand that has said its preface. */
export async function accepting(begin: readonly Buffer[] = [settings(), settingsAck()], onCall?: (call: Call) => void) {
  const calls: (Call | undefined)[] = [];
  const ears: Ear[] = [];
  const sockets: Socket[] = [];
  const loopback = await listen((socket) => {
    sockets.push(socket);
    acceptCalls(socket, (call) => {
      calls.push(call);
      if (call === undefined) return { status: 8, text: 'one call', said: Buffer.from('no') };
      ears.push(new Ear(call));
      onCall?.(call);
      return undefined;
    });
  });
  onTestFinished(loopback.close);
  const peer = new Http2Peer(await dial(loopback.port), 'client');
  onTestFinished(() => void peer.socket.destroy());
  peer.send(PREFACE, ...begin);
  return { peer, calls, ears, sockets };
}

export async function accepted(begin?: readonly Buffer[]) {
  const all = await accepting(begin);
  all.peer.send(request(1));
  await all.peer.seen(TYPE.headers, 1);
  return { ...all, call: all.calls[0]!, ear: all.ears[0]!, socket: all.sockets[0]! };
}

/** Our dialling side, and a server by hand. */
export async function dialling(begin: readonly Buffer[] = [settings(), settingsAck()], onCall?: (call: Call) => void) {
  let served: Http2Peer | undefined;
  const loopback = await listen((socket) => {
    served = new Http2Peer(socket, 'server');
    served.send(...begin);
  });
  onTestFinished(loopback.close);
  const socket = await dial(loopback.port);
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  const calls: Call[] = [];
  const ears: Ear[] = [];
  const reasons: string[] = [];
  const cut = openCall(socket, 'http://peer', {
    accepted(call) {
      calls.push(call);
      ears.push(new Ear(call));
      onCall?.(call);
    },
    over(reason) {
      reasons.push(reason);
      ears[0]?.said.push('over');
    },
  });
  await until(() => served !== undefined, 'a connection');
  const peer = served!;
  await peer.seen(TYPE.headers, 1);
  return { peer, socket, calls, ears, reasons, cut };
}
