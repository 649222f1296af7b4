// A table of nftables that one FIB object fills alone: what its rendering and its read-back promise, and how a listing of
// it is taken apart. Whether its rules are still the rendered ones shows by comparing texts, never by trusting a name.
import type { FibKey } from './fib.ts';
import { asArray, asObject } from './nft-json.ts';

/** How one kind of object is a table: pure; running nft is the shell's. */
export interface WholeTable<T> {
  /** Of the only object of this kind. */
  readonly key: FibKey;
  readonly family: 'ip6' | 'inet';
  readonly name: string;
  /**
   * The commands, one a string, after which the table holds exactly `after`; to be run as ONE transaction. `before` is what
   * it is known to hold, whole: counters then go on. Absent: the table is made anew, whatever is there.
   */
  render(before: T | undefined, after: T): string[];
  /** What the table says it is for; undefined: it does not look like ours. */
  read(table: TableReadBack): T | undefined;
}

export interface TableReadBack {
  /** Equal as long as nobody changes anything but counters; for comparison only. */
  readonly text: string;
  /** Named counters: packets. */
  readonly counters: ReadonlyMap<string, number>;
  /** Elements by set, as texts; prefixes as `address/length`. */
  readonly sets: ReadonlyMap<string, readonly string[]>;
  /** Statements of each rule, by chain. */
  readonly rules: ReadonlyMap<string, readonly (readonly unknown[])[]>;
}

/** Removes a table, whether it is there or not. */
export function renderTableRemoval({ family, name }: Pick<WholeTable<unknown>, 'family' | 'name'>): string[] {
  return [`add table ${family} ${name}`, `delete table ${family} ${name}`];
}

/** Parses the document of `nft -j list table`. Throws SyntaxError when it is not JSON. */
export function readTable(document: string): TableReadBack {
  const structure: unknown[] = [];
  const counters = new Map<string, number>();
  const sets = new Map<string, string[]>();
  const rules = new Map<string, unknown[][]>();
  for (const item of asArray(asObject(JSON.parse(document))?.nftables).map(asObject)) {
    if (!item || item.metainfo) continue;
    const counter = asObject(item.counter);
    const set = asObject(item.set);
    const rule = asObject(item.rule);
    if (counter) {
      counters.set(String(counter.name), Number(counter.packets));
      structure.push({ counter: counter.name });
    } else if (set) {
      // A hash table has no order of its own.
      const elements = asArray(set.elem).map(elementText).sort();
      sets.set(String(set.name), elements);
      structure.push({ set: { ...set, elem: elements } });
    } else {
      if (rule) rules.set(String(rule.chain), [...(rules.get(String(rule.chain)) ?? []), asArray(rule.expr)]);
      structure.push(item);
    }
  }
  return { text: JSON.stringify(structure), counters, sets, rules };
}

function elementText(element: unknown): string {
  const prefix = asObject(asObject(element)?.prefix);
  if (prefix) return `${prefix.addr}/${prefix.len}`;
  return typeof element === 'string' ? element : JSON.stringify(element);
}
