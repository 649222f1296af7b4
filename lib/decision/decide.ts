// The decision in its phases (DESIGN section 5).
import type { Decision, DecisionInput } from './decision.ts';

/** Decides where new flows of one service go. Total: every input has an outcome; pure: the same input, the same outcome. */
export function decide(_input: DecisionInput): Decision {
  throw new Error('lib/decision is being written');
}
