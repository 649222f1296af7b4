import { describe, expect, it } from 'vitest';
import { Assembler } from './assembler.ts';
import { NEXT_CSID, shiftSidOf } from './next-csid-program.ts';
import { REPLACE_CSID } from './replace-program.ts';
import { attach, loadProgram } from './system-call.ts';

const hex = (octets: Uint8Array) => Buffer.from(octets).toString('hex').match(/.{16}/g);

describe('eBPF', () => {
  it('is encoded as RFC 9669 says', () => {
    const a = new Assembler();
    a.set(1, '=', 7).set(1, '+', 'r2').set(3, '&', -256).load(16, 4, 1, -2).store(8, 10, -1, 'r4').store(32, 10, -8, 5);
    a.addAtomically(6, 8, 1).loadMap(1, 42).call(1).exit();
    expect(hex(a.assemble())).toEqual([
      'b701000007000000',
      '0f21000000000000',
      '57030000 00ffffff'.replace(' ', ''),
      '6914feff00000000',
      '734affff00000000',
      '620af8ff05000000',
      'db16080000000000',
      '181100002a000000',
      '0000000000000000',
      '8500000001000000',
      '9500000000000000',
    ]);
  });

  it('reaches labels forwards and backwards, and knows each once', () => {
    const a = new Assembler();
    a.label('start').jumpIf(1, '!=', 'r2', 'end').jump('start').label('end').exit();
    expect(hex(a.assemble())).toEqual(['5d21010000000000', '0500feff00000000', '9500000000000000']);
    expect(() => a.label('start')).toThrow('stands once');
    expect(() => new Assembler().jump('nowhere').assemble()).toThrow('somewhere');
  });
});

describe('the accelerator of REPLACE-CSID', () => {
  const sid = (prefix: string, csidBits: 16 | 32, mark?: number) =>
    ({ kind: 'replace-csid', prefix, csidBits, ...(mark !== undefined && { mark }) }) as const;

  it('keeps SIDs of one prefix and two layouts apart', () => {
    const keys = ([16, 32] as const).map((csidBits) => REPLACE_CSID.key(sid('fdbb:cafe:0:3:1::/80', csidBits)));
    expect(new Set(keys.map((key) => Buffer.from(key).toString('hex'))).size).toBe(2);
    expect(keys[1]).toHaveLength(REPLACE_CSID.keyOctets);
  });

  it('counts from nothing, marked or not', () => {
    expect(REPLACE_CSID.value(sid('fdbb::/80', 32))).toEqual(new Uint8Array(REPLACE_CSID.valueOctets));
    const value = REPLACE_CSID.value(sid('fdbb::/80', 32, 0x203));
    expect(value[0]).toBe(1);
    new DataView(value.buffer).setBigUint64(8, 3n, true);
    expect(REPLACE_CSID.counts(value)).toEqual({ packets: 3, bytes: 0 });
  });

  it('makes whole instructions for any layouts, the same for the same', () => {
    const sids = [sid('fdbb:cafe:0:3::/72', 32), sid('fdbb:beef:0:1:2::/80', 16)];
    const program = REPLACE_CSID.program(sids, 5, 0xfff);
    expect(program.length % 8).toBe(0);
    expect(REPLACE_CSID.program(sids, 5, 0xfff)).toEqual(program);
    expect(loadProgram(program).pointers[0]).toEqual({ at: 8, buffer: program });
    expect(attach(9, 3, 'ingress').attributes.slice(0, 9)).toEqual(new Uint8Array([9, 0, 0, 0, 3, 0, 0, 0, 46]));
  });
});

describe('the accelerator of NEXT-CSID', () => {
  const nextCsid = { blockBits: 32, nodeBits: 16 };
  const end = { kind: 'local-sid', prefix: 'fcaa:bbbb:1::/48', behaviour: { action: 'End' } } as const;

  it('does for End, where block and node are the whole prefix and leave something of the first 64 bits', () => {
    expect(shiftSidOf({ ...end, flavours: { nextCsid } })).toEqual({ prefix: end.prefix, ...nextCsid });
    expect(shiftSidOf(end)).toBeUndefined();
    expect(shiftSidOf({ ...end, flavours: { nextCsid, psp: true } })).toBeUndefined();
    expect(
      shiftSidOf({ ...end, behaviour: { action: 'End.DT6', table: 254 }, flavours: { nextCsid } }),
    ).toBeUndefined();
    expect(shiftSidOf({ ...end, prefix: 'fcaa:bbbb:1:e001::/64', flavours: { nextCsid } })).toBeUndefined();
    const long = { blockBits: 48, nodeBits: 16 };
    expect(shiftSidOf({ ...end, prefix: 'fcaa:bbbb:0:1::/64', flavours: { nextCsid: long } })).toBeUndefined();
  });

  it('tells layouts apart, and makes whole instructions for them', () => {
    const sids = [
      { prefix: 'fcaa:bbbb:1::/48', blockBits: 32, nodeBits: 16 },
      { prefix: 'fcaa:bbbb:1::/48', blockBits: 24, nodeBits: 24 },
    ];
    const keys = sids.map((one) => Buffer.from(NEXT_CSID.key(one)).toString('hex'));
    expect(new Set(keys).size).toBe(2);
    expect(keys[0]).toMatch(/^fcaabbbb00010000/);
    expect(NEXT_CSID.layouts(sids)).not.toBe(NEXT_CSID.layouts(sids.slice(1)));
    expect(NEXT_CSID.program(sids, 5, 0).length % 8).toBe(0);
  });
});
