// UPDATEs that are joined: which are, and that one that is alone comes out as the codec reads it. That the router does the
// same with joined ones is in lib/router/joined.test.ts.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { UpdateMessage } from '../session/message.ts';
import { fromPlainUpdate, type PlainUpdate, serviceUpdate } from '../session/update-rows.ts';
import { decodeFrame, encodeFrame } from './frame.ts';
import { attributes, computeState, update } from './messages.fixture.ts';
import { UpdateJoiner } from './update-joiner.ts';

const [first, second] = fc.sample(attributes, { numRuns: 2, seed: 1 });
const [state] = fc.sample(computeState, { numRuns: 1, seed: 1 });

/** A route and its state under `handle`, both where `what` says so. */
function told(handle: number, instance = handle, what: 'both' | 'route' | 'state' = 'both', set = first!) {
  const service = {
    attributeSets: [set],
    handle: [handle],
    service: ['fd00:cafe::80'],
    contactInstance: [`fd00:5e::${instance}`],
    originator: ['10.0.0.1'],
    attributeSet: [0],
    withdrawn: [],
  };
  const compute = { handle: [handle], state: [{ ...state!, sequence: instance }] };
  const plain: PlainUpdate = {
    type: 'UPDATE',
    ...(what !== 'state' && { service }),
    ...(what !== 'route' && { compute }),
  };
  return fromPlainUpdate(plain);
}

const withdrawn = (...handles: number[]): UpdateMessage => ({ type: 'UPDATE', service: serviceUpdate([], handles) });

const add = (joiner: UpdateJoiner, message: UpdateMessage): boolean => {
  const bytes = encodeFrame(message);
  const among = new Uint8Array(bytes.length + 20).fill(0xff);
  among.set(bytes, 7);
  return joiner.add(among, 7, 7 + bytes.length);
};

describe('an UPDATE among others', () => {
  it('comes out as the codec reads it, or is left to the codec', () => {
    const joiner = new UpdateJoiner();
    let alone = 0;
    fc.assert(
      fc.property(update, ({ type, service, compute }) => {
        const m: UpdateMessage = { type, ...(service && { service }), ...(compute && { compute }) };
        const bytes = encodeFrame(m);
        if (!add(joiner, m)) {
          alone++;
          expect(joiner.take()).toBeUndefined();
          return;
        }
        expect(joiner.take()).toEqual({ message: decodeFrame(bytes), count: 1, bytes: bytes.length });
      }),
      { numRuns: 1000, seed: 7 },
    );
    // Those that are too large, or have a part without rows.
    expect(alone).toBeLessThan(900);
  });

  it('is left alone, and nothing is changed, when it is broken anywhere', () => {
    const joiner = new UpdateJoiner();
    const bytes = encodeFrame(told(5));
    for (let at = 0; at < bytes.length; at++) {
      for (const mask of [0x01, 0x80, 0xff]) {
        const broken = Uint8Array.from(bytes);
        broken[at]! ^= mask;
        expect(add(joiner, told(1))).toBe(true);
        if (joiner.add(broken, 0, broken.length)) expect(decodeFrame(broken)).not.toHaveProperty('faults');
        else expect(joiner.take()).toMatchObject({ message: told(1), count: 1 });
        joiner.take();
      }
    }
    for (let length = 0; length < bytes.length; length++) expect(joiner.add(bytes, 0, length)).toBe(false);
    expect(joiner.take()).toBeUndefined();
  });

  it('is joined with the next: rows one after the other, sets once where they repeat', () => {
    const joiner = new UpdateJoiner();
    const messages = [told(1), told(2), told(3, 3, 'both', second!), told(4)];
    for (const message of messages) expect(add(joiner, message)).toBe(true);
    const { message, count, bytes } = joiner.take()!;
    expect(count).toBe(4);
    expect(bytes).toBe(messages.reduce((sum, it) => sum + encodeFrame(it).length, 0));
    expect([...message.service!.handle]).toEqual([1, 2, 3, 4]);
    expect([...message.compute!.handle]).toEqual([1, 2, 3, 4]);
    expect(message.service!.attributeSets).toHaveLength(3);
    expect([...message.service!.attributeSet]).toEqual([0, 0, 1, 2]);
    expect(joiner.take()).toBeUndefined();
  });

  it.each<[string, UpdateMessage[], UpdateMessage]>([
    ['that names a handle of a state before', [told(1), told(2)], told(1, 9)],
    ['that names a route of a state before', [told(1), told(2)], told(9, 1)],
    ['after a state of a route that is not here', [told(1, 1, 'state')], told(2)],
    ['after a state of a route that another message announced', [told(1, 1, 'route'), told(1, 1, 'state')], told(2)],
    ['that withdraws after an announcement', [told(1, 1, 'route')], withdrawn(7)],
    ['that withdraws after a state', [told(1, 1, 'state')], withdrawn(7)],
    ['with an End-of-RIB', [told(1)], { type: 'UPDATE', endOfRib: ['service'] }],
    ['without anything', [told(1)], { type: 'UPDATE' }],
  ])('%s is not joined', (_, before, message) => {
    const joiner = new UpdateJoiner();
    for (const it of before) expect(add(joiner, it)).toBe(true);
    expect(add(joiner, message)).toBe(false);
    expect(joiner.take()!.count).toBe(before.length);
    if (message.service || message.compute) expect(add(joiner, message)).toBe(true);
  });

  it.each<[string, UpdateMessage[]]>([
    ['withdrawals', [withdrawn(1), withdrawn(2, 3)]],
    ['withdrawals and then announcements', [withdrawn(1), told(1), told(2)]],
    ['announcements of one route', [told(1, 1, 'route'), told(1, 1, 'route'), told(2, 1, 'route')]],
    ['states', [told(1, 1, 'state'), told(1, 2, 'state'), told(9, 3, 'state')]],
    ['announcements and then states', [told(1, 1, 'route'), told(2, 2, 'route'), told(7, 7, 'state')]],
  ])('joins %s', (_, messages) => {
    const joiner = new UpdateJoiner();
    for (const it of messages) expect(add(joiner, it)).toBe(true);
    expect(joiner.take()!.count).toBe(messages.length);
  });

  it('is joined with so many only', () => {
    const joiner = new UpdateJoiner();
    let joined = 0;
    while (joined < 1000 && add(joiner, told(joined + 1, 1 + (joined % 9000)))) joined++;
    expect(joined).toBeLessThanOrEqual(256);
    expect(joiner.take()!.message.service!.handle).toHaveLength(joined);
    expect(add(joiner, told(1))).toBe(true);
  });
});
