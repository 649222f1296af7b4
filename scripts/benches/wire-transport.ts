// Whole messages from this process to another (reference figure C): encoded, sent over the session's transport and decoded
// there, against a bare gRPC stream that passes on the same bytes, made beforehand and looked at by nobody.
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type ClientDuplexStream, credentials, makeGenericClientConstructor } from '@grpc/grpc-js';
import { createSessionTransport } from '../../daemon/session/transport.ts';
import type { UpdateMessage } from '../../lib/session/message.ts';
import { encodeFrame } from '../../lib/wire/frame.ts';
import { type BenchOptions, comparison, interleave, type Row } from './report.ts';
import { routes, states } from './wire-entries.ts';
import { asIs, LOOPBACK, PATH, QUIET } from './wire-receiver.ts';

const ROUTES_PER_SLICE = 400_000;
const MESSAGES_PER_SLICE = 30_000;
const DEADLINE_MS = 60_000;

export function transportId(size: number): string {
  return `C.transport.${size}`;
}

export async function transportRows(sizes: readonly number[], { rounds, progress }: BenchOptions): Promise<Row[]> {
  const rows: Row[] = [];
  for (const size of sizes) {
    progress(`${size} route(s) a message, from one process to another`);
    const count = Math.min(MESSAGES_PER_SLICE, ROUTES_PER_SLICE / size);
    // Two, in turn: the transport encodes a message once for all who get it.
    const updates = [updateOf(size), updateOf(size)];
    const ours = await ourSender(updates, count);
    const raw = await rawSender(Buffer.from(encodeFrame(updates[0]!)), count);
    try {
      for (const warm of [ours, raw]) await warm.rate();
      const measured = await interleave(rounds, ours.rate, raw.rate);
      rows.push(
        comparison(
          {
            id: transportId(size),
            what: `${size} route(s) with state a message, to another process`,
            unit: 'messages/s',
            peerName: 'bare gRPC stream, bytes made beforehand',
            better: 'higher',
            target: size === 1 ? 0.9 : 0.5,
            method: `${count} messages of ${encodeFrame(updates[0]!).length} bytes over loopback, counted there; ours encoded and decoded each time`,
          },
          measured,
        ),
      );
    } finally {
      ours.close();
      raw.close();
    }
  }
  return rows;
}

function updateOf(size: number): UpdateMessage {
  return { ...routes(size), ...states(size) };
}

interface Sender {
  /** Messages a second, from the first one written to the last one taken at the other end. */
  rate(): Promise<number>;
  close(): void;
}

async function ourSender(updates: readonly UpdateMessage[], count: number): Promise<Sender> {
  const receiver = await Receiver.start('ours', count);
  let drained: () => void = () => {};
  let opened: (connection: number) => void = () => {};
  const connected = new Promise<number>((resolve) => {
    opened = resolve;
  });
  const transport = createSessionTransport({
    listen: { address: LOOPBACK, port: 0 },
    peers: [{ name: 'receiver', address: LOOPBACK, port: receiver.port, passive: false }],
    log: QUIET,
    post: (event) => {
      if (event.type === 'connection-opened') opened(event.connection);
      if (event.type === 'connection-drained') drained();
    },
  });
  transport.connect('receiver');
  const connection = await connected;
  return {
    rate: () =>
      receiver.rate(async () => {
        for (let i = 0; i < count; i++) {
          transport.send(connection, updates[i % updates.length]!);
          if (transport.isBlocked(connection))
            await new Promise<void>((resolve) => {
              drained = resolve;
            });
        }
      }),
    close() {
      receiver.end();
      void transport.closeAll();
    },
  };
}

async function rawSender(bytes: Buffer, count: number): Promise<Sender> {
  const receiver = await Receiver.start('raw', count);
  const method = {
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  };
  const Raw = makeGenericClientConstructor(
    { Pass: { path: PATH, requestStream: true, responseStream: true, ...method } },
    'Raw',
  );
  const client = new Raw(`${LOOPBACK}:${receiver.port}`, credentials.createInsecure());
  const pass = client.Pass as () => ClientDuplexStream<Buffer, Buffer>;
  const stream = pass.call(client);
  stream.on('error', () => {});
  return {
    rate: () =>
      receiver.rate(async () => {
        for (let i = 0; i < count; i++)
          if (!stream.write(bytes)) await new Promise<void>((resolve) => stream.once('drain', () => resolve()));
      }),
    close() {
      stream.cancel();
      client.close();
      receiver.end();
    },
  };
}

/** The process at the other end. */
class Receiver {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #count: number;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcess, count: number, lines: AsyncIterator<string>, port: number) {
    this.#child = child;
    this.#count = count;
    this.#lines = lines;
    this.port = port;
  }

  static async start(kind: 'ours' | 'raw', count: number): Promise<Receiver> {
    const args = [join(import.meta.dirname, 'wire-receiver.ts'), kind, String(count)];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    const { value } = await lines.next();
    return new Receiver(child, count, lines, Number(value));
  }

  async rate(send: () => Promise<void>): Promise<number> {
    const fromMs = performance.now();
    const late = new Promise<never>((_, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`messages were lost: not all in ${DEADLINE_MS} ms`)),
        DEADLINE_MS,
      );
      timer.unref();
    });
    await Promise.race([send().then(() => this.#lines.next()), late]);
    return (1000 * this.#count) / (performance.now() - fromMs);
  }

  end(): void {
    this.#child.kill();
  }
}
