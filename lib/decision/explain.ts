// Renders a decision for people; decides nothing.
import type { Decision } from './decision.ts';

/** Aligned lines without a trailing line feed. */
export function explain(_decision: Decision): string[] {
  throw new Error('lib/decision is being written');
}
