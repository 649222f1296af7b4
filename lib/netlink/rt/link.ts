// RTM_*LINK: interfaces as far as a router cares (name, index, state, MTU, kind), and the port-less bridge that carries
// the SIDs. Pure.
//
//   ifinfomsg  | family | 0 | type (16) |  | index (32) |  | flags (32) |  | change mask (32) |
import { CodedError } from '../../errors.ts';
import { AF_UNSPEC, Flag, MessageType, verbFlags } from '../constants.ts';
import type { Attributes, Message } from '../reader.ts';
import type { Writer } from '../writer.ts';

export interface Link {
  readonly index: number;
  readonly name: string;
  /** Bytes. */
  readonly mtu: number;
  /** ARPHRD_*: 1 is Ethernet. */
  readonly hardware: number;
  /** IFF_* bits. */
  readonly flags: number;
  /** Administratively up. */
  readonly enabled: boolean;
  /** Enabled and with carrier: packets can leave. */
  readonly up: boolean;
  /** `bridge`, `veth`...; absent for plain devices. */
  readonly kind?: string;
  /** Index of the bridge or bond it is a port of. */
  readonly controller?: number;
}

/** Names a link by index, or by name where the index is not known yet. */
export type LinkSelector = { readonly index: number } | { readonly name: string };

const Attribute = { name: 3, mtu: 4, controller: 10, linkInfo: 18, extMask: 29 };
const INFO_KIND = 1;
const IFINFOMSG_BYTES = 16;
const IFF_UP = 0x1;
/** Carrier of the device and of what is beneath it. */
const IFF_LOWER_UP = 0x10000;
/** Leaves the (large) statistics out of a dump. */
const RTEXT_FILTER_SKIP_STATS = 8;
/** IFNAMSIZ counts the NUL. */
const MAX_NAME_BYTES = 15;

function header(writer: Writer, index: number, flags: number, change: number): void {
  writer.quad(AF_UNSPEC, 0, 0, 0);
  writer.word(index);
  writer.word(flags);
  writer.word(change);
}

function select(writer: Writer, selector: LinkSelector, flags: number, change: number): void {
  header(writer, 'index' in selector ? selector.index : 0, flags, change);
  if ('name' in selector) writeName(writer, selector.name);
}

function writeName(writer: Writer, name: string): void {
  if (!/^[^\s/]{1,15}$/.test(name) || new TextEncoder().encode(name).length > MAX_NAME_BYTES)
    throw new CodedError('bad-link', 'an interface name has 1 to 15 bytes, without space and slash', { name });
  writer.text(Attribute.name, name);
}

export function encodeGetLink(writer: Writer, selector: LinkSelector): void {
  writer.begin(MessageType.getLink, Flag.request);
  select(writer, selector, 0, 0);
  writer.u32Attribute(Attribute.extMask, RTEXT_FILTER_SKIP_STATS);
  writer.end();
}

export function encodeDumpLinks(writer: Writer): void {
  writer.begin(MessageType.getLink, Flag.request | Flag.dump);
  header(writer, 0, 0, 0);
  writer.u32Attribute(Attribute.extMask, RTEXT_FILTER_SKIP_STATS);
  writer.end();
}

/** Creates a bridge without ports, enabled; EEXIST when the name is taken. */
export function encodeNewBridge(writer: Writer, bridge: { readonly name: string; readonly mtu?: number }): void {
  writer.begin(MessageType.newLink, verbFlags('install'));
  header(writer, 0, IFF_UP, IFF_UP);
  writeName(writer, bridge.name);
  if (bridge.mtu !== undefined) writer.u32Attribute(Attribute.mtu, bridge.mtu);
  const info = writer.open(Attribute.linkInfo);
  writer.text(INFO_KIND, 'bridge');
  writer.close(info);
  writer.end();
}

/** Enables or disables a link. */
export function encodeSetLink(writer: Writer, selector: LinkSelector, enabled: boolean): void {
  writer.begin(MessageType.newLink, Flag.request);
  select(writer, selector, enabled ? IFF_UP : 0, IFF_UP);
  writer.end();
}

export function encodeRemoveLink(writer: Writer, selector: LinkSelector): void {
  writer.begin(MessageType.delLink, Flag.request);
  select(writer, selector, 0, 0);
  writer.end();
}

/** Decodes RTM_NEWLINK and RTM_DELLINK; `null` for the family-specific ones (bridge ports), which repeat a link. */
export function decodeLink(message: Message): Link | null {
  const flags = message.u32At(8);
  const attributes = message.attributes(IFINFOMSG_BYTES);
  if (message.byteAt(0) !== AF_UNSPEC) return null;
  let name: string | undefined;
  let mtu = 0;
  let kind: string | undefined;
  let controller: number | undefined;
  while (attributes.next()) {
    if (attributes.type === Attribute.name) name = attributes.text();
    else if (attributes.type === Attribute.mtu) mtu = attributes.u32();
    else if (attributes.type === Attribute.controller) controller = attributes.u32();
    else if (attributes.type === Attribute.linkInfo) kind = readKind(attributes.nested());
  }
  if (name === undefined) throw new CodedError('missing-attribute', 'a link has no name', { index: message.u32At(4) });
  const enabled = (flags & IFF_UP) !== 0;
  return {
    index: message.u32At(4),
    name,
    mtu,
    hardware: message.u16At(2),
    flags,
    enabled,
    up: enabled && (flags & IFF_LOWER_UP) !== 0,
    ...(kind !== undefined && { kind }),
    ...(controller !== undefined && { controller }),
  };
}

function readKind(info: Attributes): string | undefined {
  while (info.next()) if (info.type === INFO_KIND) return info.text();
  return undefined;
}
