// UDP echo (RFC 862) for loss measurement: sends every datagram back as it came. Bound to each address on its own, since
// a reply from a wildcard socket would leave with the address of the interface and not with the anycast address asked.
import { createSocket, type Socket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import type { ListenAddress } from './listen-address.ts';

/** Linux grants at most net.core.rmem_max, 208 KiB by default, and doubles it for its own accounting. */
export const RECEIVE_BUFFER_BYTES = 4 * 2 ** 20;
/** New addresses (an anycast address that is added later) are looked for this often. */
const SCAN_MS = 1_000;

export class UdpEcho {
  readonly #at: ListenAddress;
  readonly #sockets = new Map<string, Socket>();
  readonly #complain: (text: string) => void;
  readonly #complained = new Set<string>();
  readonly #timer: NodeJS.Timeout;

  constructor(at: ListenAddress, complain: (text: string) => void) {
    this.#at = at;
    this.#complain = complain;
    this.#scan();
    this.#timer = setInterval(() => this.#scan(), SCAN_MS);
    this.#timer.unref();
  }

  /** Addresses that answer now. */
  get addresses(): readonly string[] {
    return [...this.#sockets.keys()];
  }

  close(): void {
    clearInterval(this.#timer);
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }

  #scan(): void {
    const wanted = this.#at.host === '::' ? localAddresses() : [this.#at.host];
    for (const address of wanted) if (!this.#sockets.has(address)) this.#open(address);
  }

  #open(address: string): void {
    const ipv6 = address.includes(':');
    const socket = createSocket({
      type: ipv6 ? 'udp6' : 'udp4',
      lookup: (host, _options, callback) => callback(null, host, ipv6 ? 6 : 4),
    });
    this.#sockets.set(address, socket);
    socket.on('message', (datagram, from) => socket.send(datagram, from.port, from.address, () => {}));
    socket.on('error', (error) => {
      // Gone with its address, or the port is taken: tried again at the next scan, said once.
      if (this.#sockets.get(address) === socket) this.#sockets.delete(address);
      socket.close();
      if (this.#complained.has(address)) return;
      this.#complained.add(address);
      this.#complain(
        `udp echo cannot listen on ${address} port ${this.#at.port}: ${(error as NodeJS.ErrnoException).code ?? error.message}`,
      );
    });
    // Room for half a second at 1 kHz while the machine is busy with something else.
    socket.once('listening', () => socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES));
    socket.bind({ address, port: this.#at.port, exclusive: true });
  }
}

function localAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ address }) => !/^fe[89ab]/i.test(address))
    .map(({ address }) => address);
}
