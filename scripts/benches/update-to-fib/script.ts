// What clock.c is to say to a daemon: greetings, each followed by quiet, then updates. The bytes are the protocol's.

export interface Update {
  readonly message: Buffer;
  /** Bytes that the kernel's notification of the route has in it and no other route's. */
  readonly route: Buffer;
  /** The same of elements of nftables; empty: there are none. */
  readonly elements: Buffer;
}

export interface Script {
  readonly greetings: readonly Buffer[];
  /** Not counted: the daemon's code is cold. */
  readonly before: number;
  readonly updates: readonly Update[];
}

export function encodeScript({ greetings, before, updates }: Script): Buffer {
  const records = [...greetings, ...updates.flatMap(({ message, route, elements }) => [message, route, elements])];
  return Buffer.concat([
    number(greetings.length),
    number(before),
    number(updates.length - before),
    ...records.flatMap((bytes) => [number(bytes.length), bytes]),
  ]);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
