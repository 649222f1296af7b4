import { describe, expect, it } from 'vitest';
import type { ReplaceSid } from './fib.ts';
import { readReplaceTable, replaceCounters } from './replace-csid-readback.ts';

const end: ReplaceSid = { kind: 'replace-csid', prefix: 'fdbb:cafe:0:3:1::/80', csidBits: 32 };
const endX: ReplaceSid = { kind: 'replace-csid', prefix: 'fdbb:cafe:0:3:2::/80', csidBits: 32, mark: 0x203 };
const CHAINS = ['sid_b48c32_fdbb_cafe_0_3_1__', 'sid_b48c32_m515_fdbb_cafe_0_3_2__'] as const;
const own = { family: 'ip6', table: 'cfnd_replace' };
const element = (key: string | number, target: string) => [key, { goto: { target } }];

function listing({ elements = [] as unknown[], chains = CHAINS as readonly string[], packets = 0, rule = 'accept' }) {
  return JSON.stringify({
    nftables: [
      { metainfo: { version: '1.0.6' } },
      { table: { family: 'ip6', name: 'cfnd_replace', handle: 1 } },
      { counter: { ...own, name: 'seen_b48c32_fdbb_cafe_0_3_1__', handle: 5, packets, bytes: packets * 100 } },
      { counter: { ...own, name: 'lost_b48c32_fdbb_cafe_0_3_1__', handle: 6, packets: 1, bytes: 100 } },
      { map: { ...own, name: 'b48c32_sids', type: 'integer', map: 'verdict', size: 4096, elem: elements } },
      ...chains.map((name, i) => ({ chain: { ...own, name, handle: 10 + i } })),
      { rule: { ...own, chain: 'b48c32_upper', handle: 20, expr: [{ [rule]: null }] } },
    ],
  });
}

const ELEMENTS = [element('0xfdbbcafe000000030001', CHAINS[0]), element('0xfdbbcafe000000030002', CHAINS[1])];

describe('the table of REPLACE-CSID endpoints, read back', () => {
  it('names the SIDs with layout and mark', () => {
    const read = readReplaceTable(listing({ elements: ELEMENTS }));
    expect(read.sids).toEqual([end, endX]);
    expect(read.rules).toBe(1);
  });

  it('does not take a SID from an entry whose address, layout or chain do not agree', () => {
    const wrong = [
      element('0xfdbbcafe000000090009', CHAINS[0]),
      element('0xfdbbcafe00000003', 'sid_b48c16_fdbb_cafe_0_3__'),
      element('0xfdbbcafe000000030004', 'sid_b48c32_fdbb_cafe_0_3_4__'),
      element('0xfdbbcafe000000030001', 'b48c32_walk'),
    ];
    expect(readReplaceTable(listing({ elements: wrong })).sids).toEqual([]);
    expect(readReplaceTable(listing({})).sids).toEqual([]);
  });

  it('takes keys of 64 bits, which nft prints with a sign and JSON does not hold, to the last digit', () => {
    const short: ReplaceSid = { kind: 'replace-csid', prefix: 'fdbb:cafe:0:3::/64', csidBits: 16 };
    const chains = ['sid_b48c16_fdbb_cafe_0_3__'];
    for (const [last, sids] of [
      [3n, [short]],
      [4n, []],
    ] as const) {
      const key = BigInt.asIntN(64, 0xfdbbcafe00000000n + last);
      const text = listing({ elements: [element('key', chains[0]!)], chains }).replace('b48c32_sids', 'b48c16_sids');
      for (const written of [
        text.replace('"key"', String(key)),
        text.replaceAll(',', ', ').replace('"key"', String(key)),
      ])
        expect(readReplaceTable(written).sids).toEqual(sids);
    }
  });

  it('has one text whatever the counters and the order of a map, and another for another rule', () => {
    const text = (options: Parameters<typeof listing>[0]) => readReplaceTable(listing(options)).ruleText;
    expect(text({ elements: ELEMENTS, packets: 7 })).toBe(text({ elements: ELEMENTS.toReversed() }));
    expect(text({ elements: ELEMENTS, rule: 'drop' })).not.toBe(text({ elements: ELEMENTS }));
    expect(text({ elements: ELEMENTS.slice(1) })).not.toBe(text({ elements: ELEMENTS }));
  });

  it('counts packets and losses by SID; one without counters has none', () => {
    const read = readReplaceTable(listing({ elements: ELEMENTS, packets: 7 }));
    expect(replaceCounters([end, endX], read)).toEqual([
      { prefix: end.prefix, packets: 7, bytes: 700, errors: 1 },
      { prefix: endX.prefix, packets: 0, bytes: 0, errors: 0 },
    ]);
  });

  it('throws for what is not JSON', () => {
    expect(() => readReplaceTable('Error: syntax error')).toThrow(SyntaxError);
  });
});
