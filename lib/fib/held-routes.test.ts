import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { prefixText } from '../net/prefix-words.ts';
import { type FibRemoval, type FibRoute, fibKey, fibRoute } from './fib.ts';
import { HeldRoutes, NO_PREFIX, NOT_HELD, SLOTS } from './held-routes.ts';

const route = (prefix: string, table = 254, id = 1): FibRoute => ({
  kind: 'route',
  prefix,
  table,
  target: { kind: 'nexthop', id },
});

const readRoute = (prefix: string, table = 254, id = 1) => fibRoute(prefix, table, { kind: 'nexthop', id });

/** Few enough to meet again, and many that differ in one octet. */
const someRoute = fc
  .tuple(fc.nat(40), fc.constantFrom(0, 1, 255), fc.constantFrom(254, 254, 10_001), fc.nat(1000), fc.boolean())
  .map(([high, low, table, id, isRead]) =>
    (isRead ? readRoute : route)(
      low === 255
        ? `10.${high}.0.0/16`
        : low === 0
          ? `2001:db8:${high + 1}::/48`
          : `fd00::${(high + 1).toString(16)}:1/128`,
      table,
      id,
    ),
  );

type Step = { readonly put: readonly FibRoute[] } | { readonly remove: readonly FibRoute[] };
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ put: fc.array(someRoute, { maxLength: 60 }) }),
  fc.record({ remove: fc.array(someRoute, { maxLength: 60 }) }),
);

function put(held: HeldRoutes, routes: readonly FibRoute[]): void {
  held.findAll(routes, 0, routes.length);
  for (const [slot, it] of routes.entries()) {
    const row = held.rows[slot]!;
    if (row >= 0) held.set(row, it);
    else held.add(slot, it);
  }
}

function remove(held: HeldRoutes, removals: readonly FibRemoval[]): void {
  held.findAll(removals, 0, removals.length);
  for (let slot = 0; slot < removals.length; slot++) {
    const row = held.rows[slot]!;
    if (row >= 0 && held.get(row)) held.remove(slot);
  }
}

describe('held routes', () => {
  it('hold what a map by key holds, whatever comes and goes', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.nat(), (steps, seed) => {
        const held = new HeldRoutes(seed);
        const model = new Map<string, FibRoute>();
        for (const it of steps) {
          if ('put' in it) {
            put(held, it.put);
            for (const one of it.put) model.set(fibKey(one), one);
          } else {
            remove(
              held,
              it.remove.map((one, i) => (i % 2 === 0 ? fibKey(one) : one)),
            );
            for (const one of it.remove) model.delete(fibKey(one));
          }
          expect(held.size).toBe(model.size);
        }
        expect(new Map([...held.values()].map((one) => [fibKey(one), one]))).toEqual(model);
        for (const [key, one] of model) {
          expect(held.get(held.findKey(key))).toBe(one);
          expect(held.get(held.find(one.table, one.prefix))).toBe(one);
          expect(prefixText(held.sought, held.addressAt(0), held.shapeOf(0))).toBe(one.prefix);
        }
      }),
    );
  });

  it('find each of many, in whatever order they are looked for', () => {
    const held = new HeldRoutes();
    const routes = Array.from({ length: 20_000 }, (_, i) => route(`2001:db8:${(i + 1).toString(16)}::/48`));
    for (let at = 0; at < routes.length; at += SLOTS) put(held, routes.slice(at, at + SLOTS));
    for (let i = 0; i < routes.length; i += 7) {
      const wanted = routes[(i * 7919) % routes.length]!;
      expect(held.get(held.find(wanted.table, wanted.prefix))).toBe(wanted);
    }
    const gone = routes.filter((_, i) => i % 3 === 0);
    for (let at = 0; at < gone.length; at += SLOTS) remove(held, gone.slice(at, at + SLOTS).map(fibKey));
    expect(held.size).toBe(routes.length - gone.length);
    for (const [i, it] of routes.entries()) expect(held.find(it.table, it.prefix) === NOT_HELD).toBe(i % 3 === 0);
  });

  it('hold a key once, also when it comes twice in one look-up where another went before', () => {
    const held = new HeldRoutes();
    // Side by side in the index: one line of it is for the eight of them.
    const eight = Array.from({ length: 8 }, (_, i) => route(`2001:db8:0:${(i + 8).toString(16)}::/64`));
    for (let gone = 0; gone < 8; gone++) {
      put(held, eight);
      remove(held, [eight[gone]!]);
      const twice = [eight[gone]!, ...eight, { ...eight[gone]! }];
      put(held, twice);
      expect(held.size).toBe(8);
      expect(held.get(held.find(254, eight[gone]!.prefix))).toBe(twice.at(-1));
    }
  });

  it('hold nothing under what is no canonical prefix', () => {
    const held = new HeldRoutes();
    put(held, [route('2001:db8::/32')]);
    for (const text of ['2001:DB8::/32', '2001:db8::1/32', 'nonsense', ''])
      expect(held.find(254, text)).toBe(NO_PREFIX);
    expect(held.findKey('route 254')).toBe(NO_PREFIX);
    expect(held.findKey('route 253 2001:db8::/32')).toBe(NOT_HELD);
    expect(held.findKey('route 254 2001:db8::/32')).toBe(0);
  });

  it('keep the families apart', () => {
    const held = new HeldRoutes();
    put(held, [route('a00::/8'), route('10.0.0.0/8')]);
    expect(held.size).toBe(2);
  });
});
