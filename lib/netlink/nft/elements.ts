// Elements of interval maps from a 32-bit number to `goto CHAIN`, and the emptying of any set. The kernel keeps an
// interval as two elements: where it starts, with its verdict, and where the next number belongs to it no more.
//
//   NFT_MSG_{NEW,DEL}SETELEM  | nfgenmsg | table | set | elements |
//   elements  nest of nests   | key > value | data > verdict > code, chain | flags |
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

/** Numbers from `from` to `to`, both inclusive, go to `chain`. */
export interface GotoRange {
  readonly from: number;
  readonly to: number;
  readonly chain: string;
}

/** One stored element; without a chain it is an end, whose key is the first number outside. */
export interface RangeEdge {
  readonly key: number;
  readonly chain: string | undefined;
}

/** NFTA_SET_ELEM_LIST_*. */
const List = { table: 1, set: 2, elements: 3 };
const NFTA_LIST_ELEM = 1;
/** NFTA_SET_ELEM_*. */
const Element = { key: 1, data: 2, flags: 3 };
/** NFTA_DATA_*. */
const Data = { value: 1, verdict: 2 };
/** NFTA_VERDICT_*. */
const Verdict = { code: 1, chain: 2 };
const NFT_GOTO = -4;
const NFT_SET_ELEM_INTERVAL_END = 1;
/** Ranges in one message: an attribute's length has 16 bits, and a range with a long chain name takes 230 bytes. */
const MESSAGE_RANGES = 128;

export function encodeAddRanges(set: SetName, ranges: readonly GotoRange[]): Encode[] {
  return inMessages(set, ranges, NftMessage.newElements, Flag.request | Flag.create);
}

/** The kernel refuses (ENOENT) when one of them is not there; it compares keys only. */
export function encodeDeleteRanges(set: SetName, ranges: readonly GotoRange[]): Encode[] {
  return inMessages(set, ranges, NftMessage.deleteElements, Flag.request);
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

/** The elements in a message of a dump; throws `CodedError` when one is not of this kind of map. */
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
 * The ranges that a map's elements mean, ascending; undefined when they mean none: an end without a start or a start
 * without an end. Order does not matter.
 */
export function joinEdges(edges: readonly RangeEdge[]): GotoRange[] | undefined {
  // Where one range ends and the next starts, the end comes first.
  const sorted = [...edges].sort(
    (a, b) => a.key - b.key || Number(a.chain !== undefined) - Number(b.chain !== undefined),
  );
  const ranges: GotoRange[] = [];
  let open: RangeEdge | undefined;
  for (const edge of sorted) {
    if ((open === undefined) === (edge.chain === undefined)) return undefined;
    if (open?.chain !== undefined) ranges.push({ from: open.key, to: edge.key - 1, chain: open.chain });
    open = open ? undefined : edge;
  }
  return open ? undefined : ranges;
}

function inMessages(set: SetName, ranges: readonly GotoRange[], type: number, flags: number): Encode[] {
  const messages: Encode[] = [];
  for (let at = 0; at < ranges.length; at += MESSAGE_RANGES) {
    const some = ranges.slice(at, at + MESSAGE_RANGES);
    messages.push((writer) => encodeRanges(writer, set, some, type, flags));
  }
  return messages;
}

function encodeRanges(
  writer: Writer,
  { table, set }: SetName,
  ranges: readonly GotoRange[],
  type: number,
  flags: number,
): void {
  writer.begin(type, flags);
  writeInetHeader(writer);
  writer.text(List.table, table);
  writer.text(List.set, set);
  const list = writer.open(List.elements);
  for (const { from, to, chain } of ranges) {
    encodeEdge(writer, { key: from, chain });
    encodeEdge(writer, { key: to + 1, chain: undefined });
  }
  writer.close(list);
  writer.end();
}

function encodeEdge(writer: Writer, { key, chain }: RangeEdge): void {
  const element = writer.open(NFTA_LIST_ELEM);
  const keyNest = writer.open(Element.key);
  network32Attribute(writer, Data.value, key);
  writer.close(keyNest);
  if (chain === undefined) network32Attribute(writer, Element.flags, NFT_SET_ELEM_INTERVAL_END);
  else {
    const data = writer.open(Element.data);
    const verdict = writer.open(Data.verdict);
    network32Attribute(writer, Verdict.code, NFT_GOTO);
    writer.text(Verdict.chain, chain);
    writer.close(verdict);
    writer.close(data);
  }
  writer.close(element);
}

function decodeEdge(element: Attributes): RangeEdge {
  let key: number | undefined;
  let chain: string | undefined;
  let end = false;
  while (element.next())
    if (element.type === Element.key) key = nestedNumber(element.nested(), Data.value);
    else if (element.type === Element.data) chain = decodeGoto(element.nested());
    else if (element.type === Element.flags) end = (readNetwork32(element) & NFT_SET_ELEM_INTERVAL_END) !== 0;
  if (key === undefined || end !== (chain === undefined))
    throw new CodedError('nft-element', 'an element is neither the start of a range with a chain nor an end');
  return { key, chain };
}

function nestedNumber(data: Attributes, type: number): number | undefined {
  while (data.next()) if (data.type === type && data.length === 4) return readNetwork32(data);
  return undefined;
}

/** The chain of `goto CHAIN`; undefined for other verdicts and for values. */
function decodeGoto(data: Attributes): string | undefined {
  while (data.next()) {
    if (data.type !== Data.verdict) continue;
    const verdict = data.nested();
    let code = 0;
    let chain: string | undefined;
    while (verdict.next())
      if (verdict.type === Verdict.code) code = readNetwork32(verdict) | 0;
      else if (verdict.type === Verdict.chain) chain = verdict.text();
    return code === NFT_GOTO ? chain : undefined;
  }
  return undefined;
}
