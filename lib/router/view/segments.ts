// Packed segment lists as people read them: what each entry holds, by router and behaviour.
import type { SegmentEntryView } from '../../model/view.ts';
import { behaviourName } from '../../segment/behaviours.ts';
import type { PackedEntry } from '../../segment/packed-list.ts';
import type { RouterState } from '../state.ts';

export function entryViews(state: RouterState, entries: readonly PackedEntry[]): SegmentEntryView[] {
  return entries.map(({ segment, kind, holds }) => ({
    segment,
    kind,
    holds: holds.map((sid) => ({
      sid: sid.address,
      router: state.lsdb.nameOf(sid.node),
      behaviour: behaviourName(sid.behaviour),
    })),
  }));
}
