import { describe, expect, it } from 'vitest';
import { Assembler } from './assembler.ts';
import { KEY_OCTETS, replaceProgram, sidCounts, sidKey, sidValue, VALUE_OCTETS } from './replace-program.ts';
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
  it('keeps SIDs of one prefix and two layouts apart', () => {
    const prefix = 'fdbb:cafe:0:3:1::/80';
    const keys = ([16, 32] as const).map((csidBits) => Buffer.from(sidKey({ prefix, csidBits })).toString('hex'));
    expect(new Set(keys).size).toBe(2);
    expect(keys[1]).toHaveLength(2 * KEY_OCTETS);
  });

  it('counts from nothing, marked or not', () => {
    expect(sidValue(undefined)).toEqual(new Uint8Array(VALUE_OCTETS));
    const value = sidValue(0x203);
    expect(value[0]).toBe(1);
    new DataView(value.buffer).setBigUint64(8, 3n, true);
    expect(sidCounts(value)).toEqual({ packets: 3, bytes: 0 });
  });

  it('makes whole instructions for any layouts, the same for the same', () => {
    const layouts = [
      { blockBits: 40, csidBits: 32 },
      { blockBits: 64, csidBits: 16 },
    ] as const;
    const program = replaceProgram(layouts, 5, 0xfff);
    expect(program.length % 8).toBe(0);
    expect(replaceProgram(layouts, 5, 0xfff)).toEqual(program);
    expect(loadProgram(program).pointers[0]).toEqual({ at: 8, buffer: program });
    expect(attach(9, 3, 'ingress').attributes.slice(0, 9)).toEqual(new Uint8Array([9, 0, 0, 0, 3, 0, 0, 0, 46]));
  });
});
