// Numbers of linux/netfilter/nfnetlink.h and nf_tables.h, and the header every nf_tables message begins with. Unlike
// rtnetlink, nf_tables speaks network byte order.
//
//   nfgenmsg  | family (8) | version (8) | resource id (16) |
import type { Attributes } from '../reader.ts';
import type { Writer } from '../writer.ts';

/** NETLINK_NETFILTER, for socket(). */
export const NETFILTER_PROTOCOL = 12;
export const NFPROTO_INET = 1;
/** Bytes of nfgenmsg. */
export const NFGENMSG_BYTES = 4;
/** NFNL_SUBSYS_NFTABLES. */
export const NFTABLES = 10;

export const NftMessage = {
  batchBegin: 16,
  batchEnd: 17,
  getSet: (NFTABLES << 8) | 10,
  newElements: (NFTABLES << 8) | 12,
  getElements: (NFTABLES << 8) | 13,
  deleteElements: (NFTABLES << 8) | 14,
  getGeneration: (NFTABLES << 8) | 16,
} as const;

/** nfgenmsg of a message about our `inet` tables. */
export function writeInetHeader(writer: Writer): void {
  writer.quad(NFPROTO_INET, 0, 0, 0);
}

/** A 32-bit number in network order, without attribute header. */
export function writeNetwork32(writer: Writer, value: number): void {
  writer.quad((value >>> 24) & 0xff, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
}

export function network32Attribute(writer: Writer, type: number, value: number): void {
  writer.halves(8, type);
  writeNetwork32(writer, value);
}

/** The content of the current attribute; throws `CodedError` `netlink-truncated`. */
export function readNetwork32(attributes: Attributes): number {
  const at = (index: number) => attributes.byteAt(index);
  return ((at(0) << 24) | (at(1) << 16) | (at(2) << 8) | at(3)) >>> 0;
}
