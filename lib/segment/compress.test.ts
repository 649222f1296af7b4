// Worked examples of packing: what an operator finds in `encap.red`, and why a list is refused. Properties are in
// compress.properties.test.ts.
import { expect, test } from 'vitest';
import { compress } from './compress.ts';
import type { Segment } from './eligibility.ts';
import { encapsulationBytes } from './packed-list.ts';
import { makeSid, type Sid } from './sid.ts';
import { sidTable } from './sid-table.ts';

const NEXT = { block: 32, node: 16, function: 0, argument: 80 };
const NEXT_BOTH = { block: 32, node: 16, function: 16, argument: 64 };
const NEXT_LOCAL = { block: 32, node: 0, function: 16, argument: 80 };
const NEXT_48 = { block: 48, node: 16, function: 0, argument: 64 };
const G32 = { block: 48, node: 16, function: 16, argument: 48 };
const G16 = { block: 48, node: 16, function: 0, argument: 64 };
const FULL = { block: 32, node: 16, function: 16, argument: 0 };
const CODE = { end: 1, dt6: 18, dt46: 20, nextEnd: 43, nextEndX: 52, nextDt6: 62, gEnd: 101, gEndX: 105, gDt6: 118 };

const next = (node: string) => makeSid(`fcaa:bbbb:${node}::`, NEXT, CODE.nextEnd);
const g32 = (node: string, behaviour: number = CODE.gEnd) => makeSid(`fdbb:cafe:0:${node}::`, G32, behaviour);
const plain = (node: number, behaviour: number = CODE.end) =>
  makeSid(`5f00:0:${node.toString(16)}:1::`, FULL, behaviour);

function pack(sids: readonly (Sid | Segment)[], options: Partial<Parameters<typeof compress>[0]> = {}) {
  const segments = sids.map((it) => ('choices' in it ? it : { choices: [it] }));
  return compress({ segments, ingress: '', maxSidDepth: 16, ...options });
}

test('six 16-bit C-SIDs behind a 32-bit block are one address and no SRH', () => {
  const packed = pack([...['1', '3', '2', '4', '6'].map(next), makeSid('fcaa:bbbb:e001::', NEXT_LOCAL, CODE.nextDt6)]);
  expect(packed).toMatchObject({ segments: ['fcaa:bbbb:1:3:2:4:6:e001'], bytes: 40, reason: 'single-entry', at: -1 });
  expect(packed.entries[0]).toMatchObject({ kind: 'next' });
});

test('a C-SID of node and function takes two places in a container', () => {
  const egress = makeSid('fcaa:bbbb:6:e001::', NEXT_BOTH, CODE.nextDt6);
  expect(pack([...['1', '3', '2', '4'].map(next), egress]).segments).toEqual(['fcaa:bbbb:1:3:2:4:6:e001']);
  expect(pack([...['1', '3', '2', '4', '5'].map(next), egress]).segments).toEqual([
    'fcaa:bbbb:1:3:2:4:5:0',
    'fcaa:bbbb:6:e001::',
  ]);
});

test('a plain service SID of the same block closes a NEXT-CSID container', () => {
  const egress = makeSid('fcaa:bbbb:6:d6::', { ...NEXT_BOTH, argument: 0 }, CODE.dt6);
  expect(pack([next('1'), next('3'), egress]).segments).toEqual(['fcaa:bbbb:1:3:6:d6::']);
});

test('the first container is filled first', () => {
  const names = Array.from({ length: 10 }, (_, i) => (i + 1).toString(16));
  expect(pack(names.map(next)).segments).toEqual(['fcaa:bbbb:1:2:3:4:5:6', 'fcaa:bbbb:7:8:9:a::']);
  const wide = names.map((name) => makeSid(`fcaa:bbbb:cc:${name}::`, NEXT_48, CODE.nextEnd));
  expect(pack(wide).segments).toEqual(['fcaa:bbbb:cc:1:2:3:4:5', 'fcaa:bbbb:cc:6:7:8:9:a']);
});

test('a 32-bit REPLACE-CSID list is a full SID and containers filled from the right', () => {
  const packed = pack([g32('1:1'), g32('3:1'), g32('2:1'), g32('4:1'), g32('6:d6', CODE.gDt6)]);
  expect(packed).toMatchObject({ segments: ['fdbb:cafe:0:1:1::', '6:d6:4:1:2:1:3:1'], bytes: 64 });
  expect(packed.entries.map((entry) => entry.kind)).toEqual(['replace-first', 'replace-packed']);
});

