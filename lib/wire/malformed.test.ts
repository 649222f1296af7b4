// RFC 7606 on this wire: what a malformed entry costs, and what it does not. Frames are made by protobufjs' reflection.
import { describe, expect, it } from 'vitest';
import { fromPlainUpdate, type PlainUpdate, toPlainUpdate } from '../session/update-rows.ts';
import { decodeFrame, encodeFrame } from './frame.ts';
import { MAX_FAULTS, MAX_ROWS } from './limits.ts';
import { oracleFrame } from './oracle.fixture.ts';
import { SessionError } from './session-error.ts';

const SID = Uint8Array.of(0x5f, 0, ...new Array<number>(13).fill(0), 1);
const goodSet = { egressSid: SID, site: 'site-1' };
const addresses = (count: number) =>
  Uint8Array.from({ length: count * 16 }, (_, i) => (i % 16 === 15 ? 1 + i / 16 : 0x20));

function service(fields: Record<string, unknown>): PlainUpdate {
  const table = {
    attributeSets: [goodSet],
    handleDelta: [1, 1, 1],
    service: addresses(3),
    contactInstance: addresses(3),
    originator: [1, 2, 3],
    attributeSet: [0, 0, 0],
    ...fields,
  };
  return updateOf(oracleFrame({ update: { service: table } }));
}

function compute(fields: Record<string, unknown>): PlainUpdate {
  const table = { handleDelta: [1, 1, 1], score: [5, 6, 7], source: [3], statistic: [4], ...fields };
  return updateOf(oracleFrame({ update: { compute: table } }));
}

function updateOf(bytes: Uint8Array): PlainUpdate {
  const message = decodeFrame(bytes);
  if (message.type !== 'UPDATE') throw new Error(`decoded ${message.type}`);
  return toPlainUpdate(message);
}

const faultsOf = (update: PlainUpdate) => (update.faults ?? []).map((fault) => `${fault.field}: ${fault.text}`);

describe('a malformed service entry', () => {
  it.each([
    ['an SID of 3 bytes', { egressSid: Uint8Array.of(1, 2, 3) }],
    ['no SID', { egressSid: new Uint8Array(0) }],
    ['no site', { site: '' }],
    ['a site with a space', { site: 'site 1' }],
    ['a site path with an empty name', { sitePath: [''] }],
    ['a site path that is too long', { sitePath: new Array(65).fill('a') }],
    ['a cluster list that is too long', { clusterList: new Array(65).fill(1) }],
    ['a name that is too long', { serviceName: 'x'.repeat(64) }],
    ['too many communities', { communities: new Array(65).fill('a') }],
    ['too many capabilities', { capabilities: new Array(65).fill('a') }],
    ['a SID structure of 129 bits', { sidStructure: { block: 129 } }],
    ['a behaviour beyond its registry', { behaviour: 65_536 }],
    ['a price of 2^53', { priceMicros: 2 ** 53 }],
    ['carbon that is no number', { carbon: Number.NaN }],
  ])('with %s withdraws the rows of that set and no others', (_, wrong) => {
    const update = service({ attributeSets: [{ ...goodSet, ...wrong }, goodSet], attributeSet: [0, 1, 0] });
    expect(update.service!.attributeSet).toEqual([-1, 0, -1]);
    expect(update.service!.attributeSets.map((set) => set.site)).toEqual(['site-1']);
    expect(update.service!.handle).toEqual([1, 2, 3]);
    expect(faultsOf(update)).toEqual([expect.stringContaining('its rows are withdrawn')]);
  });

  it('that points at no set is withdrawn alone', () => {
    const update = service({ attributeSet: [0, 7, 0xffff_ffff] });
    expect(update.service!.attributeSet).toEqual([0, -1, -1]);
    expect(faultsOf(update)).toEqual(['service.attribute_set: no such attribute set: row withdrawn (2 entries)']);
  });

  it('with router id 0 has no key: its handle is withdrawn', () => {
    const update = service({ originator: [1, 0, 3] });
    expect(update.service).toMatchObject({ handle: [1, 3], originator: ['0.0.0.1', '0.0.0.3'], withdrawn: [2] });
  });

  it.each(['service', 'contactInstance', 'originator'])('column %s of a wrong length withdraws all rows', (column) => {
    const update = service({ [column]: column === 'originator' ? [1, 2] : addresses(2), withdrawnDelta: [9] });
    expect(update.service).toMatchObject({ handle: [], attributeSets: [], withdrawn: [9, 1, 2, 3] });
    expect(faultsOf(update)).toHaveLength(1);
  });

  it('column attribute_set of a wrong length withdraws all rows', () => {
    const update = service({ attributeSet: [0, 0] });
    expect(update.service!.attributeSet).toEqual([-1, -1, -1]);
  });

  it('of no rows has no use for an address, and says nothing of it', () => {
    expect(
      service({ handleDelta: [], service: addresses(1), originator: [], attributeSet: [] }).service!.handle,
    ).toHaveLength(0);
  });

  it('never fills the log: faults are counted and bounded', () => {
    const sets = Array.from({ length: 100 }, (_, i) => ({ ...goodSet, site: `site ${i}` }));
    expect(service({ attributeSets: sets }).faults).toHaveLength(MAX_FAULTS);
  });
});

