// Notifications of what others change in the kernel: links, addresses, routes, nexthop objects. Our own changes are
// dropped in the kernel by a filter on the requester's port. Decides nothing about them: an overrun (the kernel had to
// drop some) is told as such, and whoever keeps a copy reads it again.
import { CodedError } from '../../lib/errors.ts';
import { Group, MessageType } from '../../lib/netlink/constants.ts';
import { Errno } from '../../lib/netlink/errors.ts';
import { type Message, Messages } from '../../lib/netlink/reader.ts';
import { decodeAddress, type LinkAddress } from '../../lib/netlink/rt/addr.ts';
import { decodeLink, type Link } from '../../lib/netlink/rt/link.ts';
import { decodeNexthop, type NexthopObject } from '../../lib/netlink/rt/nexthop.ts';
import type { Route } from '../../lib/netlink/rt/route.ts';
import { decodeRoute } from '../../lib/netlink/rt/route-decode.ts';
import { ownPortFilter } from './port-filter.ts';
import { DATAGRAM_BYTES, KernelSocket, kernelFailure, NetlinkOption, type SocketOptions } from './socket.ts';

export type KernelChange =
  | { readonly kind: 'link'; readonly removed: boolean; readonly link: Link }
  | { readonly kind: 'address'; readonly removed: boolean; readonly address: LinkAddress }
  | { readonly kind: 'route'; readonly removed: boolean; readonly route: Route }
  | { readonly kind: 'nexthop'; readonly removed: boolean; readonly nexthop: NexthopObject };

export interface MonitorListener {
  onChange(change: KernelChange): void;
  /** Notifications were lost; the queue is drained, so what is read from now on is complete. */
  onOverrun?(): void;
  /** A message that does not decode; skipped. */
  onBadMessage?(error: CodedError): void;
}

export interface MonitorOptions extends SocketOptions {
  /** Ports of our own request sockets (`RequestSocket.port`), whose echoes are dropped. */
  readonly ignorePorts?: readonly number[];
  /** Default: all of links, addresses, routes (both families) and nexthops. */
  readonly groups?: readonly (keyof typeof Group)[];
}

const RECEIVE_BUFFER = 16 << 20;
/** Buffers read in one turn of the event loop; the watcher is level-triggered and calls again. */
const BUFFERS_A_TURN = 8;

export class MonitorSocket {
  private readonly socket: KernelSocket;
  private readonly listeners = new Set<MonitorListener>();
  private readonly buffer = new Uint8Array(4 * DATAGRAM_BYTES);
  private readonly cursor = new Messages(this.buffer);

  /** Opens and subscribes; throws `CodedError` with the errno's name, or `netlink-addon-missing`. */
  static open(options: MonitorOptions = {}): MonitorSocket {
    return new MonitorSocket(options);
  }

  private constructor(options: MonitorOptions) {
    this.socket = new KernelSocket(options, RECEIVE_BUFFER, (status) => this.readable(status));
    const { native, handle } = this.socket;
    const filtered = native.filter(handle, ownPortFilter(options.ignorePorts ?? []));
    if (filtered < 0) throw kernelFailure(-filtered, 'filter own notifications');
    for (const group of options.groups ?? (Object.keys(Group) as (keyof typeof Group)[]))
      this.socket.setOption(NetlinkOption.addMembership, Group[group]);
    native.poll(handle, 1);
  }

  /** Adds a listener; returns what removes it. */
  subscribe(listener: MonitorListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  close(): void {
    this.socket.close();
    this.listeners.clear();
  }

  /** libuv stops a watcher on EPOLLERR, which is how an overrun shows: it must be armed again. */
  private readable(status: number): void {
    const { native, handle } = this.socket;
    let overrun = false;
    // After an overrun the kernel goes on dropping until the queue is empty: no limit then.
    for (let read = 0; overrun || read < BUFFERS_A_TURN; read++) {
      const received = native.recv(handle, this.buffer, DATAGRAM_BYTES);
      if (received === -Errno.ENOBUFS || received === -Errno.EMSGSIZE) overrun = true;
      else if (received < 0) break;
      else this.deliver(received);
      if (this.socket.closed) return;
    }
    if (status < 0) {
      native.poll(handle, 0);
      native.poll(handle, 1);
    }
    if (overrun) for (const listener of this.listeners) listener.onOverrun?.();
  }

  private deliver(length: number): void {
    this.cursor.rewind(length);
    try {
      while (this.cursor.next() && !this.socket.closed) this.deliverOne(this.cursor);
    } catch (error) {
      this.bad(error);
    }
  }

  private deliverOne(message: Message): void {
    let change: KernelChange | null;
    try {
      change = this.decode(message);
    } catch (error) {
      this.bad(error);
      return;
    }
    if (change) for (const listener of this.listeners) listener.onChange(change);
  }

  /** A message we cannot read is the kernel's input; anything else is a bug of ours, or of a listener. */
  private bad(error: unknown): void {
    if (!(error instanceof CodedError)) throw error;
    for (const listener of this.listeners) listener.onBadMessage?.(error);
  }

  private decode(message: Message): KernelChange | null {
    switch (message.type) {
      case MessageType.newLink:
      case MessageType.delLink: {
        const link = decodeLink(message);
        return link && { kind: 'link', removed: message.type === MessageType.delLink, link };
      }
      case MessageType.newAddress:
      case MessageType.delAddress: {
        const address = decodeAddress(message);
        return address && { kind: 'address', removed: message.type === MessageType.delAddress, address };
      }
      case MessageType.newRoute:
      case MessageType.delRoute: {
        const route = decodeRoute(message);
        return route && { kind: 'route', removed: message.type === MessageType.delRoute, route };
      }
      case MessageType.newNexthop:
      case MessageType.delNexthop:
        return {
          kind: 'nexthop',
          removed: message.type === MessageType.delNexthop,
          nexthop: decodeNexthop(message),
        };
      default:
        return null;
    }
  }
}
