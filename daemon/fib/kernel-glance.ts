// A look at one object of a change that has just been made: cheap enough to be done after many of them, and proof of what the
// kernel's acknowledgement only says. All objects are kernel-scan.ts's part.
import { sameObject } from '../../lib/fib/equality.ts';
import { type FibDelta, fibKey, type ReadBack } from '../../lib/fib/fib.ts';
import type { FibObjectSet } from '../../lib/fib/object-set.ts';
import type { RequestSocket } from '../netlink/request-socket.ts';
import { type ReadContext, readNexthop } from './kernel-readback.ts';
import type { NftHalf } from './nft-half.ts';

export interface GlanceOptions {
  readonly requests: RequestSocket;
  readonly context: ReadContext;
  readonly held: FibObjectSet;
  readonly nft: NftHalf;
}

export async function glance(
  { put }: FibDelta,
  { requests, context, held, nft }: GlanceOptions,
): Promise<ReadBack | undefined> {
  for (const object of put) {
    const key = fibKey(object);
    if (object.kind === 'nexthop' || object.kind === 'group') {
      const [seen, meant] = [readNexthop(requests, context, object.id), held.get(key)];
      if (meant) return { key, isAsHeld: seen !== undefined && sameObject(seen, meant) };
    }
    if (object.kind === 'affinity') {
      const isAsHeld = await nft.affinity.spreadsAsHeld(object.service);
      if (isAsHeld !== undefined) return { key, isAsHeld };
    }
  }
  return undefined;
}
