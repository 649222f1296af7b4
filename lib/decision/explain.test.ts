import { expect, it } from 'vitest';
import { decide } from './decide.ts';
import { explain } from './explain.ts';
import { aCandidate, anInput, aState, following } from './fixture.ts';

it('prints the record aligned, best first, with every reason', () => {
  const candidates = [
    aCandidate(1, { state: aState({ arrivalRate: 20 }) }),
    aCandidate(2, { roundTripUs: 120_000 }),
    aCandidate(3, { attributes: { drain: true } }),
    aCandidate(4, { reachable: false }),
  ];
  expect(explain(decide(anInput(candidates)))).toEqual([
    'fd00:cafe::80  first  one instance takes all new flows',
    '',
    '   instance  site     weight     total  round trip   service    other  verdict',
    '>  web-1     site-1  100.0 %  11.00 ms     1.00 ms  10.00 ms  0.00 ms  best',
    '   web-2     site-2        -    130 ms      120 ms  10.00 ms  0.00 ms  cost',
    '   web-3     site-3        -  13.00 ms     3.00 ms  10.00 ms  0.00 ms  draining',
    '   web-4     site-4        -         -           -         -        -  unreachable',
  ]);
});

it('marks what is tried again, and does not count it among those that share', () => {
  const slow = aState({ workTimeUs: 100_000, source: 'estimation' });
  const candidates = [aCandidate(1, { state: slow }), aCandidate(2, { roundTripUs: 20_000 })];
  const decision = decide(anInput(candidates));
  expect(explain(decision)).toEqual([
    'fd00:cafe::80  first  one instance takes all new flows, 1 tried again',
    '',
    '   instance  site    weight     total  round trip   service    other  verdict',
    '>  web-2     site-2  99.5 %  30.00 ms    20.00 ms  10.00 ms  0.00 ms  best',
    '?  web-1     site-1   0.5 %    101 ms     1.00 ms    100 ms  0.00 ms  exploring',
  ]);
});

it('says how long a challenger is still held, and when nothing is left', () => {
  const at = (us: number, sequence: number) =>
    [1, 2].map((index) => aCandidate(index, { roundTripUs: index === 1 ? us : 5000, state: aState({ sequence }) }));
  const held = decide(following(decide(anInput(at(4000, 1))), at(9000, 2), { atMs: 200_000 }));
  expect(explain(held).at(-1)).toBe('a challenger is held for 1000 ms more');
  expect(explain(decide(anInput([])))).toEqual(['fd00:cafe::80  unchanged  no candidate may carry flows']);
});
