// RFC 4271 6.8: of two connections with one peer, which survives. Both sides must come to the same answer whichever frame
// overtook which, so the answer depends only on what both can see.
import { type RouterId, routerIdToNumber } from '../model/identity.ts';
import type { Direction } from './peer-state.ts';

export interface Contender {
  readonly direction: Direction;
  readonly bootId: string;
}

/**
 * `existing` is in OpenConfirm or Established, OPEN has just arrived on `newcomer`. Deviates from RFC 4271: Established
 * does not win by itself, because the other side may still be in OpenConfirm there and would choose by identifier.
 */
export function survivor(
  existing: Contender,
  newcomer: Contender,
  localId: RouterId,
  remoteId: RouterId,
): 'existing' | 'newcomer' {
  // A new boot id: the process behind the existing connection is gone.
  if (existing.bootId !== newcomer.bootId) return 'newcomer';
  // Nobody dials twice while the first connection lives, so its dialler knows it to be dead.
  if (existing.direction === newcomer.direction) return 'newcomer';
  // Router ids differ here: an OPEN with our own id was refused before.
  const winning: Direction = routerIdToNumber(localId) > routerIdToNumber(remoteId) ? 'outbound' : 'inbound';
  return existing.direction === winning ? 'existing' : 'newcomer';
}
