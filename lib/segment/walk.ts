// Walks a packet through a domain of model endpoints, hop by hop as FIBs and SIDs would take it, and tells which functions
// ran on which nodes. For tests of packing and for explanations; topology is only "every locator is reachable".
import { bytesToAddress } from '../net/address.ts';
import { isDecapsulating } from './behaviour-kind.ts';
import { processAtEndpoint } from './endpoint-model.ts';
import type { DropReason, InstalledSid, ModelPacket } from './endpoint-packet.ts';
import { sidPrefixBits } from './sid.ts';
import { PrefixTable } from './sid-table.ts';

export interface Domain {
  /** SIDs of each node. */
  readonly sids: ReadonlyMap<string, PrefixTable<InstalledSid>>;
  /** Which node each locator leads to. */
  readonly locators: PrefixTable<{ readonly node: string; readonly bits: number }>;
  /**
   * True: REPLACE-CSID is done in a hook that a packet passes once, when it comes in from another node, as with nftables;
   * a second SID of the node in a row, or one of the ingress itself, is not seen.
   */
  readonly onePass: boolean;
}

export interface Visit {
  readonly node: string;
  /** Address of the SID that matched. */
  readonly sid: string;
  /** As the packet arrived. */
  readonly destination: string;
  /** -1 without SRH. */
  readonly segmentsLeft: number;
}

export interface Walk {
  readonly visits: readonly Visit[];
  readonly outcome:
    | 'decapsulated'
    | 'delivered'
    | DropReason
    /** No locator leads on. */
    | 'no-route'
    /** The destination is in the node's locator but is none of its SIDs. */
    | 'no-sid'
    /** REPLACE-CSID that the node's hook did not see. */
    | 'not-in-hook';
}

export function makeDomain(installed: Iterable<InstalledSid>, options: { readonly onePass: boolean }): Domain {
  const sids = new Map<string, PrefixTable<InstalledSid>>();
  const locators = new PrefixTable<{ readonly node: string; readonly bits: number }>();
  for (const entry of installed) {
    const { sid, node } = entry;
    let own = sids.get(node);
    if (own === undefined) sids.set(node, (own = new PrefixTable()));
    own.set(sid.bytes, installedBits(entry), entry);
    const bits = sid.structure.block + sid.structure.node;
    // Without node bits a SID is known to its node alone.
    if (sid.structure.node > 0) locators.set(sid.bytes, bits, { node, bits });
  }
  return { sids, locators, onePass: options.onePass };
}

/** Walks until the packet leaves SRv6 or is dropped; the hop limit bounds the walk. */
export function walk(domain: Domain, ingress: string, sent: ModelPacket): Walk {
  const visits: Visit[] = [];
  let node = ingress;
  let packet = sent;
  let cameIn = false;
  for (;;) {
    const own = domain.sids.get(node)?.find(packet.destination);
    const remote = domain.locators.find(packet.destination, own === undefined ? -1 : installedBits(own));
    if (remote !== undefined && remote.node !== node) {
      node = remote.node;
      cameIn = true;
      continue;
    }
    if (own === undefined) return { visits, outcome: remote === undefined ? 'no-route' : 'no-sid' };
    const { kind } = own.sid;
    if (domain.onePass && !cameIn && kind?.flavour === 'replace' && !isDecapsulating(kind)) {
      return { visits, outcome: 'not-in-hook' };
    }
    visits.push({
      node,
      sid: own.sid.address,
      destination: bytesToAddress(packet.destination),
      segmentsLeft: packet.srh?.segmentsLeft ?? -1,
    });
    const verdict = processAtEndpoint(own, packet);
    if (verdict.kind === 'drop') return { visits, outcome: verdict.reason };
    if (verdict.kind !== 'forward') return { visits, outcome: verdict.kind };
    packet = verdict.packet;
    cameIn = verdict.by === 'adjacency';
    if (cameIn) node = own.neighbour ?? node;
  }
}

function installedBits({ sid, prefixBits }: InstalledSid): number {
  return prefixBits ?? sidPrefixBits(sid);
}
