// LinkStateUpdate of session.proto: one message a node, because nodes change rarely and differ in shape. A malformed
// node is dropped whole: half a node would be a wrong topology.
import { invariant } from '../errors.ts';
import type {
  DecapSid,
  LinkAdvertisement,
  LocatorAdvertisement,
  NodeAdvertisement,
  SidAdvertisement,
} from '../model/link-state.ts';
import { addressToMapped } from '../net/address-words.ts';
import { type LinkStateUpdate, NOTIFICATION } from '../session/message.ts';
import { routerNumber, routerText, takeAddress } from './address-column.ts';
import { takeBehaviour, takeSidStructure, writeSidStructure } from './attributes.ts';
import { elements, emptyColumn, takeColumn, toUint32, toUint53 } from './column.ts';
import { type Cursor, FIXED32, LEN, tagOf, VARINT, WireFault } from './cursor.ts';
import type { FaultLog } from './fault-log.ts';
import { MAX_LIST, MAX_NAME_BYTES, MAX_NODE_LIST, MAX_ROWS } from './limits.ts';
import { prefixFromWire, prefixToWire } from './prefix.ts';
import { SessionError, UPDATE_SUBCODE } from './session-error.ts';
import { takeSite, writeText } from './text.ts';
import type { FrameWriter } from './writer.ts';

const NODES = tagOf(1, LEN);
const NODE = {
  originator: tagOf(1, FIXED32),
  site: tagOf(2, LEN),
  name: tagOf(3, LEN),
  sequence: tagOf(4, VARINT),
  locators: tagOf(5, LEN),
  prefixAddress: tagOf(6, LEN),
  links: tagOf(8, LEN),
  maxSidDepth: tagOf(9, VARINT),
  decapSids: tagOf(10, LEN),
  maxSegmentsLeft: tagOf(11, VARINT),
  ageSeconds: tagOf(12, VARINT),
  noTransit: tagOf(13, VARINT),
} as const;
const DECAP = { sid: tagOf(1, LEN), behaviour: tagOf(2, VARINT) } as const;
const SID = { sid: tagOf(1, LEN), structure: tagOf(2, LEN), behaviour: tagOf(3, VARINT) } as const;
const PREFIX_LENGTH = 7;
const LOCATOR = {
  address: tagOf(1, LEN),
  length: tagOf(2, VARINT),
  structure: tagOf(3, LEN),
  endSid: tagOf(4, LEN),
  behaviour: tagOf(5, VARINT),
} as const;
const LINK = {
  name: tagOf(1, LEN),
  neighbour: tagOf(2, FIXED32),
  localAddress: tagOf(3, LEN),
  remoteAddress: tagOf(4, LEN),
  delayMinUs: tagOf(5, VARINT),
  delayAvgUs: tagOf(6, VARINT),
  delayVariationUs: tagOf(7, VARINT),
  loss: tagOf(8, VARINT),
  bandwidthBps: tagOf(9, VARINT),
  adminGroups: tagOf(10, FIXED32),
  endXSid: tagOf(12, LEN),
  mtu: tagOf(13, VARINT),
  adjacencySids: tagOf(14, LEN),
} as const;
const SRLG = 11;
/** RFC 8570 4.4: 24 bits. */
const MAX_LOSS = 0xff_ffff;
const MAX_DEPTH = 255;

export function writeLinkState(writer: FrameWriter, update: LinkStateUpdate): void {
  invariant(update.nodes.length <= MAX_ROWS, `at most ${MAX_ROWS} nodes a frame`);
  for (const node of update.nodes) {
    writer.uint32(NODES).fork();
    writeNode(writer, node);
    writer.ldelim();
  }
}

