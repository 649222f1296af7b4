// Whatever is packed, the model of the endpoints visits the same nodes and functions; and nothing shorter would have.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isDecapsulating } from './behaviour-kind.ts';
import { compress } from './compress.ts';
import { describePacked } from './describe-packed.ts';
import { anyList, testDomain } from './domain.fixture.ts';
import type { Segment } from './eligibility.ts';
import { encapsulate } from './endpoint-packet.ts';
import { packNext } from './next-csid.ts';
import { packReplace } from './replace-csid.ts';
import { type Sid, sidPrefixBits } from './sid.ts';
import { walk } from './walk.ts';

const NIGHTLY = process.env.CFND_NIGHTLY === '1';
const RUNS = NIGHTLY ? 100_000 : 1000;
const DOMAINS = [testDomain(32), testDomain(48)];
const INGRESS = 'n1';

/** What the model says about a list that holds these SIDs. */
function visits(
  domain: (typeof DOMAINS)[number],
  segments: readonly (string | Uint8Array)[],
  sids: readonly Sid[],
  reduced = true,
) {
  const last = sids.at(-1)!;
  const payload = last.kind !== undefined && isDecapsulating(last.kind) ? 'ipv6' : 'other';
  return walk(domain.model, INGRESS, encapsulate(segments, { reduced, payload }));
}

function isSame(walked: ReturnType<typeof walk>, sids: readonly Sid[]): boolean {
  return (
    (walked.outcome === 'decapsulated' || walked.outcome === 'delivered') &&
    walked.visits.length === sids.length &&
    walked.visits.every((visit, i) => visit.sid === sids[i]!.address && visit.node === sids[i]!.node)
  );
}

for (const [name, domain] of [
  ['32', DOMAINS[0]!],
  ['48', DOMAINS[1]!],
] as const) {
  test(`a packed list visits exactly the nodes and functions of the uncompressed one (NEXT-CSID block of ${name} bits)`, () => {
    const reasons = new Map<string, number>();
    fc.assert(
      fc.property(anyList(domain, 14), (segments) => {
        const packed = compress({ segments, ingress: INGRESS, maxSidDepth: 64, installed: domain.installed });
        reasons.set(packed.reason, (reasons.get(packed.reason) ?? 0) + 1);
        if (packed.segments.length === 0) return;
        const sids = packed.entries.flatMap((entry) => entry.holds);
        expect(sids.every((sid, i) => segments[i]!.choices.includes(sid))).toBe(true);
        expect(sids.length).toBe(segments.length);
        for (const reduced of [true, false]) {
          const walked = visits(domain, packed.segments, sids, reduced);
          expect(walked.visits.map(({ node, sid }) => `${node} ${sid}`)).toEqual(
            sids.map((sid) => `${sid.node} ${sid.address}`),
          );
          expect(['decapsulated', 'delivered']).toContain(walked.outcome);
        }
        const described = describePacked(packed.segments, domain.installed);
        expect(described.map((entry) => entry.holds.map((sid) => sid.address))).toEqual(
          packed.entries.map((entry) => entry.holds.map((sid) => sid.address)),
        );
        expect(described.map((entry) => entry.kind)).toEqual(packed.entries.map((entry) => entry.kind));
      }),
      { numRuns: RUNS / 2 },
    );
    // A generator that only made refusals would prove nothing.
    const done = ['single-entry', 'compressed', 'uncompressed'].map((reason) => reasons.get(reason) ?? 0);
    expect(Math.min(...done)).toBeGreaterThan(RUNS / 200);
  }, 600_000);
}

