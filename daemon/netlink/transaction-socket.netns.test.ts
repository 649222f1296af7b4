import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeAddRange, encodeDeleteRange, encodeFlushSet } from '../../lib/netlink/nft/elements.ts';
import { Namespace, whyNoKernelTests } from '../fib/testing/namespaces.ts';
import { TransactionSocket } from './transaction-socket.ts';

const skip = whyNoKernelTests();
const set = { table: 't', set: 'm' };
const add = (from: number, to: number) => encodeAddRange(set, { from, to });
const remove = (from: number, to: number) => encodeDeleteRange(set, { from, to });

describe.skipIf(skip !== undefined)(`transactions of nf_tables${skip ? ` (skipped: ${skip})` : ''}`, () => {
  let namespace: Namespace;
  let socket: TransactionSocket;

  beforeEach(() => {
    namespace = new Namespace('tra');
    namespace.nft(
      [
        'add table inet t',
        'add set inet t m { typeof numgen inc mod 1000; flags interval; }',
        'add set inet t s { type inet_service; elements = { 80, 443 } }',
      ].join('\n'),
    );
    socket = new TransactionSocket({ netns: namespace.name });
  });
  afterEach(() => {
    socket.close();
    namespace.remove();
  });

  /** What the nft program makes of the set, without white space. */
  const elements = () => {
    const listed = namespace.run('nft', 'list', 'set', 'inet', 't', 'm').replaceAll(/\s+/g, ' ');
    return /elements = \{ (.*?) \}/.exec(listed)?.[1]?.replaceAll(/ ?, ?/g, ', ') ?? '';
  };
  const generation = () => namespace.run('nft', 'list', 'ruleset').length;

  it('are in force when they say so, and mean to nft what we meant', () => {
    expect(socket.commit([add(0, 699), add(700, 998)])).toBeNull();
    expect(elements()).toBe('0-699, 700-998');
  });

  it('replace elements that nft has put there, in one step', () => {
    namespace.nft('add element inet t m { 0-499, 500-999 }');
    expect(socket.commit([remove(0, 499), remove(500, 999), add(0, 0), add(1, 999)])).toBeNull();
    expect(elements()).toBe('0, 1-999');
  });

  it('begin at 0 beside what nft has begun further up', () => {
    namespace.nft('add element inet t m { 600-999 }');
    expect(socket.commit([add(0, 499)])).toBeNull();
    expect(elements()).toBe('0-499, 600-999');
    expect(socket.commit([remove(0, 499), remove(600, 999), add(0, 999)])).toBeNull();
    expect(elements()).toBe('0-999');
  });

  it('change nothing when one message is refused, whichever it is', () => {
    namespace.nft('add element inet t m { 0-499 }');
    const before = generation();
    const good = add(600, 699);
    const refused = [
      [remove(700, 999), 'ENOENT'],
      [encodeAddRange({ table: 't', set: 'gone' }, { from: 0, to: 1 }), 'ENOENT'],
      [add(400, 550), 'EEXIST'],
    ] as const;
    for (const [bad, code] of refused) {
      expect(socket.commit([bad, good])).toMatchObject({ code });
      expect(socket.commit([good, bad])).toMatchObject({ code });
      expect(elements()).toBe('0-499');
    }
    expect(generation()).toBe(before);
    // No answer of a refused one is taken for that of the next.
    expect(socket.commit([good])).toBeNull();
    expect(elements()).toBe('0-499, 600-699');
  });

  it('empty a set of any kind', () => {
    expect(socket.commit([encodeFlushSet({ table: 't', set: 's' })])).toBeNull();
    expect(namespace.run('nft', 'list', 'set', 'inet', 't', 's')).not.toContain('443');
  });

  it('take a thousand ranges', () => {
    const many = Array.from({ length: 1000 }, (_, i) => 2 * i);
    expect(socket.commit(many.map((at) => add(at, at)))).toBeNull();
    expect(elements().split(', ')).toHaveLength(1000);
    expect(socket.commit(many.map((at) => remove(at, at)))).toBeNull();
    expect(elements()).toBe('');
  });
});
