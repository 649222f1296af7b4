// Elements of sets of 32-bit numbers that hold ranges, and the emptying of any set. The kernel keeps a range as two
// elements: where it starts, and where the next number belongs to it no more.
//
//   NFT_MSG_{NEW,DEL}SETELEM  | nfgenmsg | table | set | elements |
//   elements  nest of nests   | key > value | flags |
import { CodedError } from '../../errors.ts';
import { Flag } from '../constants.ts';
import type { Attributes, Message } from '../reader.ts';
import type { Encode, Writer } from '../writer.ts';
import { NFGENMSG_BYTES, NftMessage, network32Attribute, readNetwork32, writeInetHeader } from './numbers.ts';

/** A set or map of an `inet` table. */
export interface SetName {
  readonly table: string;
  readonly set: string;
}

/** Numbers from `from` to `to`, both inclusive. */
export interface ElementRange {
  readonly from: number;
  readonly to: number;
}

/** One stored element; the key of an end is the first number outside. */
export interface RangeEdge {
  readonly key: number;
  readonly isEnd: boolean;
}

/** NFTA_SET_ELEM_LIST_*. */
const List = { table: 1, set: 2, elements: 3 };
const NFTA_LIST_ELEM = 1;
/** NFTA_SET_ELEM_*. */
const Element = { key: 1, data: 2, flags: 3 };
const NFTA_DATA_VALUE = 1;
const NFT_SET_ELEM_INTERVAL_END = 1;

export function encodeAddRange(set: SetName, range: ElementRange): Encode {
  return (writer) => encodeRange(writer, set, range, NftMessage.newElements, Flag.request | Flag.create);
}

/** The kernel refuses (ENOENT) when it is not there. */
export function encodeDeleteRange(set: SetName, range: ElementRange): Encode {
  return (writer) => encodeRange(writer, set, range, NftMessage.deleteElements, Flag.request);
}

/** Removes all elements of a set; learned ones, too. */
export function encodeFlushSet({ table, set }: SetName): Encode {
  return (writer) => {
    writer.begin(NftMessage.deleteElements, Flag.request);
    writeInetHeader(writer);
    writer.text(List.table, table);
    writer.text(List.set, set);
    writer.end();
  };
}

export function encodeDumpElements({ table, set }: SetName): Encode {
  return (writer) => {
    writer.begin(NftMessage.getElements, Flag.request | Flag.dump);
    writeInetHeader(writer);
    writer.text(List.table, table);
    writer.text(List.set, set);
    writer.end();
  };
}

/** The elements in a message of a dump; throws `CodedError` when one is not of this kind of set. */
export function decodeEdges(message: Message): RangeEdge[] {
  const edges: RangeEdge[] = [];
  const attributes = message.attributes(NFGENMSG_BYTES);
  while (attributes.next()) {
    if (attributes.type !== List.elements) continue;
    const elements = attributes.nested();
    while (elements.next()) if (elements.type === NFTA_LIST_ELEM) edges.push(decodeEdge(elements.nested()));
  }
  return edges;
}

/**
 * The ranges that a set's elements mean, ascending; undefined when they mean none: an end without a start or a start
 * without an end. Order does not matter.
 */
export function joinEdges(edges: readonly RangeEdge[]): ElementRange[] | undefined {
  // Where one range ends and the next starts, the end comes first.
  const sorted = [...edges].sort((a, b) => a.key - b.key || Number(b.isEnd) - Number(a.isEnd));
  const ranges: ElementRange[] = [];
  let open: RangeEdge | undefined;
  for (const edge of sorted) {
    // The nft program puts one before a first range that starts further up; it means nothing.
    if (edge.key === 0 && edge.isEnd) continue;
    if ((open !== undefined) !== edge.isEnd) return undefined;
    if (open) ranges.push({ from: open.key, to: edge.key - 1 });
    open = open ? undefined : edge;
  }
  return open ? undefined : ranges;
}

function encodeRange(
  writer: Writer,
  { table, set }: SetName,
  { from, to }: ElementRange,
  type: number,
  flags: number,
): void {
  writer.begin(type, flags);
  writeInetHeader(writer);
  writer.text(List.table, table);
  writer.text(List.set, set);
  const list = writer.open(List.elements);
  encodeEdge(writer, from, false);
  encodeEdge(writer, to + 1, true);
  writer.close(list);
  writer.end();
}

function encodeEdge(writer: Writer, key: number, isEnd: boolean): void {
  const element = writer.open(NFTA_LIST_ELEM);
  const keyNest = writer.open(Element.key);
  network32Attribute(writer, NFTA_DATA_VALUE, key);
  writer.close(keyNest);
  if (isEnd) network32Attribute(writer, Element.flags, NFT_SET_ELEM_INTERVAL_END);
  writer.close(element);
}

function decodeEdge(element: Attributes): RangeEdge {
  let key: number | undefined;
  let isEnd = false;
  while (element.next())
    if (element.type === Element.key) key = nestedNumber(element.nested());
    else if (element.type === Element.data) throw new CodedError('nft-element', 'an element of a map, not of a set');
    else if (element.type === Element.flags) isEnd = (readNetwork32(element) & NFT_SET_ELEM_INTERVAL_END) !== 0;
  if (key === undefined) throw new CodedError('nft-element', 'an element is neither the start of a range nor an end');
  return { key, isEnd };
}

function nestedNumber(data: Attributes): number | undefined {
  while (data.next()) if (data.type === NFTA_DATA_VALUE && data.length === 4) return readNetwork32(data);
  return undefined;
}
