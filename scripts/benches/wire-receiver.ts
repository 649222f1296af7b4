// The far end of the transport rows of bench `wire`, in a process of its own: `wire-receiver.ts ours|raw COUNT` prints its
// port, takes UPDATEs, and says when it has had COUNT of them. `ours` decodes each; `raw` only takes its bytes.
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { createSessionTransport } from '../../daemon/session/transport.ts';

export const PATH = '/raw.Raw/Pass';
export const LOOPBACK = '127.0.0.1';
export const asIs = (bytes: Buffer): Buffer => bytes;
export const QUIET = { info: () => {}, warn: () => {} };

function counter(count: number): () => void {
  let left = count;
  return () => {
    if (--left === 0) process.stdout.write('done\n');
    if (left === 0) left = count;
  };
}

async function ours(taken: () => void): Promise<number> {
  const transport = createSessionTransport({
    listen: { address: LOOPBACK, port: 0 },
    peers: [{ name: 'sender', address: LOOPBACK, port: 1, passive: true }],
    log: QUIET,
    post: (event) => {
      if (event.type === 'message' && event.message.type === 'UPDATE') taken();
    },
  });
  await transport.listen();
  return transport.port;
}

function raw(taken: () => void): Promise<number> {
  const server = new Server();
  const method = {
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  };
  server.addService(
    { Pass: { path: PATH, requestStream: true, responseStream: true, ...method } },
    { Pass: (call: ServerDuplexStream<Buffer, Buffer>) => call.on('data', taken) },
  );
  return new Promise((resolve, reject) => {
    server.bindAsync(`${LOOPBACK}:0`, ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    );
  });
}

if (import.meta.main) {
  const taken = counter(Number(process.argv[3]));
  const port = await (process.argv[2] === 'ours' ? ours(taken) : raw(taken));
  process.stdout.write(`${port}\n`);
}
