// Dumps: whole tables read from the kernel in one consistent piece. They have a socket of their own, so that a change
// can be made while a long dump is being read; one dump at a time, a turn of the event loop between buffers.
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises';
import { CodedError } from '../../lib/errors.ts';
import { Flag, MessageType } from '../../lib/netlink/constants.ts';
import { decodeOutcome, Errno } from '../../lib/netlink/errors.ts';
import { type Message, Messages } from '../../lib/netlink/reader.ts';
import { type Encode, Writer } from '../../lib/netlink/writer.ts';
import { DATAGRAM_BYTES, KernelSocket, kernelFailure, type SocketOptions } from './socket.ts';

const ATTEMPTS = 10;
/** Code of a dump that others never left alone. */
export const INTERRUPTED = 'netlink-dump-interrupted';
/** From then on others have their turn so seldom only: a table that never rests is read between two changes of it. */
const HURRY_BELOW = 5;
const HURRIED_TURN_MS = 10;
const PART_TIMEOUT_MS = 2000;
const POLL_MS = 1;
const RECEIVE_BUFFER = 4 << 20;

export class DumpSocket {
  private readonly options: SocketOptions;
  private readonly changes: () => number;
  private readonly buffer = new Uint8Array(2 * DATAGRAM_BYTES);
  private readonly cursor = new Messages(this.buffer);
  private readonly writer = new Writer(256);
  private socket: KernelSocket | undefined;
  private sequence = 0;
  private queue: Promise<unknown> = Promise.resolve();
  private closed = false;

  /** `changes` counts what the owner has changed so far, and lets nothing be on its way. */
  constructor(options: SocketOptions, changes: () => number) {
    this.options = options;
    this.changes = changes;
  }

  read<T>(encode: Encode, decode: (message: Message) => T | null): Promise<T[]> {
    const result = this.queue.then(() => this.readConsistent(encode, decode));
    this.queue = result.catch(() => {});
    return result;
  }

  close(): void {
    this.closed = true;
    this.socket?.close();
    this.socket = undefined;
  }

  private async readConsistent<T>(encode: Encode, decode: (message: Message) => T | null): Promise<T[]> {
    for (let left = ATTEMPTS - 1; left >= 0; left--) {
      try {
        const items = await this.readOnce(encode, decode, left);
        if (items) return items;
      } catch (error) {
        // The rest of an abandoned dump would be taken for the next one's.
        this.socket?.close();
        this.socket = undefined;
        throw error;
      }
    }
    throw new CodedError(INTERRUPTED, `the table changed during each of ${ATTEMPTS} dumps`);
  }

  /**
   * `null`: the table changed meanwhile. The kernel marks that (NLM_F_DUMP_INTR), but not on dumps of routes, where it
   * may tell some twice and others not: our own changes are counted there, and others' come as notifications. Nexthop
   * objects are told in order of their ids (Linux 5.13): what nobody touches is never left out, so where others never
   * rest the last attempt will do.
   */
  private async readOnce<T>(encode: Encode, decode: (message: Message) => T | null, left: number): Promise<T[] | null> {
    if (this.closed) throw kernelFailure(Errno.EBADF, 'dump');
    this.socket ??= new KernelSocket(this.options, RECEIVE_BUFFER, () => {});
    const { native, handle } = this.socket;
    const sequence = (this.sequence = (this.sequence + 1) & 0x7fff_ffff);
    this.writer.reset();
    encode(this.writer);
    this.writer.stamp(sequence, 0);
    const changes = this.changes();
    const sent = native.send(handle, this.writer.bytes, this.writer.length);
    if (sent < 0) throw kernelFailure(-sent, 'dump');
    const items: T[] = [];
    const type = this.messageType();
    const countsOwn = type === MessageType.getRoute || type === MessageType.getNexthop;
    const mayBeInterrupted = left === 0 && type === MessageType.getNexthop;
    const turnMs = left < HURRY_BELOW ? HURRIED_TURN_MS : 0;
    let turnOverAtMs = performance.now() + turnMs;
    let interrupted = false;
    let deadline = performance.now() + PART_TIMEOUT_MS;
    for (;;) {
      const received = native.recv(handle, this.buffer, DATAGRAM_BYTES);
      if (received === -Errno.EAGAIN) {
        if (performance.now() >= deadline) throw kernelFailure(Errno.ETIMEDOUT, 'dump');
        await pause(POLL_MS);
      } else if (received < 0) {
        throw kernelFailure(-received, 'dump');
      } else {
        this.cursor.rewind(received);
        while (this.cursor.next()) {
          if (this.cursor.sequence !== sequence) continue;
          interrupted ||= (this.cursor.flags & Flag.dumpInterrupted) !== 0;
          if (this.cursor.type === MessageType.done || this.cursor.type === MessageType.error) {
            const error = decodeOutcome(this.cursor);
            if (error) throw new CodedError(error.code, `dump: ${error.text}`);
            const isTorn = (interrupted && !mayBeInterrupted) || (countsOwn && this.changes() !== changes);
            return isTorn ? null : items;
          }
          const item = decode(this.cursor);
          if (item !== null) items.push(item);
        }
        const nowMs = performance.now();
        deadline = nowMs + PART_TIMEOUT_MS;
        if (nowMs >= turnOverAtMs) {
          await turn();
          turnOverAtMs = performance.now() + turnMs;
        }
      }
      if (this.closed) throw kernelFailure(Errno.EBADF, 'dump');
    }
  }

  private messageType(): number {
    const request = new Messages(this.writer.bytes, this.writer.length);
    request.next();
    return request.type;
  }
}
