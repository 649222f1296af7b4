// What the cross checks can say of a file with faulty options. They run over everything that is not faulty, and once more
// for each entry of a list with a fault, so that one error hides no other and nothing is said that mending it would unsay.
import type { z } from 'zod';
import { crossCheck } from './cross-check.ts';
import type { Finding } from './finding.ts';
import type { ConfigPath } from './locate.ts';
import { salvage } from './salvage.ts';
import type { SectionName, Sections } from './schema.ts';

/** Entries with faults that are looked at one by one; a file with more has other problems. */
const MAX_SPOTS = 64;

/** A list of which some entries are faulty. */
export interface FaultyList {
  /** Entries in the file. */
  readonly length: number;
  /** Parsed entries by their index in the file; absent: faulty. */
  readonly good: ReadonlyMap<number, unknown>;
  /** The others, as far as they can be read. */
  readonly faulty: ReadonlyMap<number, unknown>;
}

/** Splits a list by whether its entries parse alone. */
export function splitList(
  element: z.ZodType,
  entries: readonly unknown[],
  known: (path: ConfigPath) => readonly string[],
): FaultyList {
  const good = new Map<number, unknown>();
  const faulty = new Map<number, unknown>();
  for (const [index, entry] of entries.entries()) {
    const result = element.safeParse(entry);
    if (result.success) good.set(index, result.data);
    else {
      const rest = salvage(element, entry, known);
      if (rest !== undefined) faulty.set(index, rest);
    }
  }
  return { length: entries.length, good, faulty };
}

/** All findings of all runs, each once; paths are those of the file. */
export function crossCheckPartial(whole: Partial<Sections>, lists: ReadonlyMap<SectionName, FaultyList>): Finding[] {
  const found = new Map<string, Finding>();
  /** `spots`: which faulty entries take part. */
  const run = (spots: (section: SectionName, index: number) => boolean) => {
    const indices = new Map<string | number, readonly number[]>();
    const file: Record<string, unknown> = { ...whole };
    for (const [section, { good, faulty }] of lists) {
      const at = [...good.keys(), ...[...faulty.keys()].filter((index) => spots(section, index))].sort((a, b) => a - b);
      indices.set(section, at);
      file[section] = at.map((index) => good.get(index) ?? faulty.get(index));
    }
    const isComplete = (section: SectionName) => indices.get(section)?.length === lists.get(section)?.length;
    for (const finding of crossCheck(file as Partial<Sections>, isComplete)) {
      const [section, index, ...rest] = finding.path;
      const at = indices.get(section ?? '');
      const path: ConfigPath = at ? [section!, at[Number(index)]!, ...rest] : finding.path;
      found.set(JSON.stringify([path, finding.message]), { ...finding, path });
    }
  };
  run(() => false);
  const spots = [...lists].flatMap(([section, { faulty }]) => [...faulty.keys()].map((index) => ({ section, index })));
  for (const spot of spots.slice(0, MAX_SPOTS))
    run((section, index) => section === spot.section && index === spot.index);
  // Together: a name that no entry has, faulty or not, is unknown.
  run(() => true);
  return [...found.values()];
}
