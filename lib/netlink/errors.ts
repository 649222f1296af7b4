// What the kernel says about a request: NLMSG_ERROR (0 is the acknowledgement), NLMSG_DONE at the end of a dump, and
// the text of extended ACKs. A refusal is data; only bytes that are not a refusal are a CodedError.
//
//   NLMSG_ERROR  | -errno (32) | header of the request (16) | attributes when flagged |
//   NLMSG_DONE   | -errno (32) | attributes when flagged |
import { Flag, HEADER_BYTES, MessageType } from './constants.ts';
import type { Attributes, Message } from './reader.ts';

/** A request that the kernel refused, or whose outcome is not known (`ETIMEDOUT`, `ENOBUFS`). */
export interface NetlinkError {
  readonly errno: number;
  /** `EEXIST`, `EINVAL`...; `E42` for a number without a name here. */
  readonly code: string;
  /** The kernel's own words, or the errno's usual meaning. */
  readonly text: string;
  /** Offset into the request of what the kernel did not like. */
  readonly offset?: number;
  /** Attribute type that the kernel misses. */
  readonly missingAttribute?: number;
}

/** NLMSGERR_ATTR_*. */
const Attribute = { text: 1, offset: 2, missingType: 5 };

/** Those that rtnetlink, genetlink and sockets give; name and usual meaning. */
const ERRNO: Readonly<Record<number, readonly [string, string]>> = {
  1: ['EPERM', 'operation not permitted'],
  2: ['ENOENT', 'no such object'],
  3: ['ESRCH', 'no such entry'],
  5: ['EIO', 'input/output error'],
  6: ['ENXIO', 'no such device or address'],
  7: ['E2BIG', 'argument too long'],
  9: ['EBADF', 'socket is closed'],
  11: ['EAGAIN', 'try again'],
  12: ['ENOMEM', 'out of memory'],
  13: ['EACCES', 'permission denied'],
  14: ['EFAULT', 'bad address'],
  16: ['EBUSY', 'device or resource busy'],
  17: ['EEXIST', 'exists already'],
  18: ['EXDEV', 'cross-device link'],
  19: ['ENODEV', 'no such device'],
  22: ['EINVAL', 'invalid argument'],
  28: ['ENOSPC', 'no space left'],
  33: ['EDOM', 'out of domain'],
  34: ['ERANGE', 'out of range'],
  61: ['ENODATA', 'no data available'],
  71: ['EPROTO', 'protocol error'],
  75: ['EOVERFLOW', 'value too large'],
  90: ['EMSGSIZE', 'message too long'],
  92: ['ENOPROTOOPT', 'option not available'],
  93: ['EPROTONOSUPPORT', 'protocol not supported'],
  95: ['EOPNOTSUPP', 'operation not supported'],
  97: ['EAFNOSUPPORT', 'address family not supported'],
  98: ['EADDRINUSE', 'address already in use'],
  99: ['EADDRNOTAVAIL', 'address not available'],
  100: ['ENETDOWN', 'network is down'],
  101: ['ENETUNREACH', 'network is unreachable'],
  105: ['ENOBUFS', 'receive buffer overflowed, outcome unknown'],
  110: ['ETIMEDOUT', 'kernel did not answer'],
  111: ['ECONNREFUSED', 'no such netlink protocol'],
  113: ['EHOSTUNREACH', 'no route to host'],
};

export const Errno = {
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  ENODATA: 61,
  EMSGSIZE: 90,
  ENOBUFS: 105,
  ETIMEDOUT: 110,
} as const;

/** An error by its number; `text` where the kernel gave its own. */
export function netlinkError(errno: number, text?: string): NetlinkError {
  const [code, meaning] = ERRNO[errno] ?? [`E${errno}`, `error ${errno}`];
  return { errno, code, text: text || meaning };
}

/** Decodes NLMSG_ERROR or NLMSG_DONE: `null` is success. Throws `CodedError` `netlink-truncated`. */
export function decodeOutcome(message: Message): NetlinkError | null {
  const done = message.type === MessageType.done;
  // A multi-part reply to some requests ends with a DONE that has no body.
  const errno = done && message.end === message.start ? 0 : -message.i32At(0);
  if (errno === 0) return null;
  const error = netlinkError(errno);
  if ((message.flags & Flag.ackAttributes) === 0) return error;
  return { ...error, ...readExtendedAck(message.attributes(4 + (done ? 0 : HEADER_BYTES + echoed(message)))) };
}

/** Without NETLINK_CAP_ACK the whole request is echoed before the attributes. */
function echoed(message: Message): number {
  return (message.flags & Flag.capped) !== 0 ? 0 : Math.max(0, message.u32At(4) - HEADER_BYTES);
}

function readExtendedAck(attributes: Attributes): Partial<NetlinkError> {
  const read: { text?: string; offset?: number; missingAttribute?: number } = {};
  while (attributes.next()) {
    if (attributes.type === Attribute.text) read.text = attributes.text();
    else if (attributes.type === Attribute.offset) read.offset = attributes.u32();
    else if (attributes.type === Attribute.missingType) read.missingAttribute = attributes.u32();
  }
  return read;
}
