// Compares what a check expects with what a command printed: objects by the keys that are expected, lists by membership.
// Pure. Says where the first difference is, so that a failed check can be read.

type Json = unknown;

/**
 * Undefined when `seen` holds everything of `expected`; else the path and the difference. A list matches when each expected
 * item matches some seen item. Instead of a value: `{$count: n}`, `{$all: item}`, `{$between: [low, high]}`,
 * `{$matches: "regular expression"}`; several in one object must all hold.
 */
export function difference(expected: Json, seen: Json, path = '$'): string | undefined {
  if (Array.isArray(expected)) {
    if (!Array.isArray(seen)) return `${path} is no list: ${brief(seen)}`;
    return first(expected, (item, index) => {
      if (seen.some((candidate) => difference(item, candidate) === undefined)) return undefined;
      const hint = seen.length === 1 ? `: ${difference(item, seen[0], `${path}[0]`)}` : '';
      return `${path}[${index}] has no match for ${brief(item)} among ${seen.length}${hint}`;
    });
  }
  if (typeof expected === 'object' && expected !== null)
    return first(Object.entries(expected), ([key, value]) => {
      if (key.startsWith('$')) return operator(key, value, seen, path);
      if (typeof seen !== 'object' || seen === null || !Object.hasOwn(seen, key)) return `${path}.${key} is missing`;
      return difference(value, (seen as Record<string, Json>)[key], `${path}.${key}`);
    });
  return Object.is(expected, seen) ? undefined : `${path} is ${brief(seen)}, not ${brief(expected)}`;
}

/** What of `seen` was compared with `expected`, in its shape: what a report shows. */
export function compared(expected: Json, seen: Json): Json {
  if (Array.isArray(expected) && Array.isArray(seen))
    return expected.map((item) => {
      const match = seen.find((candidate) => difference(item, candidate) === undefined);
      return match === undefined ? null : compared(item, match);
    });
  if (typeof expected !== 'object' || expected === null) return seen;
  if ('$all' in expected && Array.isArray(seen)) return seen.map((item) => compared(expected.$all, item));
  if (Array.isArray(seen) && '$count' in expected) return `${seen.length} items`;
  const keys = Object.entries(expected).filter(([key]) => !key.startsWith('$'));
  if (keys.length === 0 || typeof seen !== 'object' || seen === null) return seen;
  return Object.fromEntries(keys.map(([key, value]) => [key, compared(value, (seen as Record<string, Json>)[key])]));
}

function operator(name: string, value: Json, seen: Json, path: string): string | undefined {
  switch (name) {
    case '$count':
      return Array.isArray(seen) && seen.length === value
        ? undefined
        : `${path} has ${Array.isArray(seen) ? seen.length : 'no'} items, not ${brief(value)}`;
    case '$all':
      if (!Array.isArray(seen)) return `${path} is no list: ${brief(seen)}`;
      return first(seen, (item, index) => difference(value, item, `${path}[${index}]`));
    case '$between': {
      const [low, high] = value as [number, number];
      return typeof seen === 'number' && seen >= low && seen <= high
        ? undefined
        : `${path} is ${brief(seen)}, not between ${low} and ${high}`;
    }
    case '$matches':
      return typeof seen === 'string' && new RegExp(String(value)).test(seen)
        ? undefined
        : `${path} is ${brief(seen)}, which does not match ${String(value)}`;
    default:
      return `${path}: ${name} is no comparison`;
  }
}

function first<T>(items: readonly T[], check: (item: T, index: number) => string | undefined): string | undefined {
  for (const [index, item] of items.entries()) {
    const found = check(item, index);
    if (found !== undefined) return found;
  }
  return undefined;
}

function brief(value: Json): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
}