test('ten 32-bit C-SIDs are the destination and three entries, the last with one', () => {
  const sids = Array.from({ length: 10 }, (_, i) => g32(`${(i + 1).toString(16)}:1`));
  expect(pack(sids).segments).toEqual(['fdbb:cafe:0:1:1::', '5:1:4:1:3:1:2:1', '9:1:8:1:7:1:6:1', '::a:1']);
});

test('seven 16-bit C-SIDs are the destination and one entry', () => {
  const sids = [12, 13, 14, 15, 16, 17, 18].map((n) => makeSid(`2001:db8:b:${n}00::`, G16, CODE.gEnd));
  expect(pack(sids).segments).toEqual(['2001:db8:b:1200::', '::1800:1700:1600:1500:1400:1300']);
});

test('a sequence may end early before a full SID', () => {
  const egress = plain(9, CODE.dt46);
  expect(pack([g32('1:1'), g32('2:1'), g32('3:1'), egress]).segments).toEqual([
    'fdbb:cafe:0:1:1::',
    '::3:1:2:1',
    egress.address,
  ]);
});

test('a container that a REPLACE-CSID SID fills exactly is not followed by a full SID', () => {
  const five = ['1:1', '2:1', '3:1', '4:1', '5:1'].map((name) => g32(name));
  const egress = plain(9, CODE.dt46);
  expect(pack(five).segments).toEqual(['fdbb:cafe:0:1:1::', '5:1:4:1:3:1:2:1']);
  // One sequence of five would be read on: two sequences instead.
  expect(pack([...five, egress]).segments).toEqual([
    'fdbb:cafe:0:1:1::',
    '::3:1:2:1',
    'fdbb:cafe:0:4:1::',
    '::5:1',
    egress.address,
  ]);
  const closer = makeSid('fdbb:cafe:0:5:2::', G32, CODE.end);
  expect(pack([...five.slice(0, 4), closer, egress]).segments).toEqual([
    'fdbb:cafe:0:1:1::',
    '5:2:4:1:3:1:2:1',
    egress.address,
  ]);
});

test('two REPLACE-CSID, a plain End and three NEXT-CSID make three entries', () => {
  const end = makeSid('fdbb:cafe:0:3:2::', G32, CODE.end);
  expect(pack([g32('1:1'), g32('2:1'), end, next('4'), next('5'), next('6')])).toMatchObject({
    segments: ['fdbb:cafe:0:1:1::', '::3:2:2:1', 'fcaa:bbbb:4:5:6::'],
    bytes: encapsulationBytes(3),
    reason: 'compressed',
  });
});

test.each([
  { count: 1, full: 1, next32: 1, next48: 1, g32: 1, g16: 1 },
  { count: 5, full: 5, next32: 1, next48: 1, g32: 2, g16: 2 },
  { count: 6, full: 6, next32: 1, next48: 2, g32: 3, g16: 2 },
  { count: 10, full: 10, next32: 2, next48: 2, g32: 4, g16: 3 },
  { count: 12, full: 12, next32: 2, next48: 3, g32: 4, g16: 3 },
])('$count segments take as many entries as RFC 9800 promises', ({ count, ...entries }) => {
  const list = (make: (n: string) => Sid) => pack(Array.from({ length: count }, (_, i) => make((i + 1).toString(16))));
  expect({
    full: list((n) => makeSid(`5f00:0:${n}:1::`, FULL, CODE.end)).segments.length,
    next32: list(next).segments.length,
    next48: list((n) => makeSid(`fcaa:bbbb:cc:${n}::`, NEXT_48, CODE.nextEnd)).segments.length,
    g32: list((n) => g32(`${n}:1`)).segments.length,
    g16: list((n) => makeSid(`2001:db8:b:${n}::`, G16, CODE.gEnd)).segments.length,
  }).toEqual(entries);
});

test('a list of one SID is left as it is', () => {
  expect(pack([g32('1:1')])).toMatchObject({ segments: ['fdbb:cafe:0:1:1::'], bytes: 40, reason: 'single-entry' });
});

test('of twins the shortest encapsulation is taken, and with equal octets the one that needs fewest endpoints to rewrite', () => {
  const twins = (n: string): Segment => ({ choices: [g32(`${n}:1`), next(n), plain(Number(n))] });
  expect(pack([twins('1'), twins('2'), twins('3')]).segments).toEqual(['fcaa:bbbb:1:2:3::']);
  const two: Segment[] = ['1', '2'].map((n) => ({ choices: [g32(`${n}:1`), plain(Number(n))] }));
  expect(pack(two).entries.map((entry) => entry.kind)).toEqual(['full', 'full']);
});

