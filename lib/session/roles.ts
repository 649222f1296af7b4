// What two routers are to each other, by the roles they say in OPEN, and what that means for a route (RFC 9234 in spirit):
// a route that went down or sideways once never goes up or sideways again, so no site becomes transit between hubs.
import type { PeerRole, RouterId } from '../model/identity.ts';
import type { ServiceAttributes } from '../model/service-route.ts';

/** What the peer is to us; `none`: one side says no role, and no rule applies. */
export type Relation = 'upstream' | 'downstream' | 'lateral' | 'none';

const RANK: Readonly<Record<PeerRole, number>> = { observer: 0, site: 1, hub: 2, controller: 3 };

export function relationTo(local: PeerRole | undefined, remote: PeerRole | undefined): Relation {
  if (local === undefined || remote === undefined) return 'none';
  if (RANK[remote] === RANK[local]) return 'lateral';
  return RANK[remote] > RANK[local] ? 'upstream' : 'downstream';
}

/** RFC 9234 4.2: why these two cannot be peers; '': they can. `expected` is what the configuration says of the peer. */
export function roleFault(
  local: PeerRole | undefined,
  remote: PeerRole | undefined,
  expected: PeerRole | undefined,
): string {
  if (expected !== undefined && remote !== expected) return `role is ${remote ?? 'not said'}, expected ${expected}`;
  if (local === 'observer' && remote === 'observer') return 'both are observers: neither would say anything';
  return '';
}

/** The mark under which a received route is kept; `leak`: it came the wrong way and is treated as withdrawn (RFC 9234 5). */
export function markReceived(
  relation: Relation,
  mark: ServiceAttributes['onlyToDownstream'],
  sender: RouterId,
): ServiceAttributes['onlyToDownstream'] | 'leak' {
  switch (relation) {
    case 'none':
      return mark;
    case 'downstream':
      return mark === '' ? mark : 'leak';
    case 'lateral':
      return mark === '' || mark === sender ? sender : 'leak';
    case 'upstream':
      return mark === '' ? sender : mark;
    default:
      return relation satisfies never;
  }
}

/** The mark with which a route is sent; `withheld`: it must not go there. */
export function markSent(
  relation: Relation,
  mark: ServiceAttributes['onlyToDownstream'],
  self: RouterId,
): ServiceAttributes['onlyToDownstream'] | 'withheld' {
  switch (relation) {
    case 'none':
      return mark;
    case 'downstream':
      return mark === '' ? self : mark;
    case 'lateral':
      return mark === '' ? self : 'withheld';
    case 'upstream':
      return mark === '' ? mark : 'withheld';
    default:
      return relation satisfies never;
  }
}
