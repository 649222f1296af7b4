// The STAMP session-reflector's socket: answers test packets at once, in the callback that received them, within a rate
// limit. Keeps no sessions, so any number of senders costs nothing but their packets.
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { CodedError } from '../../lib/errors.ts';
import { reflectInPlace } from '../../lib/stamp/packet.ts';
import { DEFAULT_RATE_LIMIT, RateLimit, type RateLimitConfig } from '../../lib/stamp/rate-limit.ts';
import { USER_SPACE_ERROR } from '../../lib/stamp/timestamp.ts';
import { monotonicMs, steadyWallAtMs, steadyWallMs } from '../runtime/clock.ts';
import type { StampLog } from './stamp-log.ts';

/** Pause before a port in use is tried again. */
const REBIND_MS = 1_000;
/** RFC 5357 4.2.1: 255 where the stack does not tell the received hop limit, as node:dgram does not. */
const SENDER_TTL_UNKNOWN = 255;

export interface ReflectorOptions {
  readonly port: number;
  readonly log: StampLog;
  readonly rateLimit?: RateLimitConfig;
}

export interface ReflectorCounters {
  readonly reflected: number;
  readonly rateLimited: number;
  readonly malformed: number;
}

export class StampReflector {
  readonly #options: ReflectorOptions;
  readonly #limit: RateLimit;
  #socket: Socket | undefined;
  #rebind: NodeJS.Timeout | undefined;
  #closed = false;
  /** Said once an outage, not once a second. */
  #complained = false;
  #reflected = 0;
  #rateLimited = 0;
  #malformed = 0;

  constructor(options: ReflectorOptions) {
    this.#options = options;
    this.#limit = new RateLimit(options.rateLimit ?? DEFAULT_RATE_LIMIT, monotonicMs());
    this.#open();
  }

  get counters(): ReflectorCounters {
    return { reflected: this.#reflected, rateLimited: this.#rateLimited, malformed: this.#malformed };
  }

  /** True once test packets are answered. */
  get listening(): boolean {
    return this.#socket !== undefined;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#rebind);
    this.#socket?.close();
    this.#socket = undefined;
  }

  #open(): void {
    const socket = createSocket({
      type: 'udp6',
      ipv6Only: true,
      lookup: (host, _options, callback) => callback(null, host, 6),
    });
    socket.on('error', (error) => this.#failed(socket, error));
    socket.on('message', (request, from) => this.#reflect(socket, request, from));
    socket.once('listening', () => {
      if (this.#closed) return void socket.close();
      socket.setTTL(255);
      this.#socket = socket;
      this.#complained = false;
      this.#options.log.debug({ port: this.#options.port }, 'stamp reflector listening');
    });
    socket.bind({ address: '::', port: this.#options.port, exclusive: true });
  }

  #failed(socket: Socket, error: Error): void {
    if (this.#closed) return;
    // An error of one send (an unreachable sender) leaves the socket usable.
    if (this.#socket === socket) return;
    socket.close();
    if (!this.#complained) {
      this.#complained = true;
      const code = (error as NodeJS.ErrnoException).code ?? error.message;
      this.#options.log.warn(
        { port: this.#options.port, code },
        code === 'EADDRINUSE'
          ? 'stamp port is in use by another process, neighbours cannot measure links to this router until it is free'
          : 'cannot listen on the stamp port, neighbours cannot measure links to this router',
      );
    }
    this.#rebind = setTimeout(() => this.#open(), REBIND_MS);
  }

  #reflect(socket: Socket, request: Uint8Array, from: RemoteInfo): void {
    const atMs = monotonicMs();
    if (!this.#limit.allows(from.address, atMs)) {
      this.#rateLimited++;
      return;
    }
    try {
      const reply = reflectInPlace(request, {
        receivedUs: steadyWallAtMs(atMs) * 1e3,
        reflectedUs: steadyWallMs() * 1e3,
        error: USER_SPACE_ERROR,
        senderTtl: SENDER_TTL_UNKNOWN,
      });
      // Without a callback: that a sender is unreachable is nothing to us, nor does it become an error of the socket.
      socket.send(reply, from.port, from.address);
      this.#reflected++;
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      this.#malformed++;
    }
  }
}
