// Lists of objects by kind, as they are sent.
import type { NetlinkError } from '../../lib/netlink/errors.ts';
import type { NetlinkObject } from './kernel-codec.ts';

/** Objects of one kind, and what the kernel said. */
export interface Sent<T extends NetlinkObject = NetlinkObject> {
  readonly objects: readonly T[];
  /** What each replaced; empty where they are new. */
  readonly olds: readonly (T | undefined)[];
  readonly outcomes: readonly (NetlinkError | null)[];
  /** What later puts of the same piece replaced; a refused one of `objects` among them was never in the kernel. */
  readonly since: (T | undefined)[];
}

/** A piece of a large change: no order to find in it. */
export function areAlike(objects: readonly NetlinkObject[]): boolean {
  const kind = objects[0]?.kind;
  for (const object of objects) if (object.kind !== kind) return false;
  return true;
}

/** Neighbours of one kind together. */
export function byKind(ordered: readonly NetlinkObject[]): NetlinkObject[][] {
  const groups: NetlinkObject[][] = [];
  for (const object of ordered) {
    const last = groups.at(-1);
    if (last?.[0]?.kind === object.kind) last.push(object);
    else groups.push([object]);
  }
  return groups;
}
