// Bulk TCP for kernel tests: `bulk.ts host PORT` takes and sends as much as it is asked for, `bulk.ts client` is told over
// its message channel whom to ask for how much, and answers how much went through in time.
import { connect, createServer, type Socket } from 'node:net';

export interface BulkRequest {
  readonly address: string;
  readonly port: number;
  readonly direction: 'put' | 'get';
  readonly bytes: number;
  readonly timeoutMs: number;
}
/** Bytes that arrived at the far end, or here. */
export type BulkReply = number;

const CHUNK = Buffer.alloc(64 << 10, 'x');
const [role, port] = process.argv.slice(2);

if (role === 'host') createServer(serve).listen(Number(port), '::', () => process.send?.('ready'));
if (role === 'client') {
  process.on('message', (request: BulkRequest) => {
    transfer(request).then((reply) => process.send?.(reply));
  });
  process.send?.('ready');
}
process.on('disconnect', () => process.exit());

/** First line: `get N`, or `put`, which is answered with how much came whenever it asks by closing or waiting. */
function serve(socket: Socket): void {
  socket.on('error', () => {});
  socket.once('data', (chunk) => {
    const line = chunk.subarray(0, chunk.indexOf(10)).toString();
    let came = chunk.length - line.length - 1;
    if (line.startsWith('get ')) return send(socket, Number(line.slice(4)));
    const tell = setInterval(() => socket.write(`${came}\n`), 20);
    socket.on('data', (more) => {
      came += more.length;
    });
    socket.on('close', () => clearInterval(tell));
  });
}

function send(socket: Socket, bytes: number): void {
  let left = bytes;
  const more = () => {
    while (left > 0) {
      const chunk = CHUNK.subarray(0, Math.min(left, CHUNK.length));
      left -= chunk.length;
      if (!socket.write(chunk)) return void socket.once('drain', more);
    }
  };
  more();
}

function transfer({ address, port: to, direction, bytes, timeoutMs }: BulkRequest): Promise<BulkReply> {
  return new Promise((resolve) => {
    let through = 0;
    const socket = connect(to, address, () => {
      socket.write(direction === 'get' ? `get ${bytes}\n` : 'put\n');
      if (direction === 'put') send(socket, bytes);
    });
    const end = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(through);
    };
    const timer = setTimeout(end, timeoutMs);
    socket.on('error', end);
    socket.on('data', (chunk) => {
      if (direction === 'get') through += chunk.length;
      else through = Math.max(through, ...chunk.toString().split('\n').slice(0, -1).map(Number));
      if (through >= bytes) end();
    });
  });
}
