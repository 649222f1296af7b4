// Rows of `show peers`, `show link-state` and `show paths`.

import type { RouterId } from '../../model/identity.ts';
import type { NodeAdvertisement } from '../../model/link-state.ts';
import type { FamilyCounts, LinkStateView, LinkView, LocatorView, PathView, PeerView } from '../../model/view.ts';
import { behaviourName } from '../../segment/behaviours.ts';
import type { SegmentPlan } from '../../segment/plan.ts';
import { nodeFault, peerFault } from '../duplicates.ts';
import { isTold } from '../link-state.ts';
import { flavoursOf } from '../locators.ts';
import { planAlong } from '../segment-lists.ts';
import type { Peer, RouterState } from '../state.ts';
import { wallMs } from '../turn.ts';
import { peerProtocol } from './peer-protocol.ts';
import { entryViews } from './segments.ts';

/** RFC 8570 4.4: one unit of loss is 0.000003 %. */
const LOSS_UNIT_PERCENT = 0.000003;

export function peerRows(state: RouterState): PeerView[] {
  const peers = [...state.peers.values()];
  const counts = countStates(state, peers);
  return peers.map((peer) => peerRow(state, peer, counts.get(peer)!));
}

interface StateCounts {
  received: number;
  advertised: number;
}

/** States by peer, in one walk over the rows whatever the number of peers. */
function countStates({ table }: RouterState, peers: readonly Peer[]): Map<Peer, StateCounts> {
  const counts = new Map(peers.map((peer) => [peer, { received: 0, advertised: 0 }]));
  const bySource = new Map(peers.map((peer) => [peer.source, counts.get(peer)!]));
  const told = peers.flatMap((peer) => {
    const out = peer.session?.out;
    return out?.families.has('compute') ? [{ out, count: counts.get(peer)! }] : [];
  });
  for (const row of table.rows()) {
    if (!table.states.has(row)) continue;
    const from = bySource.get(table.states.from(row));
    if (from !== undefined) from.received++;
    for (const { out, count } of told) if (out.advertised.has(row)) count.advertised++;
  }
  return counts;
}

function peerRow(state: RouterState, peer: Peer, states: StateCounts): PeerView {
  const { config, session } = peer;
  return {
    name: config.name,
    address: config.address,
    port: config.port,
    state: peer.fsm.name,
    sinceMs: wallMs(state, peer.sinceMs),
    passive: config.passive,
    remoteRouterId: peer.remote?.routerId ?? '',
    remoteSite: peer.remote?.site ?? '',
    remoteName: peer.remote?.name ?? '',
    families: session?.negotiated.families ?? [],
    holdTimeMs: session?.negotiated.holdTimeMs ?? config.holdTimeMs,
    received: received(state, peer, states.received),
    advertised: advertised(state, peer, states.advertised),
    messagesIn: peer.messagesIn,
    messagesOut: peer.messagesOut,
    flaps: peer.flaps,
    identity: session?.negotiated.identity?.join(' ') ?? '',
    refused: [...peer.refusals].map(([reason, rows]) => ({ reason, rows })),
    ...lastError(state, peer),
    fault: peerFault(state, peer),
    protocol: peerProtocol(state, peer),
  };
}

function received(state: RouterState, peer: Peer, compute: number): FamilyCounts {
  const linkState = peer.remote && state.lsdb.nodes.has(peer.remote.routerId) ? state.lsdb.nodes.size - 1 : 0;
  return { service: state.table.sources.count(peer.source), compute, linkState };
}

function advertised(state: RouterState, peer: Peer, compute: number): FamilyCounts {
  const out = peer.session?.out;
  if (out === undefined) return { service: 0, compute: 0, linkState: 0 };
  return {
    service: out.advertised.size,
    compute,
    linkState: out.families.has('link-state') ? toldNodes(state, peer) : 0,
  };
}

function toldNodes(state: RouterState, peer: Peer): number {
  let told = 0;
  for (const node of state.lsdb.nodes.values()) if (isTold(state, peer, node)) told++;
  return told;
}

