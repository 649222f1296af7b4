// Two questions to nf_tables that the nft program answers slowly or not at all: how many flows each learned set holds
// (without fetching them), and whether anybody has changed the ruleset since. Read only; changes go through nft.
//
//   nfgenmsg  | family | version | resource id (16) |
import { AFFINITY_TABLE, slotOfLiveSet } from '../../lib/fib/affinity-names.ts';
import { Flag } from '../../lib/netlink/constants.ts';
import type { Attributes, Message } from '../../lib/netlink/reader.ts';
import type { Encode } from '../../lib/netlink/writer.ts';
import { RequestSocket } from '../netlink/request-socket.ts';

/** NETLINK_NETFILTER. */
const PROTOCOL = 12;
const NFPROTO_INET = 1;
const NFGENMSG_BYTES = 4;
/** NFNL_SUBSYS_NFTABLES. */
const SUBSYSTEM = 10 << 8;
const MessageType = { getSet: SUBSYSTEM | 10, getGeneration: SUBSYSTEM | 16 };
/** NFTA_SET_*; the count came with Linux 6.17. */
const SetAttribute = { table: 1, name: 2, count: 20 };
const NFTA_GEN_ID = 1;

export class NftNetlink {
  readonly #requests: RequestSocket;

  /** Throws `CodedError` with the errno's name, e.g. EPROTONOSUPPORT where nf_tables is not there. */
  constructor(netns?: string) {
    this.#requests = RequestSocket.open({ protocol: PROTOCOL, ...(netns !== undefined && { netns }) });
  }

  /** Number of the ruleset; every transaction of anybody moves it. Undefined when the kernel does not tell. */
  generation(): number | undefined {
    const reply = this.#requests.query(encodeGetGeneration, decodeGeneration);
    return 'error' in reply ? undefined : reply.value;
  }

  /** Elements per slot of our table's live sets; undefined when this kernel does not count. Empty without the table. */
  async flowCounts(): Promise<Map<number, number> | undefined> {
    const sets = await this.#requests.dump(encodeDumpSets, decodeSet);
    const counts = new Map<number, number>();
    for (const { name, table, count } of sets) {
      const slot = table === AFFINITY_TABLE ? slotOfLiveSet(name) : undefined;
      if (slot === undefined) continue;
      if (count === undefined) return undefined;
      counts.set(slot, count);
    }
    return counts;
  }

  close(): void {
    this.#requests.close();
  }
}

const encodeGetGeneration: Encode = (writer) => {
  writer.begin(MessageType.getGeneration, Flag.request);
  writer.quad(0, 0, 0, 0);
  writer.end();
};

const encodeDumpSets: Encode = (writer) => {
  writer.begin(MessageType.getSet, Flag.request | Flag.dump);
  writer.quad(NFPROTO_INET, 0, 0, 0);
  writer.end();
};

function decodeGeneration(message: Message): number | undefined {
  const attributes = message.attributes(NFGENMSG_BYTES);
  while (attributes.next()) if (attributes.type === NFTA_GEN_ID) return bigEndian32(attributes);
  return undefined;
}

function decodeSet(message: Message): { table: string; name: string; count?: number } {
  const attributes = message.attributes(NFGENMSG_BYTES);
  let table = '';
  let name = '';
  let count: number | undefined;
  while (attributes.next()) {
    if (attributes.type === SetAttribute.table) table = attributes.text();
    else if (attributes.type === SetAttribute.name) name = attributes.text();
    else if (attributes.type === SetAttribute.count) count = bigEndian32(attributes);
  }
  return { table, name, ...(count !== undefined && { count }) };
}

/** Unlike rtnetlink, nf_tables speaks network order. */
function bigEndian32(attributes: Attributes): number {
  const bytes = attributes.content();
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0);
}
