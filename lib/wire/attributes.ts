// AttributeSet of session.proto: reads one whole set or fails with a WireFault that costs only the rows pointing at it.
import type { ServiceAttributes, SidStructure } from '../model/service-route.ts';
import { addressToMapped } from '../net/address-words.ts';
import { routerNumber, routerText, takeAddress } from './address-column.ts';
import { elements, emptyColumn, takeColumn, toUint32, toUint53 } from './column.ts';
import { type Cursor, FIXED32, FIXED64, LEN, tagOf, VARINT } from './cursor.ts';
import { MAX_LIST, MAX_NAME_BYTES } from './limits.ts';
import { takeListText, takeSite, writeText, writeTexts } from './text.ts';
import type { FrameWriter } from './writer.ts';

const SET = {
  egressSid: tagOf(1, LEN),
  sidStructure: tagOf(2, LEN),
  behaviour: tagOf(3, VARINT),
  sitePath: tagOf(4, LEN),
  site: tagOf(6, LEN),
  serviceName: tagOf(7, LEN),
  instanceName: tagOf(8, LEN),
  classes: tagOf(9, LEN),
  capabilities: tagOf(10, LEN),
  region: tagOf(11, LEN),
  residency: tagOf(12, LEN),
  priceMicros: tagOf(13, VARINT),
  carbon: tagOf(14, FIXED64),
  energy: tagOf(15, VARINT),
  securityLevel: tagOf(16, VARINT),
  preference: tagOf(17, VARINT),
  drain: tagOf(18, VARINT),
  validForMs: tagOf(19, VARINT),
  communities: tagOf(20, LEN),
  onlyToDownstream: tagOf(21, FIXED32),
} as const;
const CLUSTER_LIST = 5;
const STRUCTURE = {
  block: tagOf(1, VARINT),
  node: tagOf(2, VARINT),
  function: tagOf(3, VARINT),
  argument: tagOf(4, VARINT),
} as const;
const MAX_BEHAVIOUR = 0xffff;

export function writeSidStructure(writer: FrameWriter, tag: number, structure: SidStructure): void {
  writer.uint32(tag).fork();
  if (structure.block > 0) writer.uint32(STRUCTURE.block).uint32(structure.block);
  if (structure.node > 0) writer.uint32(STRUCTURE.node).uint32(structure.node);
  if (structure.function > 0) writer.uint32(STRUCTURE.function).uint32(structure.function);
  if (structure.argument > 0) writer.uint32(STRUCTURE.argument).uint32(structure.argument);
  writer.ldelim();
}

/** RFC 9252 3.2.1: a sum over 128 bits makes the structure, and with it the entry, malformed. */
export function takeSidStructure(outer: Cursor): SidStructure {
  const cursor = outer.nested();
  const read = { block: 0, node: 0, function: 0, argument: 0 };
  while (cursor.more()) {
    const tag = cursor.tag();
    if (tag === STRUCTURE.block) read.block = cursor.uint32();
    else if (tag === STRUCTURE.node) read.node = cursor.uint32();
    else if (tag === STRUCTURE.function) read.function = cursor.uint32();
    else if (tag === STRUCTURE.argument) read.argument = cursor.uint32();
    else cursor.skip(tag);
  }
  const sum = read.block + read.node + read.function + read.argument;
  if (sum > 128) throw cursor.fault(`SID structure of ${sum} bits`);
  return read;
}

export function takeBehaviour(cursor: Cursor): number {
  const value = cursor.uint32();
  if (value > MAX_BEHAVIOUR) throw cursor.fault(`behaviour ${value}`);
  return value;
}

