// Collects what a decoder had to drop: one line per field and reason with a count, so that a hostile frame of 16,384
// bad rows costs the log one line and not 16,384.
import { MAX_FAULTS } from './limits.ts';

export interface Fault {
  readonly field: string;
  readonly text: string;
}

export class FaultLog {
  private counts: Map<string, { field: string; text: string; count: number }> | undefined;

  add(field: string, text: string, count = 1): void {
    const key = `${field} ${text}`;
    this.counts ??= new Map();
    const known = this.counts.get(key);
    if (known) known.count += count;
    else if (this.counts.size < MAX_FAULTS) this.counts.set(key, { field, text, count });
  }

  /** In the order first seen. */
  list(): readonly Fault[] {
    if (this.counts === undefined) return [];
    return [...this.counts.values()].map(({ field, text, count }) => ({
      field,
      text: count === 1 ? text : `${text} (${count} entries)`,
    }));
  }
}
