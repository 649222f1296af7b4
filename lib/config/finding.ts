// What a cross check is and how it speaks; shared by all of them.
import type { ConfigPath } from './locate.ts';
import { nearestWord } from './nearest-word.ts';
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

export function unique<T>(
  rows: readonly T[],
  key: (row: T) => string,
  path: (index: number) => ConfigPath,
  what: string,
  error: Report,
): void {
  const seen = new Set<string>();
  for (const [i, row] of rows.entries()) {
    if (seen.has(key(row))) error(path(i), `the same ${what} stands above`);
    seen.add(key(row));
  }
}
