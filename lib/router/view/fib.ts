// Rows of `show fib`: what is wanted, in the words of iproute2, and whether it is in force.
import { type FibDrift, type FibKey, type FibObject, fibKey, type SidCounters } from '../../fib/fib.ts';

import type { FibInKernelView, FibView, SidView } from '../../model/view.ts';
import { wanted } from '../fib-plan.ts';
import type { RouterState } from '../state.ts';
import { fibText, sidText } from './fib-text.ts';

export function fibRows(state: RouterState): FibView[] {
  const unanswered = new Set([...state.fib.inFlight.values()].flat());
  return wanted(state).map((object) => fibRow(state, object, unanswered));
}

function fibRow(state: RouterState, object: FibObject, unanswered: ReadonlySet<FibKey>): FibView {
  const key = fibKey(object);
  const failure = state.fib.failed.get(key);
  const pending = state.fib.phase !== 'synced' || state.fib.put.has(key) || unanswered.has(key);
  return {
    key,
    kind: object.kind,
    object: fibText(object),
    state: failure ? 'failed' : pending ? 'pending' : 'in-force',
    error: failure ? `${failure.code}: ${failure.text}` : '',
  };
}

/** What is wanted beside what the kernel was found to hold; what is there and not wanted comes last. */
export function fibInKernelRows(state: RouterState, drift: readonly FibDrift[]): FibInKernelView[] {
  const found = new Map(drift.map(({ key, what }) => [key, what]));
  const rows = wanted(state).map((object): FibInKernelView => {
    const key = fibKey(object);
    const what = found.get(key);
    found.delete(key);
    // What could not be programmed is not held, so no scan misses it.
    const kernel = state.fib.failed.has(key)
      ? 'missing'
      : what === 'missing' || what === 'different'
        ? what
        : 'in-force';
    return { key, kind: object.kind, object: fibText(object), kernel };
  });
  const others = [...found].map(([key]) => ({ key, kind: key.split(' ')[0]!, object: '', kernel: 'unwanted' }));
  return [...rows, ...others];
}

export function sidRows(state: RouterState, counters: readonly SidCounters[]): SidView[] {
  const byPrefix = new Map(counters.map((it) => [it.prefix, it]));
  return wanted(state).flatMap((object): SidView[] => {
    if (object.kind !== 'local-sid' && object.kind !== 'replace-csid') return [];
    const { packets = 0, bytes = 0, errors = 0 } = byPrefix.get(object.prefix) ?? {};
    return [{ prefix: object.prefix, behaviour: sidText(object), packets, bytes, errors }];
  });
}
