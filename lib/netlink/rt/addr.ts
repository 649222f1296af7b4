// RTM_*ADDR: the addresses of interfaces. Pure.
//
//   ifaddrmsg  | family | prefix length | flags (8) | scope |  | interface index (32) |
import { CodedError } from '../../errors.ts';
import type { AddressFamily } from '../../net/address.ts';
import { AF_INET, AF_INET6, Flag, MessageType, type Verb, verbFlags } from '../constants.ts';
import type { Message } from '../reader.ts';
import type { Writer } from '../writer.ts';

export interface LinkAddress {
  readonly family: AddressFamily;
  /** Interface index. */
  readonly index: number;
  readonly address: string;
  readonly prefixLength: number;
  /** rt_scope: 0 global, 253 link, 254 host. */
  readonly scope: number;
  /** Duplicate address detection still runs: the address cannot be used as a source yet. */
  readonly tentative: boolean;
}

/** IFA_ADDRESS is the peer's on a point-to-point IPv4 link; IFA_LOCAL is always ours. */
const Attribute = { address: 1, local: 2, flags: 8 };
const IFADDRMSG_BYTES = 8;
const IFA_F_NODAD = 0x2;
const IFA_F_TENTATIVE = 0x40;

export interface AddressSpec {
  readonly index: number;
  readonly address: string;
  readonly prefixLength: number;
}

/** Adds or removes an address; IPv6 ones skip duplicate detection, so that they work at once. */
export function encodeAddress(writer: Writer, verb: Verb, spec: AddressSpec): void {
  const ipv6 = spec.address.includes(':');
  writer.begin(verb === 'remove' ? MessageType.delAddress : MessageType.newAddress, verbFlags(verb));
  writer.quad(ipv6 ? AF_INET6 : AF_INET, spec.prefixLength, ipv6 && verb !== 'remove' ? IFA_F_NODAD : 0, 0);
  writer.word(spec.index);
  writer.address(Attribute.local, spec.address);
  writer.address(Attribute.address, spec.address);
  writer.end();
}

export function encodeDumpAddresses(writer: Writer, family: AddressFamily): void {
  writer.begin(MessageType.getAddress, Flag.request | Flag.dump);
  writer.quad(family === 'ipv6' ? AF_INET6 : AF_INET, 0, 0, 0);
  writer.word(0);
  writer.end();
}

/** Decodes RTM_NEWADDR and RTM_DELADDR; `null` for families other than IPv6 and IPv4. */
export function decodeAddress(message: Message): LinkAddress | null {
  const family = message.byteAt(0);
  let flags = message.byteAt(2);
  const attributes = message.attributes(IFADDRMSG_BYTES);
  if (family !== AF_INET && family !== AF_INET6) return null;
  let address: string | undefined;
  let local: string | undefined;
  while (attributes.next()) {
    if (attributes.type === Attribute.address) address = attributes.address();
    else if (attributes.type === Attribute.local) local = attributes.address();
    else if (attributes.type === Attribute.flags) flags = attributes.u32();
  }
  const own = local ?? address;
  if (own === undefined)
    throw new CodedError('missing-attribute', 'an address message has no address', { index: message.u32At(4) });
  return {
    family: family === AF_INET6 ? 'ipv6' : 'ipv4',
    index: message.u32At(4),
    address: own,
    prefixLength: message.byteAt(1),
    scope: message.byteAt(3),
    tentative: (flags & IFA_F_TENTATIVE) !== 0,
  };
}
