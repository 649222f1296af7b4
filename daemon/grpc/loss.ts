import type { Socket } from 'node:net';

/** Why a connection is over that was not ended: node:http2 has only codes for it, which a peer could have sent as well. */
export class Loss {
  /** Undefined: it is not, or nobody knows yet. The first reason counts. */
  why: string | undefined;

  /** Made before others listen to the socket. */
  constructor(socket: Socket) {
    socket.on('end', () => this.because('the peer closed the connection'));
    socket.on('error', (error) => this.because(brokenText(error)));
  }

  because(why: string): void {
    this.why ??= why;
  }
}

/** Of a connection that stood. */
export function brokenText({ code, message }: NodeJS.ErrnoException): string {
  return `the connection broke (${code ?? message})`;
}
