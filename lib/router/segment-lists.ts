// Segment lists of this router and of others as seen from here: joins link state, configuration and egress SID into the
// planner's input, and keeps what came of it as long as the path is the same. Choosing paths is not its business.
import type { RouterId } from '../model/identity.ts';
import type { LinkAdvertisement } from '../model/link-state.ts';
import type { ServiceAttributes } from '../model/service-route.ts';
import { planSegments, type SegmentPlan } from '../segment/plan.ts';
import { makeSid, type Sid } from '../segment/sid.ts';
import { flavoursOf } from './locators.ts';
import type { RouterState } from './state.ts';
import { log } from './turn.ts';

/** What a service route says of its egress SID. */
export type EgressAttributes = Pick<ServiceAttributes, 'egressSid' | 'sidStructure' | 'behaviour'>;

/** The SID of a contact instance behind `router`; its structure decides what it can be packed with. */
export function egressOf({ egressSid, sidStructure, behaviour }: EgressAttributes, router: RouterId): Sid {
  return makeSid(egressSid, sidStructure, behaviour, router);
}

/** The plan of the list along a path of the last shortest-path run, own or another router's first. */
export function planFor(state: RouterState, path: readonly RouterId[], attributes: EgressAttributes): SegmentPlan {
  const { egressSid, sidStructure: it, behaviour } = attributes;
  const key = `${egressSid} ${behaviour} ${it.block}/${it.node}/${it.function}/${it.argument}`;
  let plans = state.plans.get(path);
  if (plans === undefined) state.plans.set(path, (plans = new Map()));
  let plan = plans.get(key);
  if (plan === undefined) {
    plan = planAlong(state, path, egressOf(attributes, path.at(-1) ?? ''));
    plans.set(key, plan);
  }
  return plan;
}

/** Plans anew; `path` is empty where there is none. */
export function planAlong(state: RouterState, path: readonly RouterId[], egress: Sid): SegmentPlan {
  const { config, lsdb, sids } = state;
  const [ingress = config.routerId] = path;
  const own = ingress === config.routerId;
  return planSegments({
    path,
    ...linksOf(state, path),
    nodes: lsdb.nodes,
    sids,
    egress,
    maxSidDepth: own ? config.srv6.maxSidDepth : (lsdb.nodes.get(ingress)?.maxSidDepth ?? config.srv6.maxSidDepth),
    flavours: flavoursOf(config),
  });
}

/** Links that a list along the path must name, where there may be any. */
function linksOf(state: RouterState, path: readonly RouterId[]): { links?: readonly (string | undefined)[] } {
  const links = state.explicit.links.get(path);
  if (links) return { links };
  return state.config.fib.underlay ? {} : { links: pinnedLinks(state, path) };
}

/**
 * Links that a list must name, by hop. Our own underlay takes the fastest of parallel links, as the path was costed;
 * another IGP may take any of them, so there a hop over links of different delay is pinned by End.X of the fastest.
 */
export function pinnedLinks(state: RouterState, path: readonly RouterId[]): (string | undefined)[] {
  return path.slice(0, -1).map((from, hop) => {
    const to = path[hop + 1]!;
    const [fastest, ...others] = linksFromTo(state, from, to);
    return others.some((link) => link.delayMinUs > fastest!.delayMinUs) ? fastest!.name : undefined;
  });
}

/** Links that both ends announce, the fastest first. */
export function linksFromTo(state: RouterState, from: RouterId, to: RouterId): LinkAdvertisement[] {
  const back = new Set(linksBetween(state, to, from).map((link) => link.localAddress));
  return linksBetween(state, from, to)
    .filter((link) => back.has(link.remoteAddress))
    .sort((a, b) => a.delayMinUs - b.delayMinUs || (a.name < b.name ? -1 : 1));
}

function linksBetween({ lsdb }: RouterState, from: RouterId, to: RouterId): LinkAdvertisement[] {
  return lsdb.nodes.get(from)?.links.filter((link) => link.neighbour === to) ?? [];
}

/** The list toward an egress SID along `path`; undefined, and said, when there is none that the headend can impose. */
export function segmentsTo(
  state: RouterState,
  path: readonly RouterId[],
  attributes: EgressAttributes,
): readonly string[] | undefined {
  const plan = planFor(state, path, attributes);
  if (plan.segments.length > 0) return plan.segments;
  log(state, 'warn', 'no segment list', { egressSid: attributes.egressSid, reason: plan.reason });
  return undefined;
}
