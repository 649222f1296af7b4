// What a cross check is and how it speaks; shared by all of them.
import type { ConfigPath } from './locate.ts';
import { nearestWord } from './nearest-word.ts';
import { Unreadable } from './salvage.ts';
import type { SectionName, Sections } from './schema.ts';

export interface Finding {
  readonly severity: 'error' | 'warning';
  readonly path: ConfigPath;
  readonly message: string;
}

export type Report = (path: ConfigPath, message: string) => void;
export type Check = (file: Partial<Sections>, error: Report, warn: Report, isComplete: IsComplete) => void;
/** False: faulty entries were left out of this list, so that a name not found in it may well exist. */
export type IsComplete = (section: SectionName) => boolean;

export function unknownName(what: string, name: string, known: readonly string[]): string {
  const near = nearestWord(name, known);
  return `there is no ${what} ${JSON.stringify(name)}${near === undefined ? '' : `; did you mean ${near}?`}`;
}

/** Asks one rule; one that needs a faulty option says no more than it has said before it found out. */
export function ask(rule: () => void): void {
  try {
    rule();
  } catch (fault) {
    if (!(fault instanceof Unreadable)) throw fault;
  }
}

export function unique<T>(
  rows: readonly T[],
  /** Undefined: the row has none. */
  key: (row: T) => string | undefined,
  path: (index: number) => ConfigPath,
  what: string,
  error: Report,
): void {
  const seen = new Set<string>();
  for (const [i, row] of rows.entries())
    ask(() => {
      const value = key(row);
      if (value === undefined) return;
      if (seen.has(value)) error(path(i), `the same ${what} stands above`);
      seen.add(value);
    });
}