function writeNode(writer: FrameWriter, node: NodeAdvertisement): void {
  writer.uint32(NODE.originator).fixed32(routerNumber(node.originator));
  writeText(writer, NODE.site, node.site);
  writeText(writer, NODE.name, node.name);
  writer.uint32(NODE.sequence).uint53(toUint53(node.sequence));
  for (const locator of node.locators) {
    const { bytes, length } = prefixToWire(locator.prefix);
    writer.uint32(NODE.locators).fork();
    writer.uint32(LOCATOR.address).bytes(bytes).uint32(LOCATOR.length).uint32(length);
    writeSidStructure(writer, LOCATOR.structure, locator.structure);
    writer.uint32(LOCATOR.endSid).bytes(addressToMapped(locator.endSid));
    writer.uint32(LOCATOR.behaviour).uint32(locator.behaviour).ldelim();
  }
  if (node.prefixes.length > 0) {
    const prefixes = node.prefixes.map(prefixToWire);
    const addresses = new Uint8Array(prefixes.length * 16);
    for (const [i, prefix] of prefixes.entries()) addresses.set(prefix.bytes, i * 16);
    writer.uint32(NODE.prefixAddress).bytes(addresses).uint32(tagOf(PREFIX_LENGTH, LEN)).fork();
    for (const prefix of prefixes) writer.uint32(prefix.length);
    writer.ldelim();
  }
  for (const link of node.links) {
    writer.uint32(NODE.links).fork();
    writeLink(writer, link);
    writer.ldelim();
  }
  if (node.maxSidDepth > 0) writer.uint32(NODE.maxSidDepth).uint32(node.maxSidDepth);
  if (node.maxSegmentsLeft !== undefined) writer.uint32(NODE.maxSegmentsLeft).uint32(node.maxSegmentsLeft);
  if ((node.ageSeconds ?? 0) > 0) writer.uint32(NODE.ageSeconds).uint32(node.ageSeconds!);
  if (node.noTransit) writer.uint32(NODE.noTransit).bool(true);
  for (const { sid, behaviour } of node.decapSids ?? []) {
    writer.uint32(NODE.decapSids).fork();
    writer.uint32(DECAP.sid).bytes(addressToMapped(sid)).uint32(DECAP.behaviour).uint32(behaviour).ldelim();
  }
}

function writeLink(writer: FrameWriter, link: LinkAdvertisement): void {
  writeText(writer, LINK.name, link.name);
  writer.uint32(LINK.neighbour).fixed32(routerNumber(link.neighbour));
  if (link.localAddress !== '') writer.uint32(LINK.localAddress).bytes(addressToMapped(link.localAddress));
  if (link.remoteAddress !== '') writer.uint32(LINK.remoteAddress).bytes(addressToMapped(link.remoteAddress));
  writer.uint32(LINK.delayMinUs).uint32(toUint32(link.delayMinUs));
  writer.uint32(LINK.delayAvgUs).uint32(toUint32(link.delayAvgUs));
  writer.uint32(LINK.delayVariationUs).uint32(toUint32(link.delayVariationUs));
  writer.uint32(LINK.loss).uint32(Math.min(toUint32(link.loss), MAX_LOSS));
  writer.uint32(LINK.bandwidthBps).uint53(toUint53(link.bandwidthBps));
  writer.uint32(LINK.adminGroups).fixed32(link.adminGroups >>> 0);
  if (link.srlg.length > 0) {
    writer.uint32(tagOf(SRLG, LEN)).fork();
    for (const group of link.srlg) writer.uint32(group);
    writer.ldelim();
  }
  if (link.endXSid !== '') writer.uint32(LINK.endXSid).bytes(addressToMapped(link.endXSid));
  if (link.mtu !== undefined) writer.uint32(LINK.mtu).uint32(toUint32(link.mtu));
  for (const { sid, structure, behaviour } of link.adjacencySids ?? []) {
    writer.uint32(LINK.adjacencySids).fork();
    writer.uint32(SID.sid).bytes(addressToMapped(sid));
    writeSidStructure(writer, SID.structure, structure);
    writer.uint32(SID.behaviour).uint32(behaviour).ldelim();
  }
}

