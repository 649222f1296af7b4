// Rows of `show fib`: what is wanted, in the words of iproute2, and whether it is in force.
import { type FibObject, fibKey } from '../../fib/fib.ts';

import type { FibView } from '../../model/view.ts';
import { wanted } from '../fib-plan.ts';
import type { RouterState } from '../state.ts';
import { fibText } from './fib-text.ts';

export function fibRows(state: RouterState): FibView[] {
  return wanted(state).map((object) => fibRow(state, object));
}

function fibRow(state: RouterState, object: FibObject): FibView {
  const key = fibKey(object);
  const failure = state.fib.failed.get(key);
  const pending = state.fib.phase !== 'synced' || state.fib.put.has(key);
  return {
    key,
    kind: object.kind,
    object: fibText(object),
    state: failure ? 'failed' : pending ? 'pending' : 'in-force',
    error: failure ? `${failure.code}: ${failure.text}` : '',
  };
}
