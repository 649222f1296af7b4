// One link's session-sender: the socket, the timer, and the pure step between them. The address or the interface may
// not exist yet, or come and go: then probes fail, which the step sees as silence, and the socket is made again.
import { createSocket, type Socket } from 'node:dgram';
import { CodedError } from '../../lib/errors.ts';
import { decodeReflectorPacket, encodeSenderPacket, STAMP_BYTES } from '../../lib/stamp/packet.ts';
import {
  isSilent,
  type SenderConfig,
  type SenderEffect,
  type SenderEvent,
  type SenderState,
  senderDeadlineMs,
  startSender,
  stepSender,
} from '../../lib/stamp/sender.ts';
import { USER_SPACE_ERROR } from '../../lib/stamp/timestamp.ts';
import { monotonicMs, steadyWallAtMs, steadyWallMs } from '../runtime/clock.ts';
import type { StampLog } from './stamp-log.ts';

/** Pause between attempts to make a socket on an address that does not exist yet. */
const REOPEN_MS = 250;
/** A socket is given so long to hear something: news of interfaces may come faster than answers do. */
const YOUNG_MS = 1000;
/** Send errors after which only a new socket helps; all others (no route, unreachable) pass by themselves. */
const SOCKET_IS_DEAD = new Set(['EADDRNOTAVAIL', 'EINVAL', 'ENODEV', 'ENXIO', 'EBADF', 'EDESTADDRREQ', 'ENOTCONN']);

export interface StampLink {
  /** Interface name; the scope of link-local addresses. */
  readonly name: string;
  readonly localAddress: string;
  readonly remoteAddress: string;
}

export interface StampLinkOptions {
  readonly link: StampLink;
  readonly port: number;
  readonly config: SenderConfig;
  /** Unsigned 16-bit, not 0; and the first sequence number, unsigned 32-bit: drawn by the caller. */
  readonly ssid: number;
  readonly firstSequence: number;
  readonly log: StampLog;
  readonly tell: (effect: Exclude<SenderEffect, { type: 'send' }>) => void;
}

export class StampLinkSession {
  readonly #options: StampLinkOptions;
  readonly #state: SenderState;
  /** Every probe is written into it: the kernel has copied one when `send` returns, or its queue is full and both are late. */
  readonly #packet = new Uint8Array(STAMP_BYTES);
  #timer: NodeJS.Timeout | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #immediate: NodeJS.Immediate | undefined;
  #socket: Socket | undefined;
  #ready = false;
  #openedAtMs = Number.NEGATIVE_INFINITY;
  #closed = false;
  #sent = 0;
  #received = 0;

  constructor(options: StampLinkOptions) {
    this.#options = options;
    this.#state = startSender(monotonicMs(), options.firstSequence);
    this.#open();
    this.#arm(monotonicMs());
  }

  get state(): SenderState {
    return this.#state;
  }

