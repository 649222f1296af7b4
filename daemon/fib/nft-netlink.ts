// Two questions to nf_tables that the nft program answers slowly or not at all: how many flows each learned set holds
// (without fetching them), and whether anybody has changed the ruleset since. Read only; changes go through nft
// and nft-elements.ts.
import { AFFINITY_TABLE, slotOfLearnedSet } from '../../lib/fib/affinity-names.ts';
import { Flag } from '../../lib/netlink/constants.ts';
import { NETFILTER_PROTOCOL, NFGENMSG_BYTES, NftMessage, readNetwork32 } from '../../lib/netlink/nft/numbers.ts';
import { decodeSet, encodeDumpSets } from '../../lib/netlink/nft/sets.ts';
import type { Message } from '../../lib/netlink/reader.ts';
import type { Encode } from '../../lib/netlink/writer.ts';
import { RequestSocket } from '../netlink/request-socket.ts';

const NFTA_GEN_ID = 1;

export class NftNetlink {
  readonly #requests: RequestSocket;

  /** Throws `CodedError` with the errno's name, e.g. EPROTONOSUPPORT where nf_tables is not there. */
  constructor(netns?: string) {
    this.#requests = RequestSocket.open({ protocol: NETFILTER_PROTOCOL, ...(netns !== undefined && { netns }) });
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
    for (const { set, table, count } of sets) {
      const slot = table === AFFINITY_TABLE ? slotOfLearnedSet(set) : undefined;
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
  writer.begin(NftMessage.getGeneration, Flag.request);
  writer.quad(0, 0, 0, 0);
  writer.end();
};

function decodeGeneration(message: Message): number | undefined {
  const attributes = message.attributes(NFGENMSG_BYTES);
  while (attributes.next()) if (attributes.type === NFTA_GEN_ID) return readNetwork32(attributes);
  return undefined;
}