/** Writes the body of one set. Numbers are rounded and saturate; texts must be within the limits of the model. */
export function writeAttributes(writer: FrameWriter, set: ServiceAttributes): void {
  writer.uint32(SET.egressSid).bytes(addressToMapped(set.egressSid));
  writeSidStructure(writer, SET.sidStructure, set.sidStructure);
  if (set.behaviour > 0) writer.uint32(SET.behaviour).uint32(set.behaviour);
  writeTexts(writer, SET.sitePath, set.sitePath);
  if (set.clusterList.length > 0) {
    writer.uint32(tagOf(CLUSTER_LIST, LEN)).fork();
    for (const router of set.clusterList) writer.fixed32(routerNumber(router));
    writer.ldelim();
  }
  writeText(writer, SET.site, set.site);
  writeText(writer, SET.serviceName, set.serviceName);
  writeText(writer, SET.instanceName, set.instanceName);
  writeTexts(writer, SET.classes, set.classes);
  writeTexts(writer, SET.capabilities, set.capabilities);
  writeText(writer, SET.region, set.region);
  writeTexts(writer, SET.residency, set.residency);
  if (set.priceMicros > 0) writer.uint32(SET.priceMicros).uint53(toUint53(set.priceMicros));
  if (set.carbon > 0) writer.uint32(SET.carbon).double(Math.min(set.carbon, Number.MAX_VALUE));
  if (set.energy > 0) writer.uint32(SET.energy).uint53(toUint53(set.energy));
  if (set.securityLevel > 0) writer.uint32(SET.securityLevel).uint32(toUint32(set.securityLevel));
  if (set.preference !== 0) writer.uint32(SET.preference).sint32(Math.round(set.preference));
  if (set.drain) writer.uint32(SET.drain).bool(true);
  if (set.validForMs > 0) writer.uint32(SET.validForMs).uint32(toUint32(set.validForMs));
  writeTexts(writer, SET.communities, set.communities);
  if (set.onlyToDownstream !== '') writer.uint32(SET.onlyToDownstream).fixed32(routerNumber(set.onlyToDownstream));
}

/** Reads the body of one set; throws `WireFault` when any part of it is malformed. */
export function readAttributes(cursor: Cursor): ServiceAttributes {
  let [egressSid, site, serviceName, instanceName, region] = ['', '', '', '', ''];
  let [behaviour, priceMicros, carbon, energy, securityLevel, preference, validForMs] = [0, 0, 0, 0, 0, 0, 0];
  let sidStructure: SidStructure = { block: 0, node: 0, function: 0, argument: 0 };
  let drain = false;
  const sitePath: string[] = [];
  const clusters = emptyColumn('fixed32');
  let downstreamFrom = 0;
  const [classes, capabilities, residency, communities]: string[][] = [[], [], [], []];
  while (cursor.more()) {
    const tag = cursor.tag();
    switch (tag) {
      case SET.egressSid:
        egressSid = takeAddress(cursor, false);
        break;
      case SET.sidStructure:
        sidStructure = takeSidStructure(cursor);
        break;
      case SET.behaviour:
        behaviour = takeBehaviour(cursor);
        break;
      case SET.sitePath:
        if (sitePath.push(takeSite(cursor)) > MAX_LIST) throw cursor.fault('site path too long');
        break;
      case SET.site:
        site = takeSite(cursor);
        break;
      case SET.serviceName:
        serviceName = cursor.text(MAX_NAME_BYTES);
        break;
      case SET.instanceName:
        instanceName = cursor.text(MAX_NAME_BYTES);
        break;
      case SET.classes:
        takeListText(cursor, classes!, MAX_LIST);
        break;
      case SET.capabilities:
        takeListText(cursor, capabilities!, MAX_LIST);
        break;
      case SET.region:
        region = cursor.text(MAX_NAME_BYTES);
        break;
      case SET.residency:
        takeListText(cursor, residency!, MAX_LIST);
        break;
      case SET.priceMicros:
        priceMicros = cursor.uint53();
        break;
      case SET.carbon:
        carbon = cursor.double();
        break;
      case SET.energy:
        energy = cursor.uint53();
        break;
      case SET.securityLevel:
        securityLevel = cursor.uint32();
        break;
      case SET.preference:
        preference = cursor.sint32();
        break;
      case SET.drain:
        drain = cursor.bool();
        break;
      case SET.validForMs:
        validForMs = cursor.uint32();
        break;
      case SET.communities:
        takeListText(cursor, communities!, MAX_LIST);
        break;
      case SET.onlyToDownstream:
        downstreamFrom = cursor.fixed32();
        break;
      default:
        if (tag >>> 3 === CLUSTER_LIST) takeColumn(cursor, tag, clusters);
        else cursor.skip(tag);
    }
  }
  if (egressSid === '') throw cursor.fault('egress_sid is missing');
  if (site === '') throw cursor.fault('site is missing');
  if (clusters.broken !== '' || clusters.count > MAX_LIST) throw cursor.fault('cluster_list is malformed');
  return {
    egressSid,
    sidStructure,
    behaviour,
    sitePath,
    clusterList: Array.from(elements(clusters), routerText),
    site,
    serviceName,
    instanceName,
    classes: classes!,
    capabilities: capabilities!,
    region,
    residency: residency!,
    priceMicros,
    carbon,
    energy,
    securityLevel,
    preference,
    drain,
    validForMs,
    communities: communities!,
    onlyToDownstream: downstreamFrom === 0 ? '' : routerText(downstreamFrom),
  };
}
