// The model against worked examples and against a second, independent reading of the pseudo code.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addressToBytes, bytesToAddress } from '../net/address.ts';
import { processAtEndpoint } from './endpoint-model.ts';
import { encapsulate, type InstalledSid, type ModelPacket, type Verdict } from './endpoint-packet.ts';
import { makeSid } from './sid.ts';
import { makeDomain, walk } from './walk.ts';

const NEXT = { block: 32, node: 16, function: 0, argument: 80 };
const G32 = { block: 48, node: 16, function: 16, argument: 48 };
const G16 = { block: 48, node: 16, function: 0, argument: 64 };
const FULL = { block: 32, node: 16, function: 16, argument: 0 };

const at = (address: string, structure: typeof NEXT, behaviour: number, more: Partial<InstalledSid> = {}) => ({
  sid: makeSid(address, structure, behaviour),
  node: 'n',
  ...more,
});

function packet(destination: string, list: readonly string[], segmentsLeft: number, more: Partial<ModelPacket> = {}) {
  const entries = list.map(addressToBytes);
  const srh = { segmentsLeft, lastEntry: list.length - 1, hdrExtLen: list.length * 2, list: entries };
  return { destination: addressToBytes(destination), hopLimit: 64, srh, payload: 'ipv6' as const, ...more };
}

/** A verdict as a line: where it goes and what is left. */
function line(verdict: Verdict): string {
  if (verdict.kind === 'drop') return `drop ${verdict.reason}`;
  if (verdict.kind !== 'forward') return verdict.kind;
  const { destination, srh, hopLimit } = verdict.packet;
  return `${verdict.by} ${bytesToAddress(destination)} sl ${srh?.segmentsLeft ?? 'none'} hl ${hopLimit}`;
}

test('seven nodes walk one container of 16-bit C-SIDs (RFC 9800 illustrations, N12 to N18)', () => {
  const numbers = [12, 13, 14, 15, 16, 17, 18];
  // The last decapsulates: End with REPLACE-CSID and USD.
  const installed = numbers.map((n) => ({
    sid: makeSid(`2001:db8:b:${n}00::`, G16, n === 18 ? 128 : 101),
    node: `N${n}`,
  }));
  const sent = encapsulate(['2001:db8:b:1200::', '::1800:1700:1600:1500:1400:1300'], { reduced: true });
  const walked = walk(makeDomain(installed, { onePass: true }), 'N11', sent);
  expect(walked.visits.map(({ node, destination, segmentsLeft }) => `${node} ${destination} ${segmentsLeft}`)).toEqual([
    'N12 2001:db8:b:1200:: 1',
    'N13 2001:db8:b:1300::7 0',
    'N14 2001:db8:b:1400::6 0',
    'N15 2001:db8:b:1500::5 0',
    'N16 2001:db8:b:1600::4 0',
    'N17 2001:db8:b:1700::3 0',
    'N18 2001:db8:b:1800::2 0',
  ]);
  expect(walked.outcome).toBe('decapsulated');
});

test('a captured walk of 32-bit C-SIDs to a plain End.DT6', () => {
  const names = ['1:1', '3:1', '2:1', '4:1'];
  const installed = [
    ...names.map((name) => ({ sid: makeSid(`fdbb:cafe:0:${name}::`, G32, 101), node: `r${name[0]}` })),
    { sid: makeSid('fdbb:cafe:0:6:d6::', G32, 18), node: 'eg' },
  ];
  const sent = encapsulate(['fdbb:cafe:0:1:1::', '6:d6:4:1:2:1:3:1'], { reduced: true });
  const walked = walk(makeDomain(installed, { onePass: true }), 'in', sent);
  expect(walked.visits.map(({ destination, segmentsLeft }) => `${destination} ${segmentsLeft}`)).toEqual([
    'fdbb:cafe:0:1:1:: 1',
    'fdbb:cafe:0:3:1::3 0',
    'fdbb:cafe:0:2:1::2 0',
    'fdbb:cafe:0:4:1::1 0',
    'fdbb:cafe:0:6:d6:: 0',
  ]);
  expect(walked.outcome).toBe('decapsulated');
});

const r1 = at('fdbb:cafe:0:1:1::', G32, 101);
const r1Psp = at('fdbb:cafe:0:1:1::', G32, 102);
const [DA, DA1, DA2, DA3] = ['fdbb:cafe:0:1:1::', 'fdbb:cafe:0:1:1::1', 'fdbb:cafe:0:1:1::2', 'fdbb:cafe:0:1:1::3'];
const FULL_CONTAINER = '5:1:4:1:3:1:2:1';

