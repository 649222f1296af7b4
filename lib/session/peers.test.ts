// Two peers that both dial, over a transport that loses, delays and crashes: they always end with one session, the same.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { configOf, openOf, type Side, World } from './peers.fixture.ts';

const remoteOf = (side: Side) =>
  side === 'a'
    ? configOf()
    : configOf({ holdTimeMs: 900 }, { ...openOf(), site: 'site-b', routerId: '10.0.0.2', name: 'b', bootId: 'boot-b' });

function makeWorld(passive?: Side): World {
  const world = new World({
    a: { ...remoteOf('a'), passive: passive === 'a' },
    b: { ...remoteOf('b'), passive: passive === 'b' },
  });
  world.step('a', { type: 'start' });
  world.step('b', { type: 'start' });
  return world;
}

/** Lets everything happen in an order drawn from `tape`, nothing goes wrong, until both agree. */
function settle(world: World, tape: readonly number[]): void {
  for (let step = 0; step < 2000; step++) {
    if (world.agreed) return;
    const actions = world.actions();
    const draw = tape[step % tape.length]!;
    if (actions.length > 0) actions[draw % actions.length]!();
    else if (!world.passTime()) break;
  }
  throw new Error(`no common session: ${world.describe()}`);
}

const tape = fc.array(fc.nat(), { minLength: 1, maxLength: 60 });
const chaos = fc.array(fc.record({ kind: fc.constantFrom('go', 'go', 'go', 'go', 'mishap', 'time'), draw: fc.nat() }), {
  maxLength: 80,
});

describe('two peers', () => {
  it('agree on one connection whatever the order of events, when both dial', () => {
    fc.assert(
      fc.property(tape, (draws) => settle(makeWorld(), draws)),
      { numRuns: 1000 },
    );
  });

  it('agree when only one dials', () => {
    fc.assert(
      fc.property(tape, fc.constantFrom('a' as const, 'b' as const), (draws, side) => settle(makeWorld(side), draws)),
    );
  });

  it('come back to one common session after any losses, crashes and delays', () => {
    fc.assert(
      fc.property(chaos, tape, (steps, draws) => {
        const world = makeWorld();
        for (const { kind, draw } of steps) {
          const choices = kind === 'mishap' ? world.mishaps() : kind === 'go' ? world.actions() : [];
          if (choices.length > 0) choices[draw % choices.length]!();
          else world.passTime();
        }
        settle(world, draws);
      }),
      { numRuns: 2000 },
    );
  });

  it('keep the session for an hour of nothing but KEEPALIVE', () => {
    const world = makeWorld();
    settle(world, [0]);
    const { session } = world.sides.a;
    while (world.nowMs < 3_600_000) {
      const actions = world.actions();
      if (actions.length > 0) actions[0]!();
      else world.passTime();
    }
    expect([world.sides.a.session, world.sides.b.session]).toEqual([session, session]);
  });

  it.each(['first', 'last'] as const)(
    'keep the connection that the higher router id dialled when its OPENs come %s',
    (when) => {
      const world = makeWorld();
      while (world.dials.length > 0) world.actions()[0]!();
      const wires = [...world.wires.values()].sort(
        (x, y) => (x.dialler === 'b' ? -1 : 1) - (y.dialler === 'b' ? -1 : 1),
      );
      const preferred = wires[0]!;
      // All four ends are open and have sent OPEN before any OPEN is read.
      for (const wire of wires) for (const side of ['a', 'b'] as const) world.deliver(wire, side);
      const order = when === 'first' ? wires : wires.toReversed();
      for (const wire of order) for (const side of ['a', 'b'] as const) world.deliver(wire, side);
      settle(world, [0]);
      expect(world.sides.a.session).toBe(preferred.id);
    },
  );

  it('end a session that has gone silent when the smaller hold time has passed, and not before', () => {
    const world = makeWorld();
    settle(world, [0]);
    const startMs = world.nowMs;
    // Nothing is delivered any more: only timers run.
    while (world.sides.a.session !== undefined) world.passTime();
    expect(world.nowMs - startMs).toBeGreaterThanOrEqual(850);
    expect(world.nowMs - startMs).toBeLessThanOrEqual(900);
  });
});
