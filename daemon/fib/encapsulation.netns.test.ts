// Every encapsulation that the planner makes, through real kernels: what the routers capture is what the model of RFC 8986
// and RFC 9800 endpoints says, header by header, and ping and TCP get through. IPv6 and IPv4 inside.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compress } from '../../lib/segment/compress.ts';
import type { Segment } from '../../lib/segment/eligibility.ts';
import { encapsulationBytes } from '../../lib/segment/packed-list.ts';
import type { Sid } from '../../lib/segment/sid.ts';
import { whyNoPacketTests } from './testing/packet-port.ts';
import { type Hop, SegmentLab } from './testing/segment-lab.ts';
import { type LocatorKind, type RouterName, SERVICE, SERVICE_V4 } from './testing/segment-row.ts';

const skip = whyNoPacketTests();
const IPV6_HEADER = 40;

describe.skipIf(skip !== undefined)(
  `segment lists with real packets${skip ? ` (skipped: ${skip})` : ''}`,
  { timeout: 300_000 },
  () => {
    const lab = new SegmentLab();
    beforeAll(() => lab.start(), 300_000);
    afterAll(() => lab.stop());

    /** `r2 replace-32` is End of r2 there, `r2>r1 next-32` its End.X to r1; the last is the egress SID. */
    const sidsOf = (list: readonly string[], family: 'ipv6' | 'ipv4'): Sid[] =>
      list.map((step, i) => {
        const [where, kind] = step.split(' ') as [string, LocatorKind];
        const [router, to] = where.split('>') as [RouterName, RouterName | undefined];
        if (i === list.length - 1) return lab.egress(kind, family);
        return to === undefined ? lab.end(router, kind) : lab.endX(router, to, kind);
      });

    const check = async (list: readonly string[], entries: number, family: 'ipv6' | 'ipv4' = 'ipv6') => {
      const service = family === 'ipv6' ? SERVICE : SERVICE_V4;
      const segments: Segment[] = sidsOf(list, family).map((sid) => ({ choices: [sid] }));
      const packed = compress({ segments, ingress: 'in', maxSidDepth: 16 });
      expect(packed.reason).toMatch(/^(single-entry|compressed|uncompressed)$/);
      expect(packed.segments).toHaveLength(entries);
      const sids = packed.entries.flatMap(({ holds }) => holds);
      const expected = lab.expected(packed.segments, sids, family);
      expect(expected.outcome).toBe('decapsulated');
      await lab.steer(packed.segments);

      const hops = await lab.ping(
        service,
        (seen) => endpointsOf(seen, expected.visits).length >= expected.visits.length,
      );
      // Reduced: the first entry is the destination, one entry needs no SRH.
      const [first] = hops;
      expect(first!.segments).toEqual(packed.segments);
      expect(first!.segmentsLeft).toBe(entries - 1);
      expect(first!.payloadOffset).toBe(encapsulationBytes(entries));
      expect(first!.nextHeader).toBe(family === 'ipv6' ? 41 : 4);
      if (entries === 1) expect(first!.payloadOffset).toBe(IPV6_HEADER);
      expect(endpointsOf(hops, expected.visits)).toEqual(
        expected.visits.map(({ node, destination, segmentsLeft }) => `${node} ${destination} ${segmentsLeft}`),
      );
      expect(await lab.open(service, 10)).toEqual(Array(10).fill('host'));
      return hops;
    };

    it('one full SID: no SRH', () => check(['eg full'], 1));

    it('five full SIDs, reduced: four of them in the SRH', () =>
      check(['r1 full', 'r3 full', 'r2 full', 'r4 full', 'eg full'], 5));

    it('six uSIDs in the destination address, no SRH', () =>
      check(['r1 next-32', 'r3 next-32', 'r2 next-32', 'r4 next-32', 'eg next-32'], 1));

    it('uSIDs behind a block of 48 bits: five fit', () =>
      check(['r1 next-48', 'r3 next-48', 'r2 next-48', 'eg next-48'], 1));

    it('NEXT-CSID of 32 bits: three fit', () => check(['r1 next-wide', 'r3 next-wide', 'eg next-wide'], 1));

    it('uSIDs over two containers', () =>
      check(
        [
          'r1 next-32',
          'r3 next-32',
          'r2 next-32',
          'r4 next-32',
          'r3 next-32',
          'r4 next-32',
          'r2 next-32',
          'eg next-32',
        ],
        2,
      ));

    it('REPLACE-CSID of 32 bits in one container', () =>
      check(['r1 replace-32', 'r3 replace-32', 'r2 replace-32', 'r4 replace-32', 'eg replace-32'], 2));

    it('REPLACE-CSID of 32 bits in two containers', () =>
      check(
        ['r1', 'r3', 'r2', 'r4', 'r3', 'r2', 'r1', 'eg'].map((router) => `${router} replace-32`),
        3,
      ));

    it('REPLACE-CSID of 16 bits: eight in a container', () =>
      check(
        ['r1', 'r3', 'r2', 'r4', 'r3', 'r2', 'r1', 'r2', 'eg'].map((router) => `${router} replace-16`),
        2,
      ));

    it('a list of all kinds: full, a NEXT-CSID container, a REPLACE-CSID sequence to the end', () =>
      check(['r1 full', 'r3 next-32', 'r2 next-32', 'r3 replace-32', 'r4 replace-32', 'eg replace-32'], 4));

    it('a REPLACE-CSID sequence that ends early, then a uSID to the egress', () =>
      check(['r1 replace-32', 'r3 replace-32', 'r2 next-32', 'r4 next-32', 'eg next-32'], 3));

    it.each(['full', 'next-32', 'next-48', 'next-wide', 'replace-32', 'replace-16'] as const)(
      'End.X of %s leaves by its adjacency, against the shortest path',
      async (kind) => {
        const list = [`r1 ${kind}`, `r3>r2 ${kind}`, `r4 ${kind}`, `eg ${kind}`];
        const entries = { full: 4, 'next-32': 1, 'next-48': 2, 'next-wide': 2, 'replace-32': 2, 'replace-16': 2 }[kind];
        const hops = await check(list, entries);
        const after = hops.findIndex((hop) => hop.router === 'r3' && hop.from === 'r2');
        // r4 is next, yet the packet comes to r2 first.
        expect(hops[after + 1]).toMatchObject({ router: 'r2', from: 'r3' });
      },
    );

    it.each([
      ['full', 3],
      ['next-32', 1],
      ['next-48', 1],
      ['next-wide', 1],
      ['replace-32', 2],
      ['replace-16', 2],
    ] as const)('IPv4 inside %s', async (kind, entries) => {
      await check([`r1 ${kind}`, `r3 ${kind}`, `eg ${kind}`], entries, 'ipv4');
    });

    it('IPv4 inside a mixed list', () =>
      check(['r1 full', 'r3 next-32', 'r2 next-32', 'r3 replace-32', 'r4 replace-32', 'eg replace-32'], 4, 'ipv4'));
  },
);

/** Of the captured hops those at which the walk says that a SID is processed, as `router destination segments-left`. */
function endpointsOf(hops: readonly Hop[], visits: readonly { node: string; destination: string }[]): string[] {
  const arrivals = new Set(visits.map(({ node, destination }) => `${node} ${destination}`));
  return (
    hops
      .filter(({ router, destination }) => arrivals.has(`${router} ${destination}`))
      // The model says -1 where there is no SRH.
      .map((hop) => `${hop.router} ${hop.destination} ${hop.payloadOffset === IPV6_HEADER ? -1 : hop.segmentsLeft}`)
  );
}
