import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeAddRanges, encodeDeleteRanges, encodeFlushSet } from '../../lib/netlink/nft/elements.ts';
import { Namespace, whyNoKernelTests } from '../fib/testing/namespaces.ts';
import { TransactionSocket } from './transaction-socket.ts';

const skip = whyNoKernelTests();
const map = { table: 't', set: 'm' };
const range = (from: number, to: number, chain = 'a') => ({ from, to, chain });

describe.skipIf(skip !== undefined)(`transactions of nf_tables${skip ? ` (skipped: ${skip})` : ''}`, () => {
  let namespace: Namespace;
  let socket: TransactionSocket;

  beforeEach(() => {
    namespace = new Namespace('tra');
    namespace.nft(
      [
        'add table inet t',
        'add map inet t m { typeof numgen inc mod 1000 : verdict; flags interval; }',
        'add set inet t s { type inet_service; elements = { 80, 443 } }',
        'add chain inet t a',
        'add chain inet t b',
      ].join('\n'),
    );
    socket = new TransactionSocket({ netns: namespace.name });
  });
  afterEach(() => {
    socket.close();
    namespace.remove();
  });

  /** What the nft program makes of the map, without white space. */
  const elements = () => {
    const listed = namespace.run('nft', 'list', 'map', 'inet', 't', 'm').replaceAll(/\s+/g, ' ');
    return /elements = \{ (.*?) \}/.exec(listed)?.[1]?.replaceAll(/ ?, ?/g, ', ') ?? '';
  };
  const generation = () => namespace.run('nft', 'list', 'ruleset').length;

  it('are in force when they say so, and mean to nft what we meant', () => {
    expect(socket.commit(encodeAddRanges(map, [range(0, 699), range(700, 999, 'b')]))).toBeNull();
    expect(elements()).toBe('0-699 : goto a, 700-999 : goto b');
  });

  it('replace elements that nft has put there, in one step', () => {
    namespace.nft('add element inet t m { 0-499 : goto a, 500-999 : goto b }');
    const messages = [
      ...encodeDeleteRanges(map, [range(0, 499), range(500, 999, 'b')]),
      ...encodeAddRanges(map, [range(0, 0, 'b'), range(1, 999)]),
    ];
    expect(socket.commit(messages)).toBeNull();
    expect(elements()).toBe('0 : goto b, 1-999 : goto a');
  });

  it('change nothing when one message is refused, whichever it is', () => {
    namespace.nft('add element inet t m { 0-499 : goto a }');
    const before = generation();
    const good = encodeAddRanges(map, [range(600, 699)]);
    const refused = [
      [encodeAddRanges(map, [range(700, 999, 'nowhere')]), 'ENOENT'],
      [encodeDeleteRanges(map, [range(700, 999)]), 'ENOENT'],
      [encodeAddRanges({ table: 't', set: 'gone' }, [range(0, 1)]), 'ENOENT'],
      [encodeAddRanges(map, [range(0, 499, 'b')]), 'EEXIST'],
    ] as const;
    for (const [bad, code] of refused) {
      expect(socket.commit([...bad, ...good])).toMatchObject({ code });
      expect(socket.commit([...good, ...bad])).toMatchObject({ code });
      expect(elements()).toBe('0-499 : goto a');
    }
    expect(generation()).toBe(before);
    // No answer of a refused one is taken for that of the next.
    expect(socket.commit(good)).toBeNull();
    expect(elements()).toBe('0-499 : goto a, 600-699 : goto a');
  });

  it('empty a set of any kind', () => {
    expect(socket.commit([encodeFlushSet({ table: 't', set: 's' })])).toBeNull();
    expect(namespace.run('nft', 'list', 'set', 'inet', 't', 's')).not.toContain('443');
  });

  it('take a thousand ranges', () => {
    const many = Array.from({ length: 1000 }, (_, i) => range(2 * i, 2 * i, i % 2 ? 'a' : 'b'));
    expect(socket.commit(encodeAddRanges(map, many))).toBeNull();
    expect(elements().split(', ')).toHaveLength(1000);
    expect(socket.commit(encodeDeleteRanges(map, many))).toBeNull();
    expect(elements()).toBe('');
  });
});
