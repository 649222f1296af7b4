// Numbers of linux/netlink.h and linux/rtnetlink.h that more than one codec file needs. Numbers that belong to one
// message stand in that message's file.

/** Bytes of struct nlmsghdr. */
export const HEADER_BYTES = 16;

/** Protocols of socket(AF_NETLINK, SOCK_RAW, protocol). */
export const NetlinkProtocol = { route: 0, generic: 16 } as const;

export const MessageType = {
  noop: 1,
  error: 2,
  done: 3,
  overrun: 4,
  newLink: 16,
  delLink: 17,
  getLink: 18,
  newAddress: 20,
  delAddress: 21,
  getAddress: 22,
  newRoute: 24,
  delRoute: 25,
  getRoute: 26,
  newRule: 32,
  delRule: 33,
  getRule: 34,
  newNexthop: 104,
  delNexthop: 105,
  getNexthop: 106,
  getNexthopBucket: 118,
} as const;

/** nlmsg_flags; the bits above 0xff mean different things in requests that read, create, and in acknowledgements. */
export const Flag = {
  request: 0x1,
  multi: 0x2,
  ack: 0x4,
  dumpInterrupted: 0x10,
  /** On reads: the whole table. */
  dump: 0x300,
  /** On RTM_NEW*. */
  replace: 0x100,
  exclusive: 0x200,
  create: 0x400,
  /** On NLMSG_ERROR: the offending request was cut off after its header; extended-ACK attributes follow. */
  capped: 0x100,
  ackAttributes: 0x200,
} as const;

/** Multicast groups of NETLINK_ROUTE (enum rtnetlink_groups), for NETLINK_ADD_MEMBERSHIP. */
export const Group = {
  link: 1,
  ipv4Address: 5,
  ipv4Route: 7,
  ipv6Address: 9,
  ipv6Route: 11,
  nexthop: 32,
} as const;

/** Address families as the kernel numbers them. */
export const AF_UNSPEC = 0;
export const AF_INET = 2;
export const AF_INET6 = 10;

/** What to do with an object: `install` refuses an existing one (EEXIST), `replace` creates or replaces. */
export type Verb = 'install' | 'replace' | 'remove';

/** Request flags of a verb on RTM_NEW* and RTM_DEL*, without NLM_F_ACK, which the socket sets. */
export function verbFlags(verb: Verb): number {
  if (verb === 'replace') return Flag.request | Flag.create | Flag.replace;
  return verb === 'install' ? Flag.request | Flag.create | Flag.exclusive : Flag.request;
}
