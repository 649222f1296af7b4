// What this ingress did while the reports were measured. Loads in a report are the answer to the weights of then, not
// of now; the difference is what predicts the effect of moves that no report shows yet.
import type { SplitMemory } from './decision.ts';
import { WEIGHT_SUM, type Weights } from './weights.ts';

type History = SplitMemory['history'];

const KEEP_MS = 30_000;
const KEEP_ENTRIES = 64;

/** Appends the weights that take effect at `atMs`; entries older than any report's window are dropped. */
export function remember(history: History, atMs: number, weights: Weights): History {
  const recent = history.filter((entry, index) => atMs - entry.atMs < KEEP_MS || index === history.length - 1);
  return [...recent, { atMs, weights }].slice(-KEEP_ENTRIES);
}

/** Mean share of `key` from `fromMs` to `toMs`; `before` stands for the time that the history does not reach. */
export function meanShare(history: History, key: string, fromMs: number, toMs: number, before: number): number {
  if (toMs <= fromMs) return shareAt(history, key, toMs, before);
  let sum = 0;
  let end = toMs;
  for (let index = history.length - 1; index >= 0 && end > fromMs; index--) {
    const entry = history[index]!;
    if (entry.atMs >= end) continue;
    const start = Math.max(entry.atMs, fromMs);
    sum += (end - start) * shareOf(entry.weights, key);
    end = start;
  }
  return (sum + (end - fromMs) * before) / (toMs - fromMs);
}

function shareAt(history: History, key: string, atMs: number, before: number): number {
  const entry = history.findLast((candidate) => candidate.atMs <= atMs);
  return entry === undefined ? before : shareOf(entry.weights, key);
}

function shareOf(weights: Weights, key: string): number {
  return (weights[key] ?? 0) / WEIGHT_SUM;
}
