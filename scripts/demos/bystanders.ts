// Other work on this machine: beside a compiler on every processor a link of the lab falls silent for half a second, which its
// routers take for its death. The demo waits for it a while, and says so if it had to begin beside it.
import { readFile } from 'node:fs/promises';
import type { DemoDocument } from './document.ts';
import { pause } from './poll.ts';

/** More than this share of the processors' time is too much. */
const BUSY_SHARE = 0.5;
const SAMPLE_MS = 500;
const PATIENCE_MS = 30_000;

export interface CalmOptions {
  readonly signal: AbortSignal;
  say(line: string): void;
  /** The text of /proc/stat. */
  readonly read?: () => Promise<string>;
  readonly sampleMs?: number;
  readonly patienceMs?: number;
}

/** Waits until the machine is calm, half a minute at most; the share of its processors' time that was in use at last, 0..1. */
export async function whenCalm({ signal, say, ...more }: CalmOptions): Promise<number> {
  const { read = () => readFile('/proc/stat', 'utf8'), sampleMs = SAMPLE_MS, patienceMs = PATIENCE_MS } = more;
  const deadline = performance.now() + patienceMs;
  let before = await read();
  for (let tries = 0; ; tries++) {
    await pause(sampleMs, signal);
    const now = await read();
    const share = busyShare(before, now);
    if (share <= BUSY_SHARE || performance.now() > deadline) return share;
    if (tries === 0)
      say(`other work has ${percent(share)} of the processors: waiting for it, ${patienceMs / 1000} s at most`);
    before = now;
  }
}

/** Of the processors' time between two readings of /proc/stat: what was neither idle nor waiting for a disk. */
export function busyShare(before: string, after: string): number {
  const [from, to] = [times(before), times(after)];
  const all = to.all - from.all;
  return all <= 0 ? 0 : (all - (to.idle - from.idle)) / all;
}

/** What is to be said of a run that began beside other work and did not hold all that it claims; empty: nothing. */
export function excuse({ othersShare, claims }: Pick<DemoDocument, 'othersShare' | 'claims'>): string {
  if (othersShare <= BUSY_SHARE || claims.every(({ held }) => held)) return '';
  return `other work had ${percent(othersShare)} of the processors when the lab began: what did not hold may be its doing`;
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}

/** proc_stat(5): user nice system idle iowait irq softirq steal; guests' times are part of user. */
function times(stat: string): { readonly all: number; readonly idle: number } {
  const fields = (/^cpu +(.*)$/m.exec(stat)?.[1] ?? '').split(' ').map(Number).slice(0, 8);
  return { all: fields.reduce((sum, it) => sum + it, 0), idle: (fields[3] ?? 0) + (fields[4] ?? 0) };
}
