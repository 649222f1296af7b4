// A numbered UDP stream to an echo port, from one source port: which packets were lost, and for how long. The round
// trip is what is counted: a loss on either way is a loss.
import { createSocket, type Socket } from 'node:dgram';
import { udpDrops } from '../service/udp-drops.ts';
import { RECEIVE_BUFFER_BYTES } from '../service/udp-echo.ts';
import type { LoadStats } from './stats.ts';

export interface UdpStreamOptions {
  readonly host: string;
  readonly port: number;
  readonly ratePerSecond: number;
}

export interface UdpPhaseSummary {
  readonly sent: number;
  readonly lost: number;
  readonly reordered: number;
  readonly duplicated: number;
  /** Longest stretch of packets without an answer, ms. */
  readonly longestGapMs: number;
  readonly roundTripMs: { readonly p50: number; readonly p99: number; readonly n: number };
}

/** | sequence (4) | 12 octets of padding |: the size of a voice frame's headers is of no matter here. */
const DATAGRAM_BYTES = 16;
const TICK_MS = 1;
/** An hour at 1 kHz; then the stream ends. */
const MAX_PACKETS = 3_600_000;
/** Answers may come this late; what is missing then is lost. */
const SETTLE_MS = 1_000;

export class UdpStream {
  readonly #options: UdpStreamOptions;
  readonly #stats: LoadStats;
  readonly #socket: Socket;
  readonly #timer: NodeJS.Timeout;
  #sentMs = new Float64Array(4_096);
  /** Round trip, ms; NaN: not answered. */
  #answeredMs = new Float64Array(4_096);
  readonly #late: { readonly sequence: number; readonly kind: 'reordered' | 'duplicated' }[] = [];
  #next = 0;
  #highest = -1;
  #received = 0;
  #droppedHere = 0;
  #nextAtMs = performance.now();

  constructor(options: UdpStreamOptions, stats: LoadStats) {
    this.#options = options;
    this.#stats = stats;
    const family = options.host.includes(':') ? 6 : 4;
    // Not connected: an echo may answer from its unicast address, and ICMP errors must not end the stream.
    this.#socket = createSocket({
      type: `udp${family}`,
      lookup: (host, _options, callback) => callback(null, host, family),
    });
    this.#socket.on('message', (datagram) => this.#heard(datagram));
    this.#socket.on('error', () => {});
    this.#socket.bind(0, () => this.#socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES));
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  get counters(): { readonly sent: number; readonly received: number } {
    return { sent: this.#next, received: this.#received };
  }

  /** Sends no more; resolves when all answers are in, or can no longer come. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    const untilMs = performance.now() + SETTLE_MS;
    while (this.#received < this.#next && performance.now() < untilMs)
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    this.#droppedHere = udpDrops(this.#socket.address().port);
    this.#socket.close();
  }

  /** Of the lost ones, those that came back, but this process was too busy to read; known when stopped. */
  get droppedHere(): number {
    return this.#droppedHere;
  }

  /** One entry a phase, in order. */
  summary(
    phases: number,
    percentiles: (values: readonly number[]) => UdpPhaseSummary['roundTripMs'],
  ): UdpPhaseSummary[] {
    const result = Array.from({ length: phases }, () => ({
      sent: 0,
      lost: 0,
      reordered: 0,
      duplicated: 0,
      longestGapMs: 0,
      trips: [] as number[],
    }));
    let gapFromMs = Number.NaN;
    for (let sequence = 0; sequence < this.#next; sequence++) {
      const sentMs = this.#sentMs[sequence]!;
      const tripMs = this.#answeredMs[sequence]!;
      const phase = result[this.#stats.phaseAt(sentMs)]!;
      phase.sent++;
      if (!Number.isNaN(tripMs)) {
        phase.trips.push(tripMs);
        gapFromMs = Number.NaN;
        continue;
      }
      const charged = result[this.#stats.phaseOfLoss(sentMs)]!;
      charged.lost++;
      if (Number.isNaN(gapFromMs)) gapFromMs = sentMs;
      charged.longestGapMs = Math.max(charged.longestGapMs, sentMs - gapFromMs + 1e3 / this.#options.ratePerSecond);
    }
    for (const { sequence, kind } of this.#late) result[this.#stats.phaseAt(this.#sentMs[sequence]!)]![kind]++;
    return result.map(({ trips, longestGapMs, ...counts }) => ({
      ...counts,
      longestGapMs: Math.round(longestGapMs * 1e3) / 1e3,
      roundTripMs: percentiles(trips),
    }));
  }

  /** Lost packets by when they were sent: one number a stretch of `bucketMs` since `startMs`, monotonic; trailing zeroes left out. */
  lostOverTime(startMs: number, bucketMs: number): number[] {
    const lost: number[] = [];
    for (let sequence = 0; sequence < this.#next; sequence++) {
      if (!Number.isNaN(this.#answeredMs[sequence]!)) continue;
      const index = Math.max(0, Math.floor((this.#sentMs[sequence]! - startMs) / bucketMs));
      while (lost.length <= index) lost.push(0);
      lost[index]!++;
    }
    return lost;
  }

  #tick(): void {
    const nowMs = performance.now();
    // After a stall of this process only what fits in a socket buffer is made up for.
    this.#nextAtMs = Math.max(this.#nextAtMs, nowMs - 50);
    for (; this.#nextAtMs <= nowMs && this.#next < MAX_PACKETS; this.#nextAtMs += 1e3 / this.#options.ratePerSecond)
      this.#send();
  }

  #send(): void {
    const sequence = this.#next++;
    if (sequence >= this.#sentMs.length) {
      this.#sentMs = grown(this.#sentMs);
      this.#answeredMs = grown(this.#answeredMs);
    }
    const datagram = Buffer.alloc(DATAGRAM_BYTES);
    datagram.writeUInt32BE(sequence);
    this.#sentMs[sequence] = performance.now();
    this.#answeredMs[sequence] = Number.NaN;
    // An error (no route) is a loss like any other: the answer does not come.
    this.#socket.send(datagram, this.#options.port, this.#options.host, () => {});
  }

  #heard(datagram: Buffer): void {
    if (datagram.length !== DATAGRAM_BYTES) return;
    const sequence = datagram.readUInt32BE();
    if (sequence >= this.#next) return;
    if (!Number.isNaN(this.#answeredMs[sequence]!)) {
      this.#late.push({ sequence, kind: 'duplicated' });
      return;
    }
    this.#answeredMs[sequence] = performance.now() - this.#sentMs[sequence]!;
    this.#received++;
    if (sequence < this.#highest) this.#late.push({ sequence, kind: 'reordered' });
    else this.#highest = sequence;
  }
}

function grown(column: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(column.length * 2);
  larger.set(column);
  return larger;
}