test.each<[string, InstalledSid, ModelPacket, string]>([
  [
    'takes the first C-SID of the next container',
    r1,
    packet(DA, [FULL_CONTAINER], 1),
    'fib fdbb:cafe:0:2:1::3 sl 0 hl 63',
  ],
  ['takes the next lower C-SID', r1, packet(DA3, [FULL_CONTAINER], 0), 'fib fdbb:cafe:0:3:1::2 sl 0 hl 63'],
  [
    'goes on at Segments Left 0 while C-SIDs are left',
    r1,
    packet(DA1, [FULL_CONTAINER], 0),
    'fib fdbb:cafe:0:5:1:: sl 0 hl 63',
  ],
  ['ends at Segments Left 0 and index 0', r1, packet(DA, [FULL_CONTAINER], 0), 'drop upper-layer'],
  ['ends at Segments Left 0 before a zero', r1, packet(DA2, ['::3:1:2:1'], 0), 'drop upper-layer'],
  ['delivers at the end what is not IP', r1, packet(DA, [FULL_CONTAINER], 0, { payload: 'other' }), 'delivered'],
  ['loads a full SID after an early end', r1, packet(DA2, ['5f00::1', '::3:1:2:1'], 1), 'fib 5f00::1 sl 0 hl 63'],
  [
    'goes to the next container after an exact fill',
    r1,
    packet(DA, ['::6:1', FULL_CONTAINER], 1),
    'fib fdbb:cafe:0:6:1::3 sl 0 hl 63',
  ],
  ['pops at the last C-SID', r1Psp, packet(DA1, [FULL_CONTAINER], 0), 'fib fdbb:cafe:0:5:1:: sl none hl 63'],
  ['pops before the zero', r1Psp, packet(DA, ['::2:1'], 1), 'fib fdbb:cafe:0:2:1::3 sl none hl 63'],
  ['does not pop while C-SIDs are left', r1Psp, packet(DA, [FULL_CONTAINER], 1), 'fib fdbb:cafe:0:2:1::3 sl 0 hl 63'],
  ['pops at a full SID that is the last', r1Psp, packet(DA2, ['5f00::1', '::3:1:2:1'], 1), 'fib 5f00::1 sl none hl 63'],
  [
    'refuses Segments Left beyond Last Entry inside a container',
    r1,
    packet(DA2, [FULL_CONTAINER], 1),
    'drop parameter-problem',
  ],
  ['refuses Segments Left beyond Last Entry + 1', r1, packet(DA, [FULL_CONTAINER], 2), 'drop parameter-problem'],
  ['drops a container that begins with zero', r1, packet(DA, ['5:1:4:1:3:1::'], 1), 'drop zero-csid'],
  ['drops at hop limit 1', r1, packet(DA, [FULL_CONTAINER], 1, { hopLimit: 1 }), 'drop hop-limit'],
  [
    'sends End.X through its adjacency',
    at(DA, G32, 105),
    packet(DA, [FULL_CONTAINER], 1),
    'adjacency fdbb:cafe:0:2:1::3 sl 0 hl 63',
  ],
  [
    'looks End.T up in its table',
    at(DA, G32, 109),
    packet(DA, [FULL_CONTAINER], 1),
    'table fdbb:cafe:0:2:1::3 sl 0 hl 63',
  ],
])('REPLACE-CSID %s', (_, installed, sent, expected) => {
  expect(line(processAtEndpoint(installed, sent))).toBe(expected);
});

test('REPLACE-CSID refuses a Last Entry beyond the header', () => {
  for (const [destination, segmentsLeft] of [
    [DA, 1],
    [DA2, 1],
  ] as const) {
    const sent = packet(destination, [FULL_CONTAINER, FULL_CONTAINER], segmentsLeft);
    const long = { ...sent, srh: { ...sent.srh, lastEntry: 2 } };
    expect(line(processAtEndpoint(r1, long))).toBe('drop parameter-problem');
    expect(line(processAtEndpoint(r1, sent))).toMatch(/^fib/);
  }
});

const u1 = at('fcaa:bbbb:1::', NEXT, 43);
const u1Psp = at('fcaa:bbbb:1::', NEXT, 44);
const bare = (destination: string, more: Partial<ModelPacket> = {}): ModelPacket => ({
  destination: addressToBytes(destination),
  hopLimit: 64,
  payload: 'ipv6',
  ...more,
});

