// A TCP connection of the daemon to itself over the loopback device: what is written comes back as what is heard.
import { connect, createServer, type Socket } from 'node:net';

const LOOPBACK = '::1';

export interface OwnSocket {
  /** `heard` gets the bytes in another turn, in one piece or several. */
  write(bytes: Uint8Array): void;
  /** Once: it is over, by `close` or because the kernel broke it; of a loopback device that went TCP says nothing for long. */
  onClosed(closed: () => void): void;
  close(): void;
}

/**
 * Undefined where there is no loopback, no descriptor is left, or `given` up before. Keeps no process alive, and listens to
 * nobody else: to itself only until it is connected.
 */
export function openOwnSocket(heard: (bytes: Buffer) => void, given: AbortSignal): Promise<OwnSocket | undefined> {
  return new Promise((resolve) => {
    const server = createServer({ noDelay: true }).unref();
    let near: Socket | undefined;
    // However often it is told: a listener may fail more than once.
    const none = (): void => {
      server.close();
      near?.destroy();
      resolve(undefined);
    };
    given.addEventListener('abort', none, { once: true });
    server.on('error', none);
    server.listen(0, LOOPBACK, () => {
      const address = server.address();
      if (given.aborted || address === null || typeof address === 'string') return none();
      const own = connect({ port: address.port, host: LOOPBACK, noDelay: true }).unref();
      near = own;
      // Without an error too: what cannot be accepted for want of a descriptor is closed by the other end.
      own.on('error', none).on('close', none);
      server.on('connection', (far) => {
        // Whoever else was quick enough to find the port.
        if (far.remotePort !== own.localPort) return void far.destroy();
        server.close();
        resolve(joined(own, far.unref(), heard));
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
