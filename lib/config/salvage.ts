// What is left of a section of which some options are faulty: the options that are not, with the faulty ones unreadable.
// A check that runs into an unreadable option stops there; what it has said by then holds, whatever that option will be.
import { z } from 'zod';
import { nearestWord } from './nearest-word.ts';

type Path = readonly (string | number)[];

/** Thrown by reading a faulty option; caught around each check. */
export class Unreadable extends Error {}

/** Each round may find new faults, e.g. that an entry without its faulty option is none. */
const MAX_ROUNDS = 16;

/**
 * Parses `value` without its faulty options; undefined when nothing useful is left. `known` names the options at a path, so
 * that a misspelt one makes the option meant unreadable instead of absent.
 */
export function salvage(schema: z.ZodType, value: unknown, known: (path: Path) => readonly string[]): unknown {
  const faulty: Path[] = [];
  let rest = value;
  let lenient = schema;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const result = lenient.safeParse(rest);
    if (result.success) return hide(result.data, faulty);
    for (const { code, path, ...issue } of result.error.issues as readonly Issue[]) {
      for (const key of code === 'unrecognized_keys' ? (issue.keys ?? []) : []) {
        const meant = nearestWord(key, known(path));
        if (meant !== undefined) faulty.push([...path, meant]);
        rest = without(rest, [...path, key]);
      }
      if (code === 'unrecognized_keys') continue;
      const out = removable(rest, path);
      if (out.length === 0) {
        // An option of the outermost map is missing: the others can be parsed all the same.
        const loose = path.length === 1 ? withOptional(lenient, String(path[0])) : undefined;
        if (loose === undefined) return undefined;
        lenient = loose;
      }
      faulty.push(out.length === 0 ? path : out);
      rest = without(rest, out);
    }
  }
  return undefined;
}

interface Issue {
  readonly code: string;
  readonly path: Path;
  readonly keys?: readonly string[];
}

function withOptional(schema: z.ZodType, key: string): z.ZodType | undefined {
  if (!(schema instanceof z.ZodObject) || !Object.hasOwn(schema.shape, key)) return undefined;
  return z.strictObject({ ...schema.shape, [key]: z.unknown().optional() });
}

/** The fault itself, or what has to go with it: the map in which an option is missing, the list of which it is an element. */
function removable(value: unknown, path: Path): Path {
  let end = 0;
  let at = value;
  while (end < path.length && typeof at === 'object' && at !== null && Object.hasOwn(at, path[end]!))
    at = (at as Record<string | number, unknown>)[path[end++]!];
  // Elements of lists cannot go without moving the others: the list goes.
  while (end > 0 && typeof path[end - 1] === 'number') end--;
  return path.slice(0, end);
}

function without(value: unknown, path: Path): unknown {
  const [key, ...deeper] = path;
  if (key === undefined || typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return value;
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string | number, unknown>;
  if (deeper.length === 0) delete copy[key];
  else copy[key] = without(copy[key], deeper);
  return copy;
}

/** A copy in which whatever touches the options at `paths` throws. */
function hide(value: unknown, paths: readonly Path[]): unknown {
  if (paths.length === 0 || typeof value !== 'object' || value === null) return value;
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string | number, unknown>;
  const hidden = new Set(paths.filter(({ length }) => length === 1).map(([key]) => String(key)));
  for (const key of new Set(paths.map(([first]) => first!)))
    if (Object.hasOwn(copy, key)) {
      const below = paths.filter(([first, ...deeper]) => first === key && deeper.length > 0);
      copy[key] = hide(
        copy[key],
        below.map(([, ...deeper]) => deeper),
      );
    }
  const guarded =
    <A extends unknown[], R>(act: (target: object, key: string | symbol, ...rest: A) => R) =>
    (target: object, key: string | symbol, ...rest: A): R => {
      if (typeof key === 'string' && hidden.has(key)) throw new Unreadable(`option ${key} is faulty`);
      return act(target, key, ...rest);
    };
  return new Proxy(copy, {
    get: guarded(Reflect.get),
    has: guarded(Reflect.has),
    getOwnPropertyDescriptor: guarded(Reflect.getOwnPropertyDescriptor),
  });
}
