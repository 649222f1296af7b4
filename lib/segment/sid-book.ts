// The SIDs that routers announce, parsed once and judged: what is unfit is left out and said why. Which of a router's SIDs
// go into a list is decided by packing.
import type { RouterId } from '../model/identity.ts';
import type { LinkAdvertisement, NodeAdvertisement, SidAdvertisement } from '../model/link-state.ts';
import { parsePrefix, prefixContains } from '../net/address.ts';
import { type Action, behaviourKind } from './behaviour-kind.ts';
import { makeSid, type Sid, type SidFault } from './sid.ts';
import { type PrefixTable, sidTable } from './sid-table.ts';

export type AnnouncedFault =
  | SidFault
  /** Another behaviour than the place it stands in is for. */
  | 'wrong-behaviour'
  | 'outside-locator';

export interface RefusedSid {
  readonly sid: string;
  /** Link of an End.X SID; empty: an End SID. */
  readonly link: string;
  readonly fault: AnnouncedFault;
}

export interface NodeSids {
  /** End SIDs in any flavour. */
  readonly ends: readonly Sid[];
  /** End.X SIDs by the name of their link. */
  readonly adjacencies: ReadonlyMap<string, readonly Sid[]>;
  readonly refused: readonly RefusedSid[];
}

export class SidBook {
  readonly #parsed = new WeakMap<NodeAdvertisement, NodeSids>();
  #table: PrefixTable<Sid> | undefined;

  of(node: NodeAdvertisement): NodeSids {
    let sids = this.#parsed.get(node);
    if (sids === undefined) this.#parsed.set(node, (sids = readNodeSids(node)));
    return sids;
  }

  /** Every SID of a block in which somebody shifts containers: what `compress` wants as `installed`. */
  table(nodes: ReadonlyMap<RouterId, NodeAdvertisement>): PrefixTable<Sid> {
    if (this.#table !== undefined) return this.#table;
    const all = [...nodes.values()].flatMap((node) => {
      const { ends, adjacencies } = this.of(node);
      return [...ends, ...[...adjacencies.values()].flat()];
    });
    const shifting = new Set(all.filter((sid) => sid.packs === 'next').map((sid) => sid.block));
    this.#table = sidTable(all.filter((sid) => shifting.has(sid.block)));
    return this.#table;
  }

  /** To be called when the SIDs of a router changed, or a router came or went. */
  forgetTable(): void {
    this.#table = undefined;
  }
}

/** True when two advertisements of a router announce the same SIDs. */
export function announceSameSids(a: NodeAdvertisement, b: NodeAdvertisement): boolean {
  return sidText(a) === sidText(b);
}

function readNodeSids(node: NodeAdvertisement): NodeSids {
  const refused: RefusedSid[] = [];
  const judge = (announced: SidAdvertisement, action: Action, link: string, within: string | undefined): Sid[] => {
    const sid = makeSid(announced.sid, announced.structure, announced.behaviour, node.originator);
    const fault = faultOf(sid, action, within);
    if (fault === '') return [sid];
    refused.push({ sid: sid.address, link, fault });
    return [];
  };
  const ends = node.locators.flatMap(({ endSid: sid, prefix, ...rest }) => judge({ sid, ...rest }, 'End', '', prefix));
  const adjacencies = new Map(
    node.links.map((link) => [
      link.name,
      announcedBy(node, link).flatMap((announced) => judge(announced, 'End.X', link.name, undefined)),
    ]),
  );
  return { ends, adjacencies, refused };
}

function announcedBy(node: NodeAdvertisement, link: LinkAdvertisement): readonly SidAdvertisement[] {
  const structure = node.locators[0]?.structure;
  const plain = link.endXSid !== '' && structure ? [{ sid: link.endXSid, structure, behaviour: PLAIN_END_X }] : [];
  return [...plain, ...(link.adjacencySids ?? [])];
}

/** `end_x_sid` of session.proto has no behaviour of its own. */
const PLAIN_END_X = 5;

function faultOf(sid: Sid, action: Action, within: string | undefined): AnnouncedFault | '' {
  if (sid.unfit !== '') return sid.unfit;
  if (behaviourKind(sid.behaviour)?.action !== action) return 'wrong-behaviour';
  return within === undefined || prefixContains(parsePrefix(within), sid.address) ? '' : 'outside-locator';
}

function sidText({ locators, links }: NodeAdvertisement): string {
  return JSON.stringify([locators, links.map(({ name, endXSid, adjacencySids }) => [name, endXSid, adjacencySids])]);
}
