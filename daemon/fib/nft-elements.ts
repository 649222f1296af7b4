// Changes and reads the elements of our split maps by netlink: 40 us for what takes the nft program, which reads our
// text and the kernel's sets first, a millisecond. Knows neither services nor weights.
import { AFFINITY_TABLE, isSplitMap } from '../../lib/fib/affinity-names.ts';
import type { SplitsRead } from '../../lib/fib/affinity-readback.ts';
import type { SplitChange, SplitRange } from '../../lib/fib/affinity-split.ts';
import {
  decodeEdges,
  encodeAddRanges,
  encodeDeleteRanges,
  encodeDumpElements,
  encodeFlushSet,
  joinEdges,
} from '../../lib/netlink/nft/elements.ts';
import { NETFILTER_PROTOCOL } from '../../lib/netlink/nft/numbers.ts';
import { decodeSetName, encodeDumpSets } from '../../lib/netlink/nft/sets.ts';
import type { Encode } from '../../lib/netlink/writer.ts';
import { RequestSocket } from '../netlink/request-socket.ts';
import { TransactionSocket } from '../netlink/transaction-socket.ts';

export class NftElements {
  readonly #transactions: TransactionSocket;
  readonly #requests: RequestSocket;

  /** Throws `CodedError` with the errno's name. */
  constructor(netns?: string) {
    const at = netns === undefined ? {} : { netns };
    this.#transactions = new TransactionSocket(at);
    this.#requests = RequestSocket.open({ protocol: NETFILTER_PROTOCOL, ...at });
  }

  /** Performs the changes as one transaction, synchronously; refused: the kernel holds something else than was believed. */
  change(changes: readonly SplitChange[]): 'changed' | 'nothing-to-do' | 'refused' {
    const messages: Encode[] = [];
    for (const { maps, forget } of changes) {
      for (const set of forget) messages.push(encodeFlushSet({ table: AFFINITY_TABLE, set }));
      for (const { map, gone, come } of maps) {
        const at = { table: AFFINITY_TABLE, set: map };
        messages.push(...encodeDeleteRanges(at, gone), ...encodeAddRanges(at, come));
      }
    }
    if (messages.length === 0) return 'nothing-to-do';
    return this.#transactions.commit(messages) ? 'refused' : 'changed';
  }

  /** Reads every split map of our table; rejects with `CodedError` when the kernel does not let us. */
  async readSplits(): Promise<SplitsRead> {
    const sets = await this.#requests.dump(encodeDumpSets, decodeSetName);
    const splits = new Map<string, readonly SplitRange[] | undefined>();
    for (const { table, set } of sets)
      if (table === AFFINITY_TABLE && isSplitMap(set)) splits.set(set, await this.readSplit(set));
    return splits;
  }

  /** Ranges of one, ascending; undefined: it is gone, or its elements are not ours. */
  async readSplit(set: string): Promise<readonly SplitRange[] | undefined> {
    try {
      const edges = await this.#requests.dump(encodeDumpElements({ table: AFFINITY_TABLE, set }), decodeEdges);
      return joinEdges(edges.flat());
    } catch {
      return undefined;
    }
  }

  close(): void {
    this.#transactions.close();
    this.#requests.close();
  }
}