describe('a malformed compute row', () => {
  it.each([
    ['a score of 11', { score: [5, 11, 7] }],
    ['a negative rate', { arrivalRate: [1, -1, 1] }],
    ['a rate that is no number', { spareCapacity: [1, Number.NaN, 1] }],
    ['an infinite number in flight', { inFlight: [0, Number.POSITIVE_INFINITY, 0] }],
    ['an unknown source', { source: [3, 9, 3] }],
    ['no statistic', { statistic: [4, 0, 4] }],
    ['a sequence of 2^53', { sequence: [1, 2 ** 53, 3] }],
  ])('with %s is dropped alone', (_, wrong) => {
    const update = compute(wrong);
    expect(update.compute!.handle).toEqual([1, 3]);
    expect(faultsOf(update)).toHaveLength(1);
  });

  it('in a column of a wrong length drops all rows and says which column', () => {
    const update = compute({ windowMs: [1, 2] });
    expect(update.compute).toEqual({ handle: [], state: [] });
    expect(faultsOf(update)).toEqual(['compute.window_ms: wrong length of the column: rows dropped (3 entries)']);
  });

  it('takes columns that are left out as 0 and columns of one element for all rows', () => {
    const update = compute({ workers: [8] });
    expect(update.compute!.state.map((s) => [s.score, s.workers, s.windowMs, s.source])).toEqual([
      [5, 8, 0, 'measured'],
      [6, 8, 0, 'measured'],
      [7, 8, 0, 'measured'],
    ]);
    expect(update.faults).toBeUndefined();
  });
});

describe('a malformed node', () => {
  const node = { originator: 7, site: 'site-1', sequence: 1 };
  it.each([
    ['router id 0', { originator: 0 }],
    ['no site', { site: '' }],
    ['prefix columns of different lengths', { prefixAddress: addresses(2), prefixLength: [64] }],
    ['host bits in a prefix', { prefixAddress: addresses(1), prefixLength: [64] }],
    ['a prefix length of 129', { prefixAddress: new Uint8Array(16), prefixLength: [129] }],
    ['a link to router id 0', { links: [{ name: 'eth0' }] }],
    ['a loss beyond 24 bits', { links: [{ neighbour: 1, loss: 0x100_0000 }] }],
    ['a locator without End SID', { locators: [{ address: new Uint8Array(16), length: 48 }] }],
    ['a SID depth of 256', { maxSidDepth: 256 }],
    ['256 segments left', { maxSegmentsLeft: 256 }],
    ['an adjacency SID of 4 bytes', { links: [{ neighbour: 1, adjacencySids: [{ sid: new Uint8Array(4) }] }] }],
    ['an adjacency SID that is not there', { links: [{ neighbour: 1, adjacencySids: [{ behaviour: 52 }] }] }],
    [
      'an adjacency SID of 129 bits',
      { links: [{ neighbour: 1, adjacencySids: [{ sid: new Uint8Array(16), structure: { block: 129 } }] }] },
    ],
    [
      'a behaviour of 17 bits',
      { links: [{ neighbour: 1, adjacencySids: [{ sid: new Uint8Array(16), behaviour: 0x1_0000 }] }] },
    ],
    ['a decapsulating SID of 4 bytes', { decapSids: [{ sid: new Uint8Array(4), behaviour: 19 }] }],
    ['a decapsulating SID that is not there', { decapSids: [{ behaviour: 19 }] }],
  ])('with %s is dropped alone', (_, wrong) => {
    const nodes = [
      { ...node, ...wrong },
      { ...node, originator: 8 },
    ];
    const update = updateOf(oracleFrame({ update: { linkState: { nodes } } }));
    expect(update.linkState!.nodes.map((n) => n.originator)).toEqual(['0.0.0.8']);
    expect(faultsOf(update)).toHaveLength(1);
  });
});

describe('limits of a frame', () => {
  it('ends the session when a key column has more rows than a frame may have', () => {
    const tooMany = { update: { service: { withdrawnDelta: new Array(MAX_ROWS + 1).fill(1) } } };
    expect(() => decodeFrame(oracleFrame(tooMany))).toThrow(SessionError);
    const most = { update: { service: { withdrawnDelta: new Array(MAX_ROWS).fill(1) } } };
    expect(updateOf(oracleFrame(most)).service!.withdrawn).toHaveLength(MAX_ROWS);
  });

  it('gives up 4 MiB of one-byte rows at the limit, in bounded time', () => {
    // Lengths as varints of four bytes: frame > update > service > handle_delta.
    const nested = (tag: number, body: Uint8Array) => {
      const length = [0, 7, 14, 21].map((shift) => ((body.length >> shift) & 0x7f) | (shift < 21 ? 0x80 : 0));
      return Buffer.concat([Uint8Array.of(tag, ...length), body]);
    };
    const frame = nested(0x1a, nested(0x0a, nested(0x12, new Uint8Array(4_000_000).fill(2))));
    const startMs = performance.now();
    expect(() => decodeFrame(frame)).toThrow(`more than ${MAX_ROWS} elements`);
    expect(performance.now() - startMs).toBeLessThan(20_000);
  });

  it('saturates instead of wrapping when the sender has numbers the wire has not', () => {
    const state = {
      ...compute({}).compute!.state[0]!,
      serviceTimeUs: 1e12,
      workTimeUs: -5,
      spareCapacity: Number.POSITIVE_INFINITY,
      arrivalRate: Number.NaN,
      workers: 2.6,
    };
    const sent = updateOf(encodeFrame(fromPlainUpdate({ type: 'UPDATE', compute: { handle: [1], state: [state] } })))
      .compute!.state[0]!;
    expect(sent).toMatchObject({ serviceTimeUs: 0xffff_ffff, workTimeUs: 0, arrivalRate: 0, workers: 3 });
    expect(sent.spareCapacity).toBeGreaterThan(1e38);
  });
});