export function readLinkState(cursor: Cursor, faults: FaultLog): LinkStateUpdate {
  const nodes: NodeAdvertisement[] = [];
  for (let seen = 0; cursor.more(); seen++) {
    const tag = cursor.tag();
    if (tag !== NODES) {
      cursor.skip(tag);
      continue;
    }
    if (seen >= MAX_ROWS) {
      const text = `more than ${MAX_ROWS} nodes`;
      throw new SessionError(NOTIFICATION.update, UPDATE_SUBCODE.malformed, 'link_state.nodes', text);
    }
    const body = cursor.nested();
    try {
      nodes.push(readNode(body));
    } catch (error) {
      if (!(error instanceof WireFault)) throw error;
      faults.add('link_state.nodes', `${error.message}: node dropped`);
    }
  }
  return { nodes };
}

function readNode(cursor: Cursor): NodeAdvertisement {
  let [site, name] = ['', ''];
  let [originator, sequence, maxSidDepth] = [0, 0, 0];
  let addresses = new Uint8Array(0);
  const lengths = emptyColumn('uint32');
  const locators: LocatorAdvertisement[] = [];
  const links: LinkAdvertisement[] = [];
  const decapSids: DecapSid[] = [];
  let maxSegmentsLeft: number | undefined;
  let [ageSeconds, noTransit] = [0, false];
  while (cursor.more()) {
    const tag = cursor.tag();
    if (tag === NODE.originator) originator = cursor.fixed32();
    else if (tag === NODE.site) site = takeSite(cursor);
    else if (tag === NODE.name) name = cursor.text(MAX_NAME_BYTES);
    else if (tag === NODE.sequence) sequence = cursor.uint53();
    else if (tag === NODE.prefixAddress) addresses = Uint8Array.from(cursor.bytes());
    else if (tag >>> 3 === PREFIX_LENGTH) takeColumn(cursor, tag, lengths);
    else if (tag === NODE.maxSidDepth) maxSidDepth = cursor.uint32();
    else if (tag === NODE.locators) {
      if (locators.push(readLocator(cursor.nested())) > MAX_LIST) throw cursor.fault('too many locators');
    } else if (tag === NODE.links) {
      if (links.push(readLink(cursor.nested())) > MAX_NODE_LIST) throw cursor.fault('too many links');
    } else if (tag === NODE.maxSegmentsLeft) maxSegmentsLeft = cursor.uint32();
    else if (tag === NODE.ageSeconds) ageSeconds = cursor.uint32();
    else if (tag === NODE.noTransit) noTransit = cursor.bool();
    else if (tag === NODE.decapSids) {
      if (decapSids.push(readDecapSid(cursor.nested())) > MAX_LIST) throw cursor.fault('too many decap_sids');
    } else cursor.skip(tag);
  }
  if (originator === 0) throw cursor.fault('router id 0');
  if (site === '') throw cursor.fault('site is missing');
  if (maxSidDepth > MAX_DEPTH) throw cursor.fault(`max_sid_depth ${maxSidDepth}`);
  if ((maxSegmentsLeft ?? 0) > MAX_DEPTH) throw cursor.fault(`max_segments_left ${maxSegmentsLeft}`);
  const count = lengths.count;
  if (lengths.broken !== '' || count > MAX_NODE_LIST || addresses.length !== count * 16) {
    throw cursor.fault('prefix columns do not fit each other');
  }
  const prefixes = Array.from(elements(lengths), (length, i) =>
    prefixFromWire(cursor, addresses.subarray(i * 16, i * 16 + 16), length),
  );
  const node = { originator: routerText(originator), site, name, sequence, locators, prefixes, links, maxSidDepth };
  return {
    ...node,
    ...(decapSids.length > 0 && { decapSids }),
    ...(maxSegmentsLeft !== undefined && { maxSegmentsLeft }),
    ...(ageSeconds > 0 && { ageSeconds }),
    ...(noTransit && { noTransit }),
  };
}

function readDecapSid(cursor: Cursor): DecapSid {
  let sid = '';
  let behaviour = 0;
  while (cursor.more()) {
    const tag = cursor.tag();
    if (tag === DECAP.sid) sid = takeAddress(cursor, false);
    else if (tag === DECAP.behaviour) behaviour = takeBehaviour(cursor);
    else cursor.skip(tag);
  }
  if (sid === '') throw cursor.fault('sid is missing');
  return { sid, behaviour };
}

