import { describe, expect, test } from 'vitest';
import type { ExplainCandidate, ExplainView } from '../../lib/model/view.ts';
import { addressToBytes } from '../../lib/net/address.ts';
import { isComplete, isMissed, type ListTally, matchLists, tallyPacket } from './segment-lists.ts';

const SERVICE = 'fd00:cafe::80';
const SOURCE = 'fd00:0:0:11::1';
const CORE = '5f00:0:21:1::';
const NEAR = '5f00:0:31:80::';
const FAR = '5f00:0:33:80::';

/** encap.red as an ingress sends it: the first segment is the destination only, the others are in the SRH in reverse. */
function packet(segments: readonly string[], { source = SOURCE, inner = SERVICE, left = segments.length - 1 } = {}) {
  const inSrh = segments.slice(1).toReversed();
  const srh = inSrh.length === 0 ? 0 : 8 + 16 * inSrh.length;
  const bytes = new Uint8Array(40 + srh + 40);
  const header = (at: number, next: number, from: string, to: string) => {
    bytes[at] = 0x60;
    bytes[at + 6] = next;
    bytes.set(addressToBytes(from), at + 8);
    bytes.set(addressToBytes(to), at + 24);
  };
  header(0, srh === 0 ? 41 : 43, source, segments[segments.length - 1 - left]!);
  if (srh > 0) {
    bytes.set([41, (srh - 8) / 8, 4, left, inSrh.length - 1, 0, 0, 0], 40);
    for (const [i, segment] of inSrh.entries()) bytes.set(addressToBytes(segment), 48 + 16 * i);
  }
  header(40 + srh, 6, '2001:db8:1::10', inner);
  return bytes;
}

function tallyOf(...packets: readonly Uint8Array[]): ListTally {
  const tally: ListTally = new Map();
  for (const bytes of packets) tallyPacket(tally, SERVICE, bytes);
  return tally;
}

function explained(candidates: readonly Pick<ExplainCandidate, 'instanceName' | 'weight' | 'segments'>[]) {
  const explain = { serviceName: 'web', candidates } as unknown as ExplainView;
  return [{ ingress: 'in1', source: SOURCE, explain }];
}

const twoSites = explained([
  { instanceName: 'sv1', weight: 1000, segments: [CORE, NEAR] },
  { instanceName: 'sv3', weight: 0, segments: [CORE, FAR] },
]);

describe('lists on the wire', () => {
  test('are those the daemon explains when packets show them', () => {
    const rows = matchLists('steady', twoSites, tallyOf(packet([CORE, NEAR]), packet([CORE, NEAR])));
    expect(rows).toEqual([
      {
        phase: 'steady',
        service: 'web',
        list: [CORE, NEAR],
        captured: true,
        ingress: 'in1',
        instance: 'sv1',
        weight: 1000,
        packets: 2,
      },
    ]);
    expect(isComplete(rows)).toBe(true);
  });

  test('also count when they have a single segment and no header', () => {
    const rows = matchLists(
      'steady',
      explained([{ instanceName: 'sv1', weight: 1000, segments: [NEAR] }]),
      tallyOf(packet([NEAR])),
    );
    expect(rows[0]?.captured).toBe(true);
  });

  test('of older flows are shown although no new flow takes them', () => {
    const rows = matchLists('busy', twoSites, tallyOf(packet([CORE, NEAR]), packet([CORE, FAR])));
    expect(rows.map(({ instance, weight, captured }) => [instance, weight, captured])).toEqual([
      ['sv1', 1000, true],
      ['sv3', 0, true],
    ]);
  });

  test.each([
    ['another ingress', packet([CORE, NEAR], { source: 'fd00:0:0:12::1' })],
    ['another service', packet([CORE, NEAR], { inner: 'fd00:cafe::81' })],
    ['an endpoint on the way, past the first segment', packet([CORE, NEAR], { left: 0 })],
    ['another list', packet(['5f00:0:22:1::', NEAR])],
    ['a capture that cut it short', packet([CORE, NEAR]).slice(0, 60)],
  ])('do not count from %s', (_who, bytes) => {
    const rows = matchLists('steady', twoSites, tallyOf(bytes));
    expect(rows.map(({ captured, packets }) => [captured, packets])).toEqual([[false, 0]]);
    expect(isComplete(rows)).toBe(false);
  });
});

test('a list must be seen from a share on that a few seconds of new flows cannot miss', () => {
  const row = { phase: 'steady', service: 'web', list: [NEAR], ingress: 'in1', instance: 'sv1', packets: 0 };
  expect(isMissed({ ...row, captured: false, weight: 50 })).toBe(true);
  expect(isMissed({ ...row, captured: false, weight: 49 })).toBe(false);
  expect(isMissed({ ...row, captured: true, weight: 1000, packets: 1 })).toBe(false);
});