test('no walkable encoding is shorter, and what is refused cannot be walked', () => {
  const domain = DOMAINS[0]!;
  const outcomes = { packed: 0, refused: 0 };
  fc.assert(
    fc.property(anyList(domain, 6), (all) => {
      // Two twins a segment keep the enumeration small.
      const segments = all.map(({ choices }) => ({ choices: choices.slice(0, 2) }));
      const packed = compress({ segments, ingress: INGRESS, maxSidDepth: 64, installed: domain.installed });
      const shortest = bruteForce(domain, segments);
      expect({ reason: packed.reason, entries: packed.segments.length }).toEqual({
        reason: packed.reason,
        entries: shortest === Number.POSITIVE_INFINITY ? 0 : shortest,
      });
      outcomes[packed.segments.length === 0 ? 'refused' : 'packed']++;
    }),
    { numRuns: NIGHTLY ? 20_000 : 300 },
  );
  expect(Math.min(outcomes.packed, outcomes.refused)).toBeGreaterThan(10);
}, 600_000);

test('every mixture of flavours in one REPLACE-CSID block, up to six segments, is packed as short as can be walked', () => {
  const domain = DOMAINS[0]!;
  const ofBlock = (node: string, family: 'End' | 'service') =>
    domain.twins(node, family).flatMap(({ sid }) => (sid.block === '2001:db8:c::/48' ? [sid] : []));
  let packs = 0;
  // REPLACE-CSID; plain, installed as a prefix; plain, installed as an address; NEXT-CSID. Then a service.
  for (let transit = 0; transit <= 5; transit++) {
    for (let pattern = 0; pattern < 4 ** transit; pattern++) {
      // The longest by day: all that begin with three REPLACE-CSID, so that containers fill, and a sample of the others.
      if (transit === 5 && !NIGHTLY && pattern % 64 !== 0 && pattern % 7 !== 0) continue;
      const segments = Array.from({ length: transit + 1 }, (_, i) => {
        const node = `n${((i + 1) % 6) + 1}`;
        if (i === transit) return { choices: [ofBlock(node, 'service')[pattern % 2]!] };
        return { choices: [ofBlock(node, 'End')[Math.floor(pattern / 4 ** i) % 4]!] };
      });
      const packed = compress({ segments, ingress: '', maxSidDepth: 64 });
      const shortest = bruteForce(domain, segments);
      packs += packed.segments.length > 0 ? 1 : 0;
      if ((packed.segments.length || Number.POSITIVE_INFINITY) !== shortest) {
        expect({ pattern: pattern.toString(4), transit, packed, shortest }).toBe('equal lengths');
      }
    }
  }
  expect(packs).toBeGreaterThan(200);
}, 120_000);

/** Fewest entries over every twin, every cut into runs and every way to pack a run, legal or not, that the model walks. */
function bruteForce(domain: (typeof DOMAINS)[number], segments: readonly Segment[]): number {
  let shortest = Number.POSITIVE_INFINITY;
  const extend = (sids: readonly Sid[]) => {
    if (sids.length < segments.length) {
      for (const sid of segments[sids.length]!.choices) extend([...sids, sid]);
      return;
    }
    const cut = (from: number, entries: readonly Uint8Array[]) => {
      if (entries.length >= shortest) return;
      if (from === sids.length) {
        if (entries.length > 0 && isSame(visits(domain, entries, sids), sids)) shortest = entries.length;
        return;
      }
      for (let to = from + 1; to <= sids.length; to++) {
        for (const run of encodings(sids.slice(from, to))) cut(to, [...entries, ...run]);
      }
    };
    cut(0, []);
  };
  extend([]);
  return shortest;
}

/** Ways to write a run without asking whether it is allowed; a run that cannot be written at all is left out. */
function encodings(run: readonly Sid[]): Uint8Array[][] {
  const [first, ...others] = run;
  if (others.length === 0) return [[first!.bytes]];
  if (others.some((sid) => sid.block !== first!.block || sid.csid < 0)) return [];
  const out: Uint8Array[][] = [];
  const bits = others.reduce((sum, sid) => sum + sid.csidBits, sidPrefixBits(first!));
  if (bits <= 128) out.push([packNext(run)]);
  // A zero C-SID at the end would be another list; here every C-SID of a run has one length.
  if (others.every((sid) => sid.csidBits === first!.csidBits)) {
    out.push([first!.bytes, ...packReplace(run)]);
  }
  return out;
}