test.each<[string, InstalledSid, ModelPacket, string]>([
  ['shifts without SRH', u1, bare('fcaa:bbbb:1:3:2:4:6:e001'), 'fib fcaa:bbbb:3:2:4:6:e001:0 sl none hl 63'],
  ['shifts and leaves the SRH alone', u1, packet('fcaa:bbbb:1:3::', ['5f00::1'], 1), 'fib fcaa:bbbb:3:: sl 1 hl 63'],
  [
    'loads the next entry when the container is used up',
    u1,
    packet('fcaa:bbbb:1::', ['5f00::1'], 1),
    'fib 5f00::1 sl 0 hl 63',
  ],
  ['does not pop while it shifts', u1Psp, packet('fcaa:bbbb:1:3::', ['5f00::1'], 1), 'fib fcaa:bbbb:3:: sl 1 hl 63'],
  ['pops before the last entry', u1Psp, packet('fcaa:bbbb:1::', ['5f00::1'], 1), 'fib 5f00::1 sl none hl 63'],
  ['does not shift at hop limit 1', u1, bare('fcaa:bbbb:1:3::', { hopLimit: 1 }), 'drop hop-limit'],
  ['has no upper layer for IP', u1, bare('fcaa:bbbb:1::'), 'drop upper-layer'],
  ['decapsulates with USD', at('fcaa:bbbb:1::', NEXT, 47), bare('fcaa:bbbb:1::'), 'decapsulated'],
  [
    'shifts by node and function together',
    at('fcaa:bbbb:1:e003::', { ...FULL, argument: 64 }, 52),
    bare('fcaa:bbbb:1:e003:4:5::'),
    'adjacency fcaa:bbbb:4:5:: sl none hl 63',
  ],
])('NEXT-CSID %s', (_, installed, sent, expected) => {
  expect(line(processAtEndpoint(installed, sent))).toBe(expected);
});

const plain = (behaviour: number) => at('5f00:0:1:1::', FULL, behaviour);
const last = packet('5f00:0:1:1::', ['5f00:0:1:1::'], 0);
const before = packet('5f00:0:1:1::', ['5f00:0:2:1::'], 1);

test.each<[string, number, ModelPacket, string]>([
  ['End', 1, before, 'fib 5f00:0:2:1:: sl 0 hl 63'],
  ['End with PSP', 2, before, 'fib 5f00:0:2:1:: sl none hl 63'],
  ['End.X', 5, before, 'adjacency 5f00:0:2:1:: sl 0 hl 63'],
  ['End.T', 9, before, 'table 5f00:0:2:1:: sl 0 hl 63'],
  ['End at hop limit 1', 1, { ...before, hopLimit: 1 }, 'drop hop-limit'],
  ['End at the end', 1, last, 'drop upper-layer'],
  ['End with USD at the end', 28, last, 'decapsulated'],
  ['End beyond the list', 1, packet('5f00:0:1:1::', ['5f00:0:2:1::'], 2), 'drop parameter-problem'],
  ['End.DX6', 16, last, 'decapsulated'],
  ['End.DT6 before the end', 18, before, 'drop parameter-problem'],
  ['End.DT6 of IPv4', 18, { ...last, payload: 'ipv4' }, 'drop upper-layer'],
  ['End.DX4', 17, { ...last, payload: 'ipv4' }, 'decapsulated'],
  ['End.DT46 of IPv4', 20, { ...last, payload: 'ipv4' }, 'decapsulated'],
  ['End.B6.Encaps', 14, before, 'drop unsupported-behaviour'],
  ['a code point of nobody', 40_000, before, 'drop unsupported-behaviour'],
])('%s', (_, behaviour, sent, expected) => {
  expect(line(processAtEndpoint(plain(behaviour), sent))).toBe(expected);
});