test('a REPLACE-CSID SID without sibling gives way to its twin, and is refused without one', () => {
  expect(pack([g32('1:1'), plain(2)])).toMatchObject({ segments: [], reason: 'replace-alone', at: 0 });
  expect(pack([{ choices: [g32('1:1'), plain(1)] }, plain(2)]).segments).toEqual(['5f00:0:1:1::', '5f00:0:2:1::']);
  expect(pack([plain(1), g32('2:1'), plain(3)])).toMatchObject({ reason: 'replace-alone', at: 1 });
});

test.each([
  ['zero-csid', makeSid('fcaa:bbbb::', NEXT, CODE.nextEnd)],
  ['zero-csid', makeSid('fdbb:cafe::', G32, CODE.gEnd)],
  ['argument-not-zero', makeSid('fcaa:bbbb:1:2::', NEXT, CODE.nextEnd)],
  ['bad-structure', makeSid('fcaa:bbbb:1::', { ...NEXT, argument: 81 }, CODE.nextEnd)],
  ['bad-structure', makeSid('fcaa:bbbb:1::', { block: 32.5, node: 16, function: 0, argument: 0 }, CODE.nextEnd)],
  ['unknown-behaviour', plain(1, 40_000)],
  ['decapsulates-early', plain(1, CODE.dt6)],
] as const)('refuses %s', (reason, sid) => {
  expect(pack([sid, plain(9, CODE.dt6)])).toMatchObject({ segments: [], bytes: 0, reason, at: 0 });
});

test('an unknown behaviour may end the list', () => {
  expect(pack([next('1'), plain(9, 40_000)]).segments).toEqual(['fcaa:bbbb:1::', '5f00:0:9:1::']);
});

test('a flavoured SID whose lengths its flavour does not have stands alone', () => {
  const odd = (n: number) => makeSid(`fcaa:bbbb:${n}::`, { ...NEXT, argument: 0 }, CODE.nextEnd);
  expect(odd(1).unfit).toBe('length-of-flavour');
  expect(pack([odd(1), odd(2)]).segments).toEqual(['fcaa:bbbb:1::', 'fcaa:bbbb:2::']);
  // The index shares no octet with the C-SID: at most 120 bits before it.
  const long = (n: number) =>
    makeSid(`2001:db8:0:0:0:0:${n}:0`, { block: 96, node: 16, function: 0, argument: 16 }, 101);
  expect(long(1).unfit).toBe('');
  expect(makeSid('2001:db8::1:2', { block: 96, node: 16, function: 16, argument: 0 }, 101).unfit).toBe(
    'length-of-flavour',
  );
});

test('a plain SID that is not installed as a prefix does not close a REPLACE-CSID container above position 0', () => {
  const egress = makeSid('fdbb:cafe:0:6:d6::', { ...G32, argument: 0 }, CODE.dt6);
  expect(pack([g32('1:1'), g32('2:1'), egress]).segments).toEqual(['fdbb:cafe:0:1:1::', '::2:1', 'fdbb:cafe:0:6:d6::']);
  const five = ['1:1', '2:1', '3:1', '4:1'].map((name) => g32(name));
  expect(pack([...five, egress]).segments).toEqual(['fdbb:cafe:0:1:1::', '6:d6:4:1:3:1:2:1']);
});

test('REPLACE-CSID is not asked of a node whose hook has seen the packet already', () => {
  const again = makeSid('fdbb:cafe:0:1:9::', G32, CODE.gEnd);
  expect(pack([g32('1:1'), again, g32('2:1')])).toMatchObject({ reason: 'same-node-repeat', at: 1 });
  // Its service SID is the kernel's, and an adjacency brings the packet back in.
  expect(pack([g32('1:1'), makeSid('fdbb:cafe:0:1:d6::', G32, CODE.gDt6)]).segments.length).toBe(2);
  expect(pack([g32('1:e1', CODE.gEndX), again, g32('2:1')]).segments.length).toBe(2);
  const twin = { choices: [again, makeSid('fcaa:bbbb:1::', NEXT, CODE.nextEnd, again.node)] };
  expect(pack([plain(3), makeSid('5f00:0:1:1::', FULL, CODE.end, again.node), twin, next('2')]).segments).toEqual([
    '5f00:0:3:1::',
    '5f00:0:1:1::',
    'fcaa:bbbb:1:2::',
  ]);
});

