// A TCP connection of the daemon to itself over the loopback device: what is written comes back as what is heard.
import { connect, createServer, type Socket } from 'node:net';

const LOOPBACK = '::1';

export interface OwnSocket {
  /** `heard` gets the bytes in another turn, in one piece or several. */
  write(bytes: Uint8Array): void;
  /** Once: it is over, by `close` or because the loopback device went. */
  onClosed(closed: () => void): void;
  close(): void;
}

/** Undefined where there is no loopback. Keeps no process alive; nobody else can connect. */
export function openOwnSocket(heard: (bytes: Buffer) => void): Promise<OwnSocket | undefined> {
  return new Promise((resolve) => {
    const server = createServer({ noDelay: true }).unref();
    server.once('error', () => resolve(undefined));
    server.listen(0, LOOPBACK, () => {
      const address = server.address();
      if (address === null || typeof address === 'string') return resolve(undefined);
      const near = connect({ port: address.port, host: LOOPBACK, noDelay: true }).unref();
      near.once('error', () => {
        server.close();
        resolve(undefined);
      });
      server.on('connection', (far) => {
        // Whoever else was quick enough to find the port.
        if (far.remotePort !== near.localPort) return void far.destroy();
        server.close();
        resolve(joined(near, far.unref(), heard));
      });
    });
  });
}

function joined(near: Socket, far: Socket, heard: (bytes: Buffer) => void): OwnSocket {
  far.on('data', heard);
  const end = (): void => {
    near.destroy();
    far.destroy();
  };
  for (const socket of [near, far]) socket.on('error', end).on('close', end);
  return {
    write: (bytes) => void near.write(bytes),
    onClosed: (closed) => void near.once('close', closed),
    close: end,
  };
}
