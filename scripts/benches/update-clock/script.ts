// What clock.c is to say to a daemon: greetings, each followed by quiet, then updates. The bytes are the protocol's.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

export interface Update {
  readonly message: Buffer;
  /** Bytes that the kernel's notification of the route, or what the other peer is told, has in it and no other route's. */
  readonly route: Buffer;
  /** The same of elements of nftables; empty: there are none. */
  readonly elements: Buffer;
}

export interface Script {
  /** Of the peer that is told of the updates; where the kernel tells of them, there is none. */
  readonly other?: readonly Buffer[];
  readonly greetings: readonly Buffer[];
  /** Not counted: the daemon's code is cold. */
  readonly before: number;
  readonly updates: readonly Update[];
}

export function encodeScript({ other = [], greetings, before, updates }: Script): Buffer {
  const records = [
    ...other,
    ...greetings,
    ...updates.flatMap(({ message, route, elements }) => [message, route, elements]),
  ];
  return Buffer.concat([
    number(other.length),
    number(greetings.length),
    number(before),
    number(updates.length - before),
    ...records.flatMap((bytes) => [number(bytes.length), bytes]),
  ]);
}

/** Compiles clock.c. */
export function buildClock(directory: string): string {
  const program = join(directory, 'clock');
  execFileSync('cc', ['-O2', '-Wall', '-o', program, join(import.meta.dirname, 'clock.c')]);
  return program;
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