test('REPLACE-CSID of the ingress itself is not its first hop; NEXT-CSID may be', () => {
  const own = g32('1:1');
  expect(pack([own, g32('2:1')], { ingress: own.node })).toMatchObject({ reason: 'own-first-hop', at: 0 });
  expect(pack([next('1'), next('2')], { ingress: next('1').node }).segments).toEqual(['fcaa:bbbb:1:2::']);
});

test('a SID without node bits needs one before it that leads to its node', () => {
  const local = makeSid('fcaa:bbbb:e001::', NEXT_LOCAL, CODE.nextEndX);
  expect(pack([local, next('2')])).toMatchObject({ reason: 'local-first-hop', at: 0 });
  expect(pack([next('1'), local, next('2')]).segments).toEqual(['fcaa:bbbb:1:e001:2::']);
});

test('C-SIDs that would read as another SID of the node are not put side by side', () => {
  const shadow = makeSid('fcaa:bbbb:6:1::', { ...NEXT_BOTH, argument: 0 }, CODE.end);
  const list = [next('5'), next('6'), next('1'), next('2')];
  const installed = sidTable([...list, shadow]);
  expect(pack(list, { installed }).segments).toEqual(['fcaa:bbbb:5:6::', 'fcaa:bbbb:1:2::']);
  expect(pack(list).segments).toEqual(['fcaa:bbbb:5:6:1:2::']);
  // A twin in another block is not affected.
  const twins = [g32('6:1', CODE.nextEnd), g32('1:d6', CODE.gDt6)];
  const both = [next('6'), makeSid('fcaa:bbbb:1:d6::', NEXT_BOTH, CODE.nextDt6)];
  const two = both.map((sid, i) => ({ choices: [sid, twins[i]!] }));
  expect(pack(two, { installed }).segments).toEqual(['fdbb:cafe:0:6:1:1:d6:0']);
  // The combined entry of node and local function is meant to be found.
  const local = makeSid('fcaa:bbbb:e001::', NEXT_LOCAL, CODE.nextEndX);
  const combined = sidTable([local, makeSid('fcaa:bbbb:6:e001::', NEXT_BOTH, CODE.nextEndX)]);
  expect(pack([next('6'), local, next('1')], { installed: combined }).segments).toEqual(['fcaa:bbbb:6:e001:1::']);
});

test('the headend counts entries, not segments', () => {
  const list = Array.from({ length: 12 }, (_, i) => next((i + 1).toString(16)));
  expect(pack(list, { maxSidDepth: 2 }).segments.length).toBe(2);
  expect(pack(list, { maxSidDepth: 1 })).toMatchObject({ segments: [], reason: 'too-deep' });
});

test('an endpoint counts the Segments Left that reach it', () => {
  const limited = (sid: Sid, maxSegmentsLeft: number): Segment => ({ choices: [sid], maxSegmentsLeft });
  const list = [next('1'), next('2'), plain(3), plain(4)];
  expect(pack([limited(next('1'), 2), ...list.slice(1)]).segments.length).toBe(3);
  expect(pack([limited(next('1'), 1), ...list.slice(1)])).toMatchObject({ reason: 'endpoint-too-shallow', at: 0 });
  // A sequence behind its first container has one entry less ahead.
  const six = ['1:1', '2:1', '3:1', '4:1', '5:1', '6:1'].map((name) => g32(name));
  expect(pack(six.map((sid, i) => limited(sid, [2, 1, 1, 1, 1, 0][i]!))).segments.length).toBe(3);
  expect(pack(six.map((sid, i) => limited(sid, [2, 1, 1, 0, 1, 0][i]!)))).toMatchObject({
    reason: 'endpoint-too-shallow',
    at: 3,
  });
});

test('an empty list, and a segment without a SID, are refused', () => {
  expect(pack([])).toMatchObject({ reason: 'empty-list', at: -1 });
  expect(pack([next('1'), { choices: [] }])).toMatchObject({ reason: 'empty-list', at: 1 });
});

test.each([
  [0, 0],
  [1, 40],
  [2, 64],
  [5, 112],
])('%i entries cost %i octets', (entries, bytes) => {
  expect(encapsulationBytes(entries)).toBe(bytes);
});
