// What peers may hear of a route (Adj-RIB-Out policy), judged once for all peers of a group: those that negotiated the same
// and share policy and subscription. What depends on the peer itself, that nobody hears his own words, is decided where
// UPDATEs are made (lib/rib/update-batch.ts). More policy joins here: what it depends on becomes part of the group's key.
import type { SiteId } from '../model/identity.ts';
import { COMMUNITY, MAX_LIST, type ServiceAttributes } from '../model/service-route.ts';
import type { Policy } from '../policy/policy.ts';
import { LOCAL_SOURCE } from '../rib/route-table.ts';
import type { Subscription } from '../session/message.ts';
import type { Negotiated } from '../session/peer-contract.ts';
import { markSent, type Relation } from '../session/roles.ts';
import { SubscriptionFilter } from '../session/subscription.ts';
import { type Pace, startPace } from './pacing.ts';
import type { Peer, RouterState } from './state.ts';

export interface ExportGroup {
  /** '': of many sites, which check for themselves that they do not hear what crossed them. */
  readonly remoteSite: SiteId | '';
  /** The peers are inside our site, and we are no reflector. */
  readonly internal: boolean;
  /** We pass on what others say without putting our site in front (RFC 4456, RFC 7947). */
  readonly reflects: boolean;
  readonly relation: Relation;
  /** They know what long-lived stale means (RFC 9494). */
  readonly longLived: boolean;
  readonly policy: Policy | undefined;
  /** For rules that look at the peer: its name; groups of several peers have policies that do not. */
  readonly peer: string;
  readonly filter: SubscriptionFilter | undefined;
  /** Until when the news of each family wait (pacing.ts). */
  readonly pace: Pace;
  /** Verdict on each attribute set by its number, right while the table's set is still `of`. */
  readonly verdicts: ({ readonly of: ServiceAttributes; readonly out: ServiceAttributes | undefined } | undefined)[];
}

/** The group of a peer by what its session negotiated and what is configured for it. */
export function exportGroup(
  state: RouterState,
  peer: Peer,
  { remote, relation }: Negotiated,
  subscription: Subscription | undefined,
): ExportGroup {
  const { config } = state;
  const reflects = config.peerRole === 'hub';
  const policy = state.policies.get(peer.exportPolicy);
  const name = policy?.looksAtPeer ? peer.config.name : '';
  // A hub has a thousand sites and one thing to say to all of them.
  const remoteSite = reflects && relation === 'downstream' ? '' : remote.site;
  const longLived = remote.longLived !== undefined;
  const { pacing } = peer.config;
  const key = JSON.stringify([remoteSite, relation, longLived, peer.exportPolicy, name, subscription, pacing]);
  const known = state.exportGroups.get(key);
  if (known !== undefined) return known;
  const made: ExportGroup = {
    remoteSite,
    internal: remote.site === config.site && !reflects,
    reflects,
    relation,
    longLived,
    policy,
    peer: name,
    filter: subscription && new SubscriptionFilter(subscription),
    pace: startPace(pacing),
    verdicts: [],
  };
  forgetUnused(state);
  state.exportGroups.set(key, made);
  return made;
}

/** Peers change their subscriptions as often as they like: what nobody is in any more goes when there are too many. */
function forgetUnused({ exportGroups, peers }: RouterState): void {
  if (exportGroups.size <= peers.size) return;
  const used = new Set([...peers.values()].map(({ session }) => session?.group));
  for (const [key, group] of exportGroups) if (!used.has(group)) exportGroups.delete(key);
}

/** What the group may hear of a row in use. */
export function exported(state: RouterState, group: ExportGroup, row: number): ServiceAttributes | undefined {
  const { table } = state;
  const source = group.internal || group.reflects ? table.bestSource(row) : LOCAL_SOURCE;
  // RFC 4271 9.2: what came from inside the site is not sent back inside.
  if (group.internal && source !== LOCAL_SOURCE && state.sourceSites[source] === state.config.site) return undefined;
  const set = table.bestSet(row);
  const attributes = table.sets.get(set);
  const looksAtService = group.filter !== undefined || group.policy?.looksAtService === true;
  if (!looksAtService) return remembered(state, group, set, attributes, source);
  const service = table.services.text(table.service(row));
  if (group.filter?.wants(service, attributes) === false) return undefined;
  const out = group.policy?.looksAtService
    ? judge(state, group, attributes, source)
    : remembered(state, group, set, attributes, source);
  return out && group.policy?.looksAtService ? byPolicy(group, service, out) : out;
}

function remembered(
  state: RouterState,
  group: ExportGroup,
  set: number,
  attributes: ServiceAttributes,
  source: number,
): ServiceAttributes | undefined {
  const known = group.verdicts[set];
  if (known?.of === attributes) return known.out;
  const judged = judge(state, group, attributes, source);
  const out = judged && !group.policy?.looksAtService ? byPolicy(group, '', judged) : judged;
  group.verdicts[set] = { of: attributes, out };
  return out;
}

function byPolicy(group: ExportGroup, service: string, attributes: ServiceAttributes): ServiceAttributes | undefined {
  if (group.policy === undefined) return attributes;
  const outcome = group.policy.apply({ service, attributes, peer: group.peer });
  return outcome.accepted ? outcome.attributes : undefined;
}

/** What depends on the attributes alone. A set that is our own and one that is not never are the same: their SIDs differ. */
function judge(
  state: RouterState,
  group: ExportGroup,
  attributes: ServiceAttributes,
  source: number,
): ServiceAttributes | undefined {
  if (group.remoteSite !== '' && attributes.sitePath.includes(group.remoteSite)) return undefined;
  // RFC 9494 4.3: only to peers that know what it means.
  if (!group.longLived && attributes.communities.includes(COMMUNITY.llgrStale)) return undefined;
  if (state.authorisation?.passesOn(attributes.site) === false) return undefined;
  const { routerId } = state.config;
  const mark = markSent(group.relation, attributes.onlyToDownstream, routerId);
  if (mark === 'withheld') return undefined;
  if (group.internal) return attributes;
  const reflected = group.reflects && source !== LOCAL_SOURCE;
  // What has crossed as many sites or hubs as a set can name goes no further.
  if ((reflected ? attributes.clusterList : attributes.sitePath).length >= MAX_LIST) return undefined;
  return onward(state, attributes, mark, reflected);
}

/** As it goes on: one object per attribute set and way, so that an UPDATE carries each set once. */
function onward(
  state: RouterState,
  attributes: ServiceAttributes,
  mark: ServiceAttributes['onlyToDownstream'],
  reflected: boolean,
): ServiceAttributes {
  const key = `${mark} ${reflected}`;
  let ways = state.onward.get(attributes);
  if (ways === undefined) state.onward.set(attributes, (ways = new Map()));
  const known = ways.get(key);
  if (known !== undefined) return known;
  const { site, routerId } = state.config;
  const made: ServiceAttributes = {
    ...attributes,
    onlyToDownstream: mark,
    ...(reflected
      ? { clusterList: [routerId, ...attributes.clusterList] }
      : { sitePath: [site, ...attributes.sitePath] }),
  };
  ways.set(key, made);
  return made;
}
