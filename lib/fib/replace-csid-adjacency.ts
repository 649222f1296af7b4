// Where packets of an End.X with REPLACE-CSID go: the endpoint marks them, a rule selects the adjacency's table by the
// mark, and that table knows one way only. Decides the shape; which mark, table and priority are free is the caller's.
import { type FibRoute, type FibRule, fibRoute, type ReplaceSid } from './fib.ts';

export interface ReplaceAdjacency {
  /** Canonical prefix of block and C-SID. */
  readonly prefix: string;
  readonly csidBits: 16 | 32;
  readonly mark: number;
  readonly markMask: number;
  readonly table: number;
  readonly priority: number;
  /** Neighbour's address, and the interface it is on. */
  readonly gateway: string;
  readonly device: string;
}

/**
 * The three objects of one End.X. The table must be the adjacency's alone. With the link down the table is empty and
 * the packet follows the main table: it still visits its remaining segments, by another way.
 */
export function replaceAdjacency(adjacency: ReplaceAdjacency): [FibRoute, FibRule, ReplaceSid] {
  const { prefix, csidBits, mark, markMask, table, priority, gateway, device } = adjacency;
  return [
    fibRoute('::/0', table, { kind: 'gateways', hops: [{ gateway, device, weight: 1 }] }),
    { kind: 'rule', family: 'ipv6', priority, fwmark: mark, mask: markMask, table },
    { kind: 'replace-csid', prefix, csidBits, mark },
  ];
}