test('End.LBS puts the next block in front of what is left of the list (RFC 9800 section 7)', () => {
  const swap = { block: addressToBytes('2001:db8:f::'), bits: 48 };
  const nextLbs = at('fcaa:bbbb:1::', NEXT, 96, { swap });
  expect(line(processAtEndpoint(nextLbs, bare('fcaa:bbbb:1:3:2:4::')))).toBe('fib 2001:db8:f:3:2:4:: sl none hl 63');
  // 64 bits fit behind the longer block; the sixth C-SID does not.
  expect(line(processAtEndpoint(nextLbs, bare('fcaa:bbbb:1:3:2:4:5:6')))).toBe(
    'fib 2001:db8:f:3:2:4:5:6 sl none hl 63',
  );
  const shorter = at('2001:db8:b:1::', G16, 97, { swap: { block: addressToBytes('fcaa:bbbb::'), bits: 32 } });
  expect(line(processAtEndpoint(shorter, bare('2001:db8:b:1:3:2:4:5')))).toBe(
    'adjacency fcaa:bbbb:3:2:4:5:: sl none hl 63',
  );
  const replaceLbs = at(DA, G32, 140, { swap: { block: addressToBytes('2001:db8:f:700::'), bits: 56 } });
  expect(line(processAtEndpoint(replaceLbs, packet(DA3, [FULL_CONTAINER], 0)))).toBe(
    'fib 2001:db8:f:700:300:100:0:2 sl 0 hl 63',
  );
});

/** RFC 9800 4.2.1 once more, on text: addresses as 32 hex digits, one C-SID a slice. Shares nothing with the model. */
function secondReading(csidDigits: 4 | 8, destination: string, srh: NonNullable<ModelPacket['srh']>): string {
  const hex = srh.list.map(digits);
  const csid = (entry: number, index: number) => (hex[entry] ?? '').slice(index * csidDigits, (index + 1) * csidDigits);
  const isZero = (text: string) => /^0*$/.test(text);
  const perContainer = 32 / csidDigits;
  let index = Number.parseInt(destination.slice(-1), 16) % perContainer;
  let left = srh.segmentsLeft;
  if (left === 0 && (index === 0 || isZero(csid(0, index - 1)))) return 'end';
  if (srh.lastEntry > Math.trunc(srh.hdrExtLen / 2) - 1) return 'drop';
  if (index > 0) {
    if (left > srh.lastEntry) return 'drop';
    index -= 1;
    if (isZero(csid(left, index))) return `${hex[left - 1]} ${left - 1}`;
  } else {
    if (left > srh.lastEntry + 1) return 'drop';
    left -= 1;
    index = perContainer - 1;
  }
  if (isZero(csid(left, index))) return 'drop';
  const tail = destination.slice(12 + csidDigits, 31);
  const lastDigit = Number.parseInt(destination.slice(-1), 16);
  const low = (lastDigit - (lastDigit % perContainer) + index).toString(16);
  return `${destination.slice(0, 12)}${csid(left, index)}${tail}${low} ${left}`;
}

function digits(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

test('the model agrees with a second reading of the pseudo code on any header, malformed ones included', () => {
  const byte = fc.constantFrom(0, 0, 0, 1, 7, 0xfe);
  const entry = fc.uint8Array({ minLength: 16, maxLength: 16 });
  const sparse = fc.array(byte, { minLength: 16, maxLength: 16 }).map((bytes) => Uint8Array.from(bytes));
  const any = fc.record({
    wide: fc.boolean(),
    argument: fc.uint8Array({ minLength: 6, maxLength: 6 }),
    list: fc.array(fc.oneof(sparse, entry), { maxLength: 4 }),
    segmentsLeft: fc.nat(6),
    lastEntry: fc.nat(5),
    tlvOctets: fc.constantFrom(0, 8),
  });
  const seen = new Set<string>();
  fc.assert(
    fc.property(any, ({ wide, argument, list, segmentsLeft, lastEntry, tlvOctets }) => {
      const installed = wide ? at(DA, G32, 101) : at('fdbb:cafe:0:1::', G16, 101);
      const destination = installed.sid.bytes.slice();
      destination.set(argument, 10);
      const srh = { segmentsLeft, lastEntry, hdrExtLen: list.length * 2 + tlvOctets / 8, list };
      const verdict = processAtEndpoint(installed, { destination, hopLimit: 64, srh, payload: 'other' });
      const told =
        verdict.kind === 'forward'
          ? `${digits(verdict.packet.destination)} ${verdict.packet.srh?.segmentsLeft}`
          : verdict.kind === 'delivered'
            ? 'end'
            : 'drop';
      seen.add(told.length > 4 ? 'forward' : told);
      expect(told).toBe(secondReading(wide ? 8 : 4, digits(destination), srh));
    }),
    { numRuns: 3000 },
  );
  expect([...seen].sort()).toEqual(['drop', 'end', 'forward']);
});