  get counters(): { readonly sent: number; readonly received: number } {
    return { sent: this.#sent, received: this.#received };
  }

  /** The interface or its addresses changed: a socket that does not work is made again at once. */
  linkChanged(): void {
    if (this.#closed || (this.#ready && this.#state.phase === 'up')) return;
    const isYoung = this.#socket !== undefined && monotonicMs() - this.#openedAtMs < YOUNG_MS;
    if (!isYoung) this.#open();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    this.#dropSocket();
  }

  #step(event: SenderEvent): void {
    if (this.#closed) return;
    for (const effect of stepSender(this.#state, event, this.#options.config)) {
      if (effect.type === 'send') this.#send(effect.sequence);
      else this.#options.tell(effect);
    }
    this.#arm(event.atMs);
  }

  /**
   * A timer that is early asks again when it fires: what moves the deadline away, as every reply may, costs nothing. It
   * is never due before the deadline on the clock of the event loop, which counts whole milliseconds: woken a
   * fraction too early, a process that has nothing else to do pays for one more waking a probe.
   */
  #arm(nowMs: number): void {
    const deadlineMs = senderDeadlineMs(this.#state, this.#options.config);
    if (this.#timerAtMs <= deadlineMs) return;
    if (this.#timer) clearTimeout(this.#timer);
    this.#timerAtMs = deadlineMs;
    this.#timer = setTimeout(this.#onTimer, Math.max(0, Math.ceil(deadlineMs) - Math.floor(nowMs)));
  }

  /**
   * What may judge the path silent runs behind the poll phase: replies that waited in the socket while this process was
   * busy are heard before.
   */
  readonly #onTimer = (): void => {
    this.#timer = undefined;
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    const atMs = monotonicMs();
    if (isSilent(this.#state, atMs, this.#options.config)) {
      clearImmediate(this.#immediate);
      this.#immediate = setImmediate(this.#onPolled);
    } else this.#step({ type: 'timer', atMs });
  };

  readonly #onPolled = (): void => this.#step({ type: 'timer', atMs: monotonicMs() });

  #send(sequence: number): void {
    if (!this.#ready) {
      if (monotonicMs() - this.#openedAtMs >= REOPEN_MS) this.#open();
      return;
    }
    const packet = encodeSenderPacket(
      { sequence, sentUs: steadyWallMs() * 1e3, error: USER_SPACE_ERROR, ssid: this.#options.ssid },
      this.#packet,
    );
    this.#sent++;
    const socket = this.#socket;
    // Why a send fails only its callback hears. As long as probes are answered, one that fails shows in the next.
    if (this.#state.phase === 'up' && !this.#state.refused && this.#state.unanswered === 1) socket?.send(packet);
    else socket?.send(packet, (error) => error && this.#onError(socket, error));
  }

  #open(): void {
    const { link, port, log } = this.#options;
    this.#dropSocket();
    this.#openedAtMs = monotonicMs();
    const socket = createSocket({
      type: 'udp6',
      ipv6Only: true,
      lookup: (host, _options, callback) => callback(null, host, 6),
    });
    this.#socket = socket;
    socket.on('error', (error) => this.#onError(socket, error));
    socket.on('message', (bytes) => this.#onMessage(socket, bytes));
    socket.once('listening', () => {
      socket.setTTL(255);
      // Connected: only the neighbour's packets come in, and its ICMPv6 errors are ours to see.
      socket.connect(port, scoped(link.remoteAddress, link.name));
    });
    socket.once('connect', () => {
      if (this.#socket === socket) this.#ready = true;
    });
    log.debug({ link: link.name, local: link.localAddress, remote: link.remoteAddress }, 'stamp session opening');
    socket.bind({ address: scoped(link.localAddress, link.name), port: 0, exclusive: true });
  }

  #dropSocket(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#ready = false;
    if (!socket) return;
    socket.removeAllListeners();
    // A pending bind or connect may still fail after close: nobody is interested any more.
    socket.on('error', () => {});
    socket.close();
  }

  #onMessage(socket: Socket, bytes: Uint8Array): void {
    // The wall clock of one process start: it never steps, so T4 - T1 is a true span.
    const atMs = monotonicMs();
    if (socket !== this.#socket) return;
    try {
      const packet = decodeReflectorPacket(bytes);
      // A TWAMP-Light reflector sends zero there.
      if (packet.ssid !== this.#options.ssid && packet.ssid !== 0) return;
      this.#received++;
      this.#step({
        type: 'reply',
        atMs,
        sequence: packet.senderSequence,
        t1Us: packet.sentUs,
        t2Us: packet.receivedUs,
        t3Us: packet.reflectedUs,
        t4Us: steadyWallAtMs(atMs) * 1e3,
      });
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
    }
  }

  #onError(socket: Socket, error: Error): void {
    if (socket !== this.#socket) return;
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code === 'ECONNREFUSED') this.#step({ type: 'refused', atMs: monotonicMs() });
    // Made again at the next probe, so that a missing address is tried at a fixed pace and not in a loop.
    else if (!this.#ready || SOCKET_IS_DEAD.has(code)) this.#dropSocket();
  }
}

function scoped(address: string, device: string): string {
  return /^fe[89ab]/i.test(address) ? `${address}%${device}` : address;
}
