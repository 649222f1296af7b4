// Finds and loads the addon nlsock.node, built by scripts/build-native: a raw AF_NETLINK socket, and one call that limits
// capabilities. All of the protocol is in TypeScript; this file knows only where the addon is and what it looks like.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { CodedError } from '../../lib/errors.ts';

/** An open socket of the addon; closed when collected, but do not wait for that. */
export type NativeHandle = { readonly __native: unique symbol };

/** The addon. Every number returned is a result, or a negative errno; nothing throws. */
export interface Native {
  /** Opens, binds and connects a socket to the kernel, in another network namespace when its path is given. */
  open(protocol: number, netnsPath: string | null, onReadable: (status: number) => void): NativeHandle | number;
  /** Calls `onReadable` while there is something to read (1) or no more (0); after an error status, 0 and 1 re-arm. */
  poll(handle: NativeHandle, on: number): number;
  /** Whether the watcher keeps the event loop alive. */
  ref(handle: NativeHandle, on: number): number;
  send(handle: NativeHandle, bytes: Uint8Array, length: number): number;
  /** Packs as many datagrams as fit while `room` bytes are free; -EAGAIN when there is none. */
  recv(handle: NativeHandle, into: Uint8Array, room: number): number;
  /** Fixes the buffers of `exchange`, so that a call need not look them up; they must not be transferred or resized. */
  attach(handle: NativeHandle, out: Uint8Array, into: Uint8Array): number;
  /**
   * Sends the attached buffer's bytes `from`..`to`, then reads what is queued already, until the NLMSG_ERROR that
   * answers `sequence`. Returns the bytes read; -EAGAIN when there was no answer yet.
   */
  exchange(handle: NativeHandle, from: number, to: number, sequence: number): number;
  /** Starts the thread that sends what is posted, and calls `onAnswered` after something was answered. Once. */
  dispatch(handle: NativeHandle, timeoutMs: number, onAnswered: () => void): number;
  /** Fixes the buffers of a parcel, as `attach` does; `portions` is an array of nlsender.h's struct. -EBUSY: posted. */
  berth(handle: NativeHandle, index: number, out: Uint8Array, into: Uint8Array, portions: Uint8Array): number;
  /** Has the first `count` portions of a berth sent, which stay as they are until `answered` has told the berth. */
  post(handle: NativeHandle, index: number, count: number): number;
  /** The berth that was posted first, once all of it is answered; `wait` (1) blocks until then. -EAGAIN: none. */
  answered(handle: NativeHandle, wait: number): number;
  /** Blocks until readable or `timeoutMs` have passed (0). */
  wait(handle: NativeHandle, timeoutMs: number): number;
  setopt(handle: NativeHandle, level: number, option: number, value: number): number;
  /** Attaches a classic BPF program, 8 bytes an instruction. */
  filter(handle: NativeHandle, program: Uint8Array): number;
  /** The port that the kernel assigned. */
  port(handle: NativeHandle): number;
  close(handle: NativeHandle): number;
  /**
   * bpf(2) with the addresses of `buffers` written into `attributes` at `places`; interfaces are those of the namespace
   * whose path is given. A descriptor where the command makes one.
   */
  bpf(
    command: number,
    attributes: Uint8Array,
    places: readonly number[],
    buffers: readonly Uint8Array[],
    netnsPath: string | null,
  ): number;
  /** Closes a descriptor that `bpf` returned. */
  closefd(descriptor: number): number;
  /** Leaves the capabilities of this bit mask to what the calling thread executes later, and no way to more. */
  limit(keep: number): number;
}

let loaded: Native | undefined;

/** Where the addon may be: told by CFND_NATIVE, beside the bundle, or in dist/ of a source checkout. */
export function nativeCandidates(environment: NodeJS.ProcessEnv = process.env): string[] {
  const told = environment.CFND_NATIVE;
  if (told) return [told];
  const here = import.meta.dirname;
  return [join(here, 'nlsock.node'), join(here, '../../dist/nlsock.node')];
}

/** Loads the addon once; throws `CodedError` `netlink-addon-missing` or `netlink-addon-broken`. */
export function loadNative(): Native {
  if (loaded) return loaded;
  const candidates = nativeCandidates();
  const path = candidates.find((candidate) => existsSync(candidate));
  if (path === undefined)
    throw new CodedError('netlink-addon-missing', 'nlsock.node is not built: run scripts/build-native', {
      searched: candidates.join(' '),
    });
  try {
    loaded = createRequire(import.meta.url)(path) as Native;
  } catch (error) {
    throw new CodedError('netlink-addon-broken', `cannot load nlsock.node: ${(error as Error).message}`, { path });
  }
  return loaded;
}