export function linkStateRows(state: RouterState): LinkStateView[] {
  return [...state.lsdb.nodes.values()]
    .map((node) => ({
      originator: node.originator,
      name: node.name,
      site: node.site,
      self: node.originator === state.config.routerId,
      reachable: state.spf.has(node.originator),
      fault: nodeFault(state, node),
      sequence: node.sequence,
      receivedAtMs: wallMs(state, state.nodeReceivedAtMs.get(node.originator) ?? state.startedAtMs),
      locators: locatorViews(state, node),
      prefixes: node.prefixes,
      links: node.links.map(
        (link): LinkView => ({
          name: link.name,
          neighbour: link.neighbour,
          neighbourName: state.lsdb.nameOf(link.neighbour),
          localAddress: link.localAddress,
          remoteAddress: link.remoteAddress,
          delayMinUs: link.delayMinUs,
          delayAvgUs: link.delayAvgUs,
          delayVariationUs: link.delayVariationUs,
          lossPercent: link.loss * LOSS_UNIT_PERCENT,
          bandwidthBps: link.bandwidthBps,
          endXSid: link.endXSid,
          adjacencySids: (link.adjacencySids ?? []).map(({ sid, behaviour }) => ({
            sid,
            behaviour: behaviourName(behaviour),
          })),
          twoWay: isTwoWay(state, node.originator, link.neighbour),
        }),
      ),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function isTwoWay(state: RouterState, from: RouterId, to: RouterId): boolean {
  return state.lsdb.nodes.get(to)?.links.some((back) => back.neighbour === from) ?? false;
}

export function pathRows(state: RouterState): PathView[] {
  return [...state.lsdb.nodes.values()]
    .filter((node) => node.originator !== state.config.routerId)
    .map((node): PathView => {
      const spf = state.spf.get(node.originator);
      const plan = spf && planTo(state, spf.path, node);
      return {
        router: node.originator,
        name: node.name,
        site: node.site,
        reachable: spf !== undefined,
        delayUs: spf?.delayUs ?? 0,
        roundTripUs: spf === undefined ? 0 : spf.delayUs + spf.reverseDelayUs,
        path: pathNames(state, spf?.path ?? []),
        firstHops: spf?.firstHops ?? [],
        segments: plan?.segments ?? [],
        entries: entryViews(state, plan?.entries ?? []),
        overheadBytes: plan?.bytes ?? 0,
        plan: plan?.reason ?? 'no-path',
      };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The shortest list to one of the router's End SIDs that may be used here; the first of equals. */
function planTo(state: RouterState, path: readonly RouterId[], node: NodeAdvertisement): SegmentPlan | undefined {
  const flavours = flavoursOf(state.config);
  return state.sids
    .of(node)
    .ends.filter(({ packs }) => packs === 'none' || flavours.includes(packs))
    .map((end) => planAlong(state, path, end))
    .reduce<SegmentPlan | undefined>((best, plan) => (best && rank(best) <= rank(plan) ? best : plan), undefined);
}

function rank({ segments, bytes }: SegmentPlan): number {
  return segments.length === 0 ? Number.POSITIVE_INFINITY : bytes;
}

function locatorViews(state: RouterState, node: NodeAdvertisement): LocatorView[] {
  const { refused } = state.sids.of(node);
  return node.locators.map(({ prefix, endSid, behaviour, structure: it }) => ({
    prefix,
    endSid,
    behaviour: behaviourName(behaviour),
    structure: `${it.block}/${it.node}/${it.function}/${it.argument}`,
    fault: refused.find(({ sid, link }) => sid === endSid && link === '')?.fault ?? '',
  }));
}

export function pathNames(state: RouterState, path: readonly RouterId[]): string[] {
  return path.map((router) => state.lsdb.nameOf(router));
}

/** What ended or refused a session; of a peer that no session was ever had with, why it cannot be reached. */
function lastError(state: RouterState, peer: Peer): Pick<PeerView, 'lastError' | 'lastErrorAtMs'> {
  if (peer.lastError !== '') return { lastError: peer.lastError, lastErrorAtMs: wallMs(state, peer.lastErrorAtMs) };
  const failure = peer.dialFailure;
  return failure
    ? { lastError: failure.reason, lastErrorAtMs: wallMs(state, failure.atMs) }
    : { lastError: '', lastErrorAtMs: 0 };
}
