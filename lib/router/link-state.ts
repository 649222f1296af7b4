// The link-state family: this router's own advertisement, and the flooding of everybody's. Which links it may name is
// link-facts.ts', what paths come of it is underlay.ts'.
import { MAX_CONTAINERS } from '../fib/replace-csid-walk.ts';
import type { PeerName, RouterId } from '../model/identity.ts';
import type { LinkAdvertisement, LocatorAdvertisement, NodeAdvertisement } from '../model/link-state.ts';
import { BEHAVIOUR } from '../segment/behaviours.ts';
import { announceSameSids } from '../segment/sid-book.ts';
import { isTooOld, noteAge, REFRESH_MS } from './ageing.ts';
import { noteClone, noteOwnId, noteTwoNames } from './duplicates.ts';
import { isUsable, linksSettled } from './link-facts.ts';
import { adjacencySid, announcedLocators, decapSids, endSid, endXSid } from './local-sids.ts';
import type { Link, Peer, RouterState } from './state.ts';
import { log, viewChanged } from './turn.ts';
import { scheduleSpf } from './underlay.ts';

export const REFRESH_TIMER = 'node-refresh';
export const CONTEST_TIMER = 'node-contest';
/** How long another router's advertisement stands under our router id before we outdo it. */
const CONTEST_MS = 10_000;
/** Advertisements of earlier lives that are outdone at once: peers bring old ones for a while after a start. */
const MAX_OUTDONE = 10;

/** Announces this router anew when what it would say differs from what it said. */
export function originate(state: RouterState): void {
  if (!linksSettled(state) || state.stopping) return;
  const { config } = state;
  const others = announcedLocators(state);
  const content = {
    originator: config.routerId,
    site: config.site,
    name: config.name,
    locators: [
      {
        prefix: config.srv6.locator,
        structure: config.srv6.structure,
        endSid: config.srv6.endSid,
        behaviour: BEHAVIOUR.end,
      },
      ...others.map((locator): LocatorAdvertisement => {
        const { sid, ...rest } = endSid(locator);
        return { prefix: locator.prefix, endSid: sid, ...rest };
      }),
    ],
    prefixes: config.prefixes,
    links: [...state.links.values()].filter((link) => isUsable(state, link)).map((link) => advertiseLink(state, link)),
    maxSidDepth: config.srv6.maxSidDepth,
    decapSids: decapSids(state),
    ...(others.some(({ family }) => family === 'replace-csid') && { maxSegmentsLeft: MAX_CONTAINERS }),
    ...(forwardsNothing(state) && { noTransit: true }),
  };
  const firstSequence = Math.max(state.wallOriginMs + state.startedAtMs, state.heardSequence);
  const { sequence: lastSequence = firstSequence, ...last } = state.ownNode ?? {};
  if (state.ownNode !== undefined && JSON.stringify(last) === JSON.stringify(content)) return;
  publish(state, { ...content, sequence: Math.floor(lastSequence) + 1 });
}

/** No kernel forwards for this router: others may lead paths to it, and not through it. */
function forwardsNothing({ capabilities }: RouterState): boolean {
  return capabilities.some(({ name, available }) => name === 'kernel' && !available);
}

/** Says good-bye: a node without links attracts nothing (IS-IS overload, in effect). */
export function retire(state: RouterState): void {
  if (state.ownNode !== undefined)
    publish(state, { ...state.ownNode, links: [], prefixes: [], sequence: state.ownNode.sequence + 1 });
}

/** The timer of the own node fired: it is said anew, so that nobody takes it for that of a router that is gone. */
export function refreshDue(state: RouterState): void {
  if (state.ownNode === undefined || state.stopping) return;
  publish(state, { ...state.ownNode, sequence: state.ownNode.sequence + 1 });
}

/** The timer fired: what another router said under our router id has stood for long enough. */
export function contestDue(state: RouterState): void {
  state.contested = false;
  refreshDue(state);
}

function publish(state: RouterState, node: NodeAdvertisement): void {
  state.ownNode = node;
  install(state, node, undefined);
  state.effects.push({ type: 'set-timer', timer: REFRESH_TIMER, atMs: state.atMs + REFRESH_MS, jitter: true });
}

/** Takes a node advertisement from a peer (or ourselves) and floods it on when it is news. */
export function install(state: RouterState, heard: NodeAdvertisement, from: PeerName | undefined): void {
  const { ageSeconds, ...ageless } = heard;
  const node: NodeAdvertisement = ageSeconds === undefined ? heard : ageless;
  if (from !== undefined && node.originator === state.config.routerId) {
    ownFromElsewhere(state, node);
    return;
  }
  if (isTooOld(heard)) return;
  noteTwoNames(state, node);
  const outcome = state.lsdb.install(node);
  if (outcome.outcome === 'refused') {
    // Equal and older ones are what a flood is made of; the rest is worth a line.
    if (outcome.reason !== 'equal' && outcome.reason !== 'older')
      log(state, 'warn', 'node advertisement refused', { originator: node.originator, reason: outcome.reason });
    return;
  }
  state.nodeReceivedAtMs.set(node.originator, state.atMs);
  noteAge(state, heard);
  broughtBy(state, node.originator, from ?? '');
  takeSids(state, node, outcome.previous);
  for (const [name, peer] of state.peers) {
    if (name !== from && !isTransit(state, from, peer)) tellNode(state, peer, node);
  }
  state.mtuChanged = true;
  if (outcome.reachabilityChanged) state.addressesChanged = true;
  state.flush.wanted = true;
  viewChanged(state, 'link-state');
  if (outcome.topologyChanged || outcome.reachabilityChanged) scheduleSpf(state);
}