function readLocator(cursor: Cursor): LocatorAdvertisement {
  let address = new Uint8Array(0);
  let length = 0;
  let structure = { block: 0, node: 0, function: 0, argument: 0 };
  let endSid = '';
  let behaviour = 0;
  while (cursor.more()) {
    const tag = cursor.tag();
    if (tag === LOCATOR.address) address = Uint8Array.from(cursor.bytes());
    else if (tag === LOCATOR.length) length = cursor.uint32();
    else if (tag === LOCATOR.structure) structure = takeSidStructure(cursor);
    else if (tag === LOCATOR.endSid) endSid = takeAddress(cursor, false);
    else if (tag === LOCATOR.behaviour) behaviour = takeBehaviour(cursor);
    else cursor.skip(tag);
  }
  if (endSid === '') throw cursor.fault('end_sid is missing');
  return { prefix: prefixFromWire(cursor, address, length), structure, endSid, behaviour };
}

function readLink(cursor: Cursor): LinkAdvertisement {
  const link = { name: '', localAddress: '', remoteAddress: '', endXSid: '' };
  const delay = { delayMinUs: 0, delayAvgUs: 0, delayVariationUs: 0, loss: 0, bandwidthBps: 0, adminGroups: 0 };
  let [neighbour, mtu] = [0, 0];
  const srlg = emptyColumn('uint32');
  const adjacencySids: SidAdvertisement[] = [];
  while (cursor.more()) {
    const tag = cursor.tag();
    if (tag === LINK.name) link.name = cursor.text(MAX_NAME_BYTES);
    else if (tag === LINK.neighbour) neighbour = cursor.fixed32();
    else if (tag === LINK.localAddress) link.localAddress = takeAddress(cursor, true);
    else if (tag === LINK.remoteAddress) link.remoteAddress = takeAddress(cursor, true);
    else if (tag === LINK.delayMinUs) delay.delayMinUs = cursor.uint32();
    else if (tag === LINK.delayAvgUs) delay.delayAvgUs = cursor.uint32();
    else if (tag === LINK.delayVariationUs) delay.delayVariationUs = cursor.uint32();
    else if (tag === LINK.loss) delay.loss = cursor.uint32();
    else if (tag === LINK.bandwidthBps) delay.bandwidthBps = cursor.uint53();
    else if (tag === LINK.adminGroups) delay.adminGroups = cursor.fixed32();
    else if (tag >>> 3 === SRLG) takeColumn(cursor, tag, srlg);
    else if (tag === LINK.endXSid) link.endXSid = takeAddress(cursor, true);
    else if (tag === LINK.mtu) mtu = cursor.uint32();
    else if (tag === LINK.adjacencySids) {
      if (adjacencySids.push(readSid(cursor.nested())) > MAX_LIST) throw cursor.fault('too many adjacency_sids');
    } else cursor.skip(tag);
  }
  if (neighbour === 0) throw cursor.fault('link to router id 0');
  if (delay.loss > MAX_LOSS) throw cursor.fault(`loss ${delay.loss}`);
  if (srlg.broken !== '' || srlg.count > MAX_LIST) throw cursor.fault('srlg is malformed');
  const read = { ...link, ...delay, neighbour: routerText(neighbour), srlg: [...elements(srlg)] };
  return { ...read, ...(mtu > 0 && { mtu }), ...(adjacencySids.length > 0 && { adjacencySids }) };
}

function readSid(cursor: Cursor): SidAdvertisement {
  let sid = '';
  let structure = { block: 0, node: 0, function: 0, argument: 0 };
  let behaviour = 0;
  while (cursor.more()) {
    const tag = cursor.tag();
    if (tag === SID.sid) sid = takeAddress(cursor, false);
    else if (tag === SID.structure) structure = takeSidStructure(cursor);
    else if (tag === SID.behaviour) behaviour = takeBehaviour(cursor);
    else cursor.skip(tag);
  }
  if (sid === '') throw cursor.fault('sid is missing');
  return { sid, structure, behaviour };
}
