// How large packets to and from services may be where they are encapsulated: what the tightest link of the domain carries,
// less what the longest segment list in force adds. Where clients cannot send more anyway, nothing is wanted.
//
// TCP flows keep the segment size that they began with, so the room that is left is a little more than the lists of now
// need: a detour of three more SIDs finds it already there.
//
// Limit: what an egress has to say to a host about its replies goes to the service's address, by the routes that are there.
import { type FibObject, fibRoute, type ServiceMtu } from '../fib/fib.ts';
import { addressFamily } from '../net/address.ts';
import { encapsulationBytes } from '../segment/packed-list.ts';
import { want } from './fib-plan.ts';
import type { RouterState } from './state.ts';
import { log } from './turn.ts';

/** What is assumed of links and clients that say nothing. */
const ETHERNET_MTU = 1500;
/** RFC 8200 5. */
const MIN_MTU = 1280;
const SPARE_SEGMENTS = 3;
const OWNER = 'service-mtu';

/** Wants tables and clamp anew when lists or links changed since the last time. */
export function planServiceMtu(state: RouterState): void {
  const { config, fib } = state;
  if (config.mtu === undefined || !config.roles.includes('forwarder')) return;
  if (!state.mtuChanged && !listsChange(fib)) return;
  state.mtuChanged = false;
  const lists = [...listsInForce(state)];
  const longest = lists.reduce((most, { segments }) => Math.max(most, segments.length), 0);
  const core = config.mtu === 'auto' ? coreMtu(state) : config.mtu;
  const room = core - (config.srv6.hmac ? signedBytes : encapsulationBytes)(longest + SPARE_SEGMENTS);
  const isTight = longest > 0 && room < (state.accessMtu ?? ETHERNET_MTU);
  if (isTight && room < MIN_MTU && !fib.owners.has(OWNER))
    log(state, 'warn', 'links are too small for encapsulation: packets of more than 1280 bytes may be lost', { core });
  want(state, OWNER, isTight ? objects(state, lists, Math.max(MIN_MTU, room)) : [], fib.cause);
}

/** Slot 0 is nobody's, nor is the mark of all ones (slots.ts). */
function objects(state: RouterState, lists: readonly List[], mtu: number): FibObject[] {
  const { tableBase: table, rulePriority: priority, markMask: mark } = state.config.fib;
  const services = [...new Set([...state.classes.keys(), ...state.config.instances.map(({ service }) => service)])];
  if (services.length === 0) return [];
  const prefixes = new Set([...state.classes.keys()].map(hostPrefix));
  for (const { prefix } of lists) if (prefix !== undefined) prefixes.add(prefix);
  const families = new Set([...prefixes].map((prefix) => addressFamily(prefix.slice(0, prefix.indexOf('/')))));
  const guard: ServiceMtu = { kind: 'mtu', services, mtu, mark };
  return [
    ...[...prefixes].map((prefix): FibObject => fibRoute(prefix, table, { kind: 'too-big', mtu })),
    ...[...families].map((family): FibObject => ({ kind: 'rule', family, priority, fwmark: mark, mask: mark, table })),
    guard,
  ];
}

function hostPrefix(service: string): string {
  return `${service}/${addressFamily(service) === 'ipv6' ? 128 : 32}`;
}

/** Of all links of the domain that say; those of a router that no path leads to carry nothing of ours. */
export function coreMtu(state: RouterState): number {
  let smallest = Number.POSITIVE_INFINITY;
  for (const { mtu, kernelUp } of state.links.values())
    if (kernelUp && mtu !== undefined) smallest = Math.min(smallest, mtu);
  for (const router of state.spf.keys())
    for (const { mtu } of state.lsdb.nodes.get(router)?.links ?? [])
      if (mtu !== undefined) smallest = Math.min(smallest, mtu);
  return Number.isFinite(smallest) ? smallest : ETHERNET_MTU;
}

/** Outer header, whole SRH and HMAC TLV (RFC 8754 2.1.2). */
function signedBytes(segments: number): number {
  return 40 + 8 + 16 * segments + 40;
}

interface List {
  readonly segments: readonly string[];
  /** What is sent by it, where the list is a route's own. */
  readonly prefix?: string;
}

function* listsInForce(state: RouterState): Generator<List> {
  for (const [owner, objects] of state.fib.owners) {
    if (owner === OWNER) continue;
    for (const object of objects.values()) {
      if (object.kind === 'nexthop') yield { segments: object.segments };
      else if (object.kind === 'route' && object.target.kind === 'encap')
        yield { segments: object.target.segments, prefix: object.prefix };
    }
  }
}

/** Lists come in nexthops, and in routes of their own; a service that moves from one nexthop to another changes none. */
function listsChange({ put, remove }: RouterState['fib']): boolean {
  for (const object of put.values())
    if (object.kind === 'nexthop' || (object.kind === 'route' && object.target.kind === 'encap')) return true;
  for (const { kind } of remove.values()) if (kind === 'nexthop' || kind === 'route') return true;
  return false;
}