/** The peer is to hear a router's advertisement, as far as it may. */
export function tellNode(state: RouterState, peer: Peer, node: NodeAdvertisement): void {
  if (isTold(state, peer, node)) peer.session?.out.nodeChanged(node.originator);
}

/**
 * Not what our site may not pass on: the peer would refuse it. Its own a router takes from anybody: that is how it learns
 * what an earlier life of it said.
 */
export function isTold(state: RouterState, peer: Peer, { originator, site }: NodeAdvertisement): boolean {
  return peer.remote?.routerId === originator || state.authorisation?.passesOn(site) !== false;
}

/** A site between two hubs floods neither's map to the other: they have it from each other, or are not meant to. */
function isTransit(state: RouterState, from: PeerName | undefined, to: Peer): boolean {
  const sender = from === undefined ? undefined : state.peers.get(from)?.session;
  return sender?.negotiated.relation === 'upstream' && to.session?.negotiated.relation === 'upstream';
}

function broughtBy(state: RouterState, router: RouterId, from: PeerName): void {
  const before = state.nodeFrom.get(router);
  if (before === from) return;
  if (before !== undefined) state.nodesFrom.set(before, (state.nodesFrom.get(before) ?? 1) - 1);
  state.nodesFrom.set(from, (state.nodesFrom.get(from) ?? 0) + 1);
  state.nodeFrom.set(router, from);
}

/** Judges the SIDs of a node that differ from what it announced before. */
function takeSids(state: RouterState, node: NodeAdvertisement, previous: NodeAdvertisement | undefined): void {
  if (previous !== undefined && announceSameSids(node, previous)) return;
  state.sids.forgetTable();
  for (const { sid, link, fault } of state.sids.of(node).refused)
    log(state, 'warn', 'announced sid refused', {
      routerId: node.originator,
      name: node.name,
      sid,
      link,
      reason: fault,
    });
}

/** A node advertisement with our router id that we did not send just now. */
function ownFromElsewhere(state: RouterState, node: NodeAdvertisement): void {
  const own = state.ownNode;
  // Nobody would take up our first words under a lower one: a clock that went back, or another router.
  if (own === undefined) state.heardSequence = Math.max(state.heardSequence, node.sequence);
  if (node.name !== state.config.name || node.site !== state.config.site) {
    // An older one may be left of a name that we had before. Two routers that outdo each other at once would flood for ever:
    // say it, and let the operator end it.
    if (own === undefined || node.sequence >= own.sequence) noteOwnId(state, node);
    contest(state, node);
    return;
  }
  // From an earlier life of ours (ISO 10589 7.3.16.1): outdo it. What we say now comes back too, around every circle of sessions:
  // to outdo that would be to flood for ever.
  if (own === undefined || node.sequence < own.sequence || (node.sequence === own.sequence && isAlike(node, own)))
    return;
  if (state.outdone >= MAX_OUTDONE) {
    noteClone(state, node);
    return contest(state, node);
  }
  // An earlier life says no more. What does is another daemon with our configuration, on a cloned machine for example.
  state.outdone++;
  if (state.outdone === MAX_OUTDONE)
    log(state, 'error', 'another router says what it is under our router id and name', { routerId: node.originator });
  publish(state, { ...own, sequence: node.sequence + 1 });
}

/**
 * Another router hides this one from the domain, also after it is gone: what it said under the higher sequence would stand for
 * an hour. So it is outdone, but only after a while: two that live take turns, slowly.
 */
function contest(state: RouterState, { sequence }: NodeAdvertisement): void {
  const own = state.ownNode;
  if (own === undefined || sequence < own.sequence) return;
  state.ownNode = { ...own, sequence };
  if (state.contested) return;
  state.contested = true;
  state.effects.push({ type: 'set-timer', timer: CONTEST_TIMER, atMs: state.atMs + CONTEST_MS, jitter: true });
}

/** What does not lose digits on the wire is the same. */
function isAlike(a: NodeAdvertisement, b: NodeAdvertisement): boolean {
  const shapeOf = ({ prefixes, locators, links }: NodeAdvertisement) =>
    JSON.stringify([prefixes, locators.map(({ prefix }) => prefix), links.map((it) => [it.name, it.neighbour])]);
  return shapeOf(a) === shapeOf(b);
}

function advertiseLink(state: RouterState, link: Link): LinkAdvertisement {
  const { config } = link;
  const adjacencySids = announcedLocators(state).flatMap((locator) => adjacencySid(state, locator, link) ?? []);
  return {
    name: config.name,
    neighbour: config.neighbour,
    localAddress: config.localAddress,
    remoteAddress: config.remoteAddress,
    delayMinUs: link.delayMinUs,
    delayAvgUs: link.delayAvgUs,
    delayVariationUs: link.delayVariationUs,
    loss: link.loss,
    bandwidthBps: config.bandwidthBps,
    adminGroups: config.adminGroups,
    srlg: config.srlg,
    ...(link.mtu !== undefined && { mtu: link.mtu }),
    endXSid: endXSid(state, link),
    ...(adjacencySids.length > 0 && { adjacencySids }),
  };
}
