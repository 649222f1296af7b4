// Changes and reads the elements of our shares by netlink: 40 us for what takes the nft program, which reads our
// text and the kernel's sets first, a millisecond. Knows neither services nor weights.
import { AFFINITY_TABLE, isShareSet } from '../../lib/fib/affinity-names.ts';
import type { SharesRead } from '../../lib/fib/affinity-readback.ts';
import type { SplitChange } from '../../lib/fib/affinity-split.ts';
import type { NumberRange } from '../../lib/fib/affinity-weights.ts';
import {
  decodeEdges,
  encodeAddRange,
  encodeDeleteRange,
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
    for (const { shares, forget } of changes) {
      for (const set of forget) messages.push(encodeFlushSet({ table: AFFINITY_TABLE, set }));
      for (const { set, gone } of shares)
        if (gone) messages.push(encodeDeleteRange({ table: AFFINITY_TABLE, set }, gone));
      for (const { set, come } of shares) if (come) messages.push(encodeAddRange({ table: AFFINITY_TABLE, set }, come));
    }
    if (messages.length === 0) return 'nothing-to-do';
    return this.#transactions.commit(messages) ? 'refused' : 'changed';
  }

  /** Reads every share of our table; rejects with `CodedError` when the kernel does not let us. */
  async readShares(): Promise<SharesRead> {
    const sets = await this.#requests.dump(encodeDumpSets, decodeSetName);
    const shares = new Map<string, readonly NumberRange[] | undefined>();
    for (const { table, set } of sets)
      if (table === AFFINITY_TABLE && isShareSet(set)) shares.set(set, await this.readShare(set));
    return shares;
  }

  /** Numbers of one, ascending; undefined: it is gone, or its elements are not ours. */
  async readShare(set: string): Promise<readonly NumberRange[] | undefined> {
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
