// Phase 3: one total order over all candidates, best first. Each step is headed by the clause it implements; arrival
// order, age and the incumbent are no part of it, and the last step is an identifier that no two candidates share.
import { routerIdToNumber } from '../model/identity.ts';
import type { Candidate, EligibilityReason, RankedCandidate } from './decision.ts';

export interface Entry {
  readonly candidate: Candidate;
  readonly reason?: EligibilityReason;
  readonly usable: boolean;
  readonly cost?: NonNullable<RankedCandidate['cost']>;
}

type Compare = (a: Entry, b: Entry) => number;

export const STEPS: readonly (readonly [string, Compare])[] = [
  // Phase 1: what may carry flows comes before what may not (RFC 4271 9.1.2: unresolvable routes are excluded).
  ['eligibility', (a, b) => Number(b.usable) - Number(a.usable)],
  // Phase 2: lowest total cost; compute and network in one currency, so it stands for RFC 4271 9.1.2.2 (a) to (e).
  [
    'cost',
    (a, b) => compareNumbers(a.cost?.total ?? Number.POSITIVE_INFINITY, b.cost?.total ?? Number.POSITIVE_INFINITY),
  ],
  // The operator's choice, for classes in which it has no exchange rate: highest preference.
  ['preference', (a, b) => b.candidate.route.attributes.preference - a.candidate.route.attributes.preference],
  // Fewest routers on the path: the less there is to fail.
  ['path-length', (a, b) => pathLength(a) - pathLength(b)],
  // RFC 4271 9.1.2.2 (f): lowest BGP identifier, here the originator's router id.
  [
    'originator',
    (a, b) => routerIdToNumber(a.candidate.route.originator) - routerIdToNumber(b.candidate.route.originator),
  ],
  // RFC 4271 9.1.2.2 (g): lowest peer address, here the contact instance's.
  ['contact-instance', (a, b) => compareTexts(a.candidate.route.contactInstance, b.candidate.route.contactInstance)],
  ['key', (a, b) => compareTexts(a.candidate.key, b.candidate.key)],
];

export function compareEntries(a: Entry, b: Entry): number {
  for (const [, compare] of STEPS) {
    const order = compare(a, b);
    if (order !== 0) return order;
  }
  return 0;
}

/** Name of the first step in which two candidates differ. */
export function separatingStep(a: Entry, b: Entry): string {
  return STEPS.find(([, compare]) => compare(a, b) !== 0)?.[0] ?? 'key';
}

export function rank(entries: readonly Entry[]): Entry[] {
  return [...entries].sort(compareEntries);
}

function pathLength(entry: Entry): number {
  return entry.candidate.distance?.path.length ?? Number.MAX_SAFE_INTEGER;
}

function compareNumbers(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
