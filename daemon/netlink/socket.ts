// One kernel netlink socket: opening, options, closing, and errno to CodedError. Shared by the request and the monitor
// socket; decides nothing about messages.
import { CodedError } from '../../lib/errors.ts';
import { netlinkError } from '../../lib/netlink/errors.ts';
import { loadNative, type Native, type NativeHandle } from './native.ts';

export interface SocketOptions {
  /** NETLINK_*; default route. */
  readonly protocol?: number;
  /** Name under /run/netns, or a path; default the process's own namespace. */
  readonly netns?: string;
  /** Bytes the kernel may queue for us. */
  readonly receiveBuffer?: number;
}

const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
export const SOL_NETLINK = 270;
export const NetlinkOption = { addMembership: 1, capAck: 10, extAck: 11, strictCheck: 12 } as const;

const SEND_BUFFER = 1 << 20;
/** Larger than any datagram the kernel builds for a dump or a notification. */
export const DATAGRAM_BYTES = 32768;
/** A kernel that has not answered by then will not. */
export const ANSWER_TIMEOUT_MS = 2000;

export class KernelSocket {
  readonly native: Native;
  readonly handle: NativeHandle;
  readonly port: number;
  closed = false;

  /** Throws `CodedError` with the errno's name (`EPERM`, `ENOENT` for a missing namespace) or of `loadNative`. */
  constructor(options: SocketOptions, defaultReceiveBuffer: number, onReadable: (status: number) => void) {
    this.native = loadNative();
    const { netns } = options;
    const path = netns === undefined ? null : netns.includes('/') ? netns : `/run/netns/${netns}`;
    const handle = this.native.open(options.protocol ?? 0, path, onReadable);
    if (typeof handle === 'number') throw kernelFailure(-handle, 'open netlink socket', path ? { netns: path } : {});
    this.handle = handle;
    this.port = this.native.port(handle);
    this.setBuffer(SO_RCVBUFFORCE, SO_RCVBUF, options.receiveBuffer ?? defaultReceiveBuffer);
    this.setBuffer(SO_SNDBUFFORCE, SO_SNDBUF, SEND_BUFFER);
    for (const option of [NetlinkOption.extAck, NetlinkOption.capAck, NetlinkOption.strictCheck])
      this.setOption(option, 1);
  }

  /** Sets a NETLINK_* option; throws `CodedError` with the errno's name. */
  setOption(option: number, value: number): void {
    const result = this.native.setopt(this.handle, SOL_NETLINK, option, value);
    if (result < 0) throw kernelFailure(-result, 'set netlink option', { option });
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.native.close(this.handle);
  }

  /** Without CAP_NET_ADMIN the forced size is refused and the system's limit caps the plain one. */
  private setBuffer(forced: number, plain: number, size: number): void {
    if (this.native.setopt(this.handle, SOL_SOCKET, forced, size) < 0)
      this.native.setopt(this.handle, SOL_SOCKET, plain, size);
  }
}

/** An error of the socket itself, as opposed to the kernel's answer to one request. */
export function kernelFailure(errno: number, what: string, detail: Record<string, string | number> = {}): CodedError {
  const error = netlinkError(errno);
  return new CodedError(error.code, `${what}: ${error.text}`, detail);
}
