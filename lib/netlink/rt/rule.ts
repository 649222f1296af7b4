// RTM_*RULE: policy rules that send marked packets to a table. Pure. Rules of other shapes decode too, so that a dump
// never fails on somebody else's rule; only the fields below are told.
//
//   fib_rule_hdr  | family | dst len | src len | tos |  | table | 0 | 0 | action |  | flags (32) |
import type { AddressFamily } from '../../net/address.ts';
import { AF_INET, AF_INET6, Flag, MessageType, type Verb, verbFlags } from '../constants.ts';
import type { Message } from '../reader.ts';
import type { Writer } from '../writer.ts';

export interface Rule {
  readonly family: AddressFamily;
  /** 0 is looked up first. */
  readonly priority: number;
  /** FRA_PROTOCOL: who owns the rule. */
  readonly protocol: number;
  readonly table: number;
  readonly fwmark?: number;
  /** Bits of the mark that are compared; default all. */
  readonly mask?: number;
}

/** A rule as the kernel tells it. `selective`: it also matches on something that `Rule` does not tell. */
export interface KnownRule extends Rule {
  /** FR_ACT_*: 1 looks the table up. */
  readonly action: number;
  readonly selective: boolean;
}

const Attribute = { priority: 6, fwmark: 10, suppressPrefix: 14, table: 15, mask: 16, protocol: 21 };
/** FRA_DST, SRC, IIFNAME, OIFNAME, FLOW, TUN_ID, L3MDEV, UID_RANGE, IP_PROTO, SPORT_RANGE, DPORT_RANGE. */
const SELECTORS = new Set([1, 2, 3, 17, 11, 12, 19, 20, 22, 23, 24]);
const HEADER = 12;
const FR_ACT_TO_TBL = 1;

/** Encodes a change. Rules have no replace in the kernel (EEXIST when equal), so `replace` is not offered. */
export function encodeRule(writer: Writer, verb: Exclude<Verb, 'replace'>, rule: Rule): void {
  writer.begin(verb === 'remove' ? MessageType.delRule : MessageType.newRule, verbFlags(verb));
  writer.quad(rule.family === 'ipv6' ? AF_INET6 : AF_INET, 0, 0, 0);
  writer.quad(rule.table < 256 ? rule.table : 0, 0, 0, FR_ACT_TO_TBL);
  writer.word(0);
  writer.u32Attribute(Attribute.priority, rule.priority);
  writer.u8(Attribute.protocol, rule.protocol);
  if (rule.table > 255) writer.u32Attribute(Attribute.table, rule.table);
  if (rule.fwmark !== undefined) {
    writer.u32Attribute(Attribute.fwmark, rule.fwmark);
    if (rule.mask !== undefined) writer.u32Attribute(Attribute.mask, rule.mask);
  }
  writer.end();
}

export function encodeDumpRules(writer: Writer, family: AddressFamily): void {
  writer.begin(MessageType.getRule, Flag.request | Flag.dump);
  writer.quad(family === 'ipv6' ? AF_INET6 : AF_INET, 0, 0, 0);
  writer.zeros(HEADER - 4);
  writer.end();
}

/** Decodes RTM_NEWRULE and RTM_DELRULE; `null` for families other than IPv6 and IPv4. */
export function decodeRule(message: Message): KnownRule | null {
  const family = message.byteAt(0);
  const attributes = message.attributes(HEADER);
  if (family !== AF_INET && family !== AF_INET6) return null;
  let table = message.byteAt(4);
  let priority = 0;
  let protocol = 0;
  let fwmark: number | undefined;
  let mask: number | undefined;
  let selective = false;
  while (attributes.next()) {
    if (attributes.type === Attribute.priority) priority = attributes.u32();
    else if (attributes.type === Attribute.protocol) protocol = attributes.u8();
    else if (attributes.type === Attribute.table) table = attributes.u32();
    else if (attributes.type === Attribute.fwmark) fwmark = attributes.u32();
    else if (attributes.type === Attribute.mask) mask = attributes.u32();
    else if (SELECTORS.has(attributes.type)) selective = true;
  }
  return {
    family: family === AF_INET6 ? 'ipv6' : 'ipv4',
    priority,
    protocol,
    table,
    action: message.byteAt(7),
    selective,
    ...(fwmark !== undefined && { fwmark }),
    ...(mask !== undefined && { mask }),
  };
}
