// Lists of enum values on the wire. Numbers are the position in the model's list plus 1; 0 is UNSPECIFIED everywhere.
import { LEN, tagOf } from './cursor.ts';
import type { FrameWriter } from './writer.ts';

/** Names of the numbers that are known, each once. */
export function namesOf<T>(names: readonly T[], numbers: Iterable<number>): T[] {
  const known = new Set<T>();
  for (const number of numbers) {
    const name = names[number - 1];
    if (name !== undefined) known.add(name);
  }
  return [...known];
}

/** Writes a packed enum list; nothing when it is empty. */
export function writeEnums<T>(writer: FrameWriter, field: number, names: readonly T[], chosen: readonly T[]): void {
  if (chosen.length === 0) return;
  writer.uint32(tagOf(field, LEN)).fork();
  for (const name of chosen) writer.uint32(names.indexOf(name) + 1);
  writer.ldelim();
}
