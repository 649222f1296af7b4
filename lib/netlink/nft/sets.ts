// Sets of nf_tables as far as they are listed: names, and how many elements each holds.
import { Flag } from '../constants.ts';
import type { Message } from '../reader.ts';
import type { Encode } from '../writer.ts';
import type { SetName } from './elements.ts';
import { NFGENMSG_BYTES, NftMessage, readNetwork32, writeInetHeader } from './numbers.ts';

/** NFTA_SET_*; the count came with Linux 6.17. */
const SetAttribute = { table: 1, name: 2, count: 20 };

/** All sets and maps of all `inet` tables. */
export const encodeDumpSets: Encode = (writer) => {
  writer.begin(NftMessage.getSet, Flag.request | Flag.dump);
  writeInetHeader(writer);
  writer.end();
};

export function decodeSetName(message: Message): SetName {
  const { table, set } = decodeSet(message);
  return { table, set };
}

/** `count`: elements, learned ones included, where the kernel counts. */
export function decodeSet(message: Message): SetName & { readonly count?: number } {
  const attributes = message.attributes(NFGENMSG_BYTES);
  let table = '';
  let set = '';
  let count: number | undefined;
  while (attributes.next()) {
    if (attributes.type === SetAttribute.table) table = attributes.text();
    else if (attributes.type === SetAttribute.name) set = attributes.text();
    else if (attributes.type === SetAttribute.count) count = readNetwork32(attributes);
  }
  return { table, set, ...(count !== undefined && { count }) };
}
