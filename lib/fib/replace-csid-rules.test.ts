import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fibRoute, type ReplaceSid } from './fib.ts';
import { replaceAdjacency } from './replace-csid-adjacency.ts';
import { sidChain, sidOfChain } from './replace-csid-names.ts';
import { countReplaceRules, renderReplaceChange, renderReplaceProbe } from './replace-csid-rules.ts';

const rendering = { markMask: 0xfff };
const end: ReplaceSid = { kind: 'replace-csid', prefix: 'fdbb:cafe:0:3:1::/80', csidBits: 32 };
const endX: ReplaceSid = { kind: 'replace-csid', prefix: 'fdbb:cafe:0:3:2::/80', csidBits: 32, mark: 0x203 };
const short: ReplaceSid = { kind: 'replace-csid', prefix: 'fdbb:beef:0:3::/64', csidBits: 16 };

describe('nft transaction of a new table', () => {
  it('is this text for one container, End and End.X', () => {
    const commands = renderReplaceChange(undefined, [end, endX], { ...rendering, maxContainers: 1 });
    expect(commands.join('\n')).toBe(ONE_CONTAINER);
  });

  it('reads and writes where RFC 9800 says, in the last slot of the eighth container and of a 16-bit layout', () => {
    const rules = renderReplaceChange(undefined, [end, short], rendering);
    const add = (chain: string, rule: string) => `add rule ip6 cfnd_replace ${chain} ${rule}`;
    // Entry 7 begins at bit 320 + 64 + 7 * 128 = 1280; its position 3 at 1376.
    expect(rules).toContain(add('b48c32_l8_i0', '@nh,344,8 set 7 @nh,240,32 set @nh,1376,32 @nh,318,2 set 3 accept'));
    expect(rules).toContain(add('b48c32_l7_i1', '@nh,1280,32 0 @nh,344,8 set 6 @nh,192,128 set @nh,1152,128 accept'));
    expect(rules).toContain(add('b48c16_l8_i0', '@nh,344,8 set 7 @nh,240,16 set @nh,1392,16 @nh,317,3 set 7 accept'));
    expect(rules).toContain(add('sids', '@nh,192,64 vmap @b48c16_sids'));
  });

  it('never copies before the bounds of what it copies are known', () => {
    const rules = renderReplaceChange(undefined, [end], rendering);
    for (let left = 2; left <= 8; left++)
      for (const index of [0, 1, 2, 3]) {
        const chain = rules.filter((rule) => rule.startsWith(`add rule ip6 cfnd_replace b48c32_l${left}_i${index} `));
        expect(chain[0]).toContain(
          `@nh,352,8 < ${index === 0 ? left - 1 : left} counter name loss_segments_left return`,
        );
      }
    const atOnce = rules.filter((rule) => /^add rule ip6 cfnd_replace b48c32_n\d_l\d_i\d(_h\d+)? /.test(rule));
    for (const rule of atOnce) {
      const [, entries, octets, copied, length, mask] =
        /_n(\d)_l\d_i\d\S* ip6 length >= (\d+) .* set @nh,(\d+),(\d+) & (\S+) /.exec(rule) ?? [];
      expect(Number(octets)).toBe(8 + 16 * Number(entries));
      expect(Number(copied) + 32).toBeLessThanOrEqual(320 + 8 * Number(octets));
      // Of what stands behind the C-SID nothing is taken over.
      expect(mask).toBe(`0xffffffff${'00'.repeat(Number(length) / 8 - 4)}`);
    }
    expect(atOnce.length).toBe([1, 2, 3, 4].reduce((sum, entries) => sum + 2 * entries + 3 * entries, 0));
  });
});

describe('nft transaction of a change', () => {
  it('touches nothing of SIDs that stay', () => {
    const commands = renderReplaceChange([end, endX], [end, { ...endX, prefix: 'fdbb:cafe:0:3:7::/80' }], rendering);
    expect(commands.join('\n')).toBe(OTHER_END_X);
    expect(commands.join('\n')).not.toMatch(/3_1__|flush table|delete table/);
  });

  it('turns End into End.X under its counters', () => {
    const commands = renderReplaceChange([end], [{ ...end, mark: 0x204 }], rendering);
    expect(commands).toContain('delete element ip6 cfnd_replace b48c32_sids { 0xfdbbcafe000000030001 }');
    expect(commands).toContain(
      'add element ip6 cfnd_replace b48c32_sids { 0xfdbbcafe000000030001 : goto sid_b48c32_m516_fdbb_cafe_0_3_1__ }',
    );
    expect(commands.filter((command) => command.startsWith('delete counter'))).toEqual([]);
  });

  it('is empty when nothing changes, and makes all anew for another layout', () => {
    expect(renderReplaceChange([end, endX], [endX, end], rendering)).toEqual([]);
    expect(renderReplaceChange([end], [end, short], rendering)).toEqual(
      renderReplaceChange(undefined, [end, short], rendering),
    );
  });

  it('removes the table with the last SID', () => {
    expect(renderReplaceChange([end], [], rendering)).toEqual([
      'add table ip6 cfnd_replace',
      'delete table ip6 cfnd_replace',
      'add table ip6 cfnd_replace_stand_in',
      'delete table ip6 cfnd_replace_stand_in',
    ]);
  });
});

it('tries the copy from payload to payload in a table that the same transaction removes', () => {
  const commands = renderReplaceProbe();
  expect(commands.some((command) => /@nh,\d+,32 set @nh,\d+,32/.test(command))).toBe(true);
  expect(commands.every((command) => command.includes('ip6 cfnd_replace_probe'))).toBe(true);
  expect(commands.at(-1)).toBe('delete table ip6 cfnd_replace_probe');
});

it('counts the rules that it renders', () => {
  const rules = renderReplaceChange(undefined, [end, endX, short], rendering).filter((it) => it.startsWith('add rule'));
  expect(countReplaceRules([end, endX, short], rendering)).toBe(rules.length);
});

it('names chains so that the SID can be read from the name, and knows no other names', () => {
  const sid = fc
    .record({
      csidBits: fc.constantFrom(16, 32),
      node: fc.integer({ min: 1, max: 0xffff }),
      mark: fc.option(fc.integer({ min: 1, max: 0xffffffff }), { nil: undefined }),
    })
    .map(
      ({ csidBits, node, mark }): ReplaceSid => ({
        kind: 'replace-csid',
        prefix: `fdbb:cafe:0:${node.toString(16)}::/${48 + csidBits}`,
        csidBits: csidBits === 16 ? 16 : 32,
        ...(mark !== undefined && { mark }),
      }),
    );
  fc.assert(
    fc.property(sid, (it) => {
      expect(sidOfChain(sidChain(it))).toEqual(it);
    }),
  );
  for (const name of ['sids', 'b48c32_walk', 'sid_b48c24_fdbb__', 'sid_b48c32_m_fdbb__', 'sid_b48c32_zz'])
    expect(sidOfChain(name)).toBeUndefined();
});

it('gives End.X a table of its own that knows one way, and a rule for its mark', () => {
  const adjacency = {
    prefix: endX.prefix,
    csidBits: 32,
    mark: 0x203,
    markMask: 0xfff,
    table: 10_203,
    priority: 10_203,
  } as const;
  expect(replaceAdjacency({ ...adjacency, gateway: 'fd00:2::2', device: 'r4' })).toEqual([
    fibRoute('::/0', 10_203, { kind: 'gateways', hops: [{ gateway: 'fd00:2::2', device: 'r4', weight: 1 }] }),
    { kind: 'rule', family: 'ipv6', priority: 10_203, fwmark: 0x203, mask: 0xfff, table: 10_203 },
    endX,
  ]);
});

const OTHER_END_X = `delete element ip6 cfnd_replace b48c32_sids { 0xfdbbcafe000000030002 }
add counter ip6 cfnd_replace seen_b48c32_fdbb_cafe_0_3_7__
add counter ip6 cfnd_replace lost_b48c32_fdbb_cafe_0_3_7__
add chain ip6 cfnd_replace sid_b48c32_m515_fdbb_cafe_0_3_7__
add rule ip6 cfnd_replace sid_b48c32_m515_fdbb_cafe_0_3_7__ counter name seen_b48c32_fdbb_cafe_0_3_7__ meta mark set meta mark & 0xfffff000 | 0x203 jump b48c32
add rule ip6 cfnd_replace sid_b48c32_m515_fdbb_cafe_0_3_7__ counter name lost_b48c32_fdbb_cafe_0_3_7__ drop
add element ip6 cfnd_replace b48c32_sids { 0xfdbbcafe000000030007 : goto sid_b48c32_m515_fdbb_cafe_0_3_7__ }
flush chain ip6 cfnd_replace sid_b48c32_m515_fdbb_cafe_0_3_2__
delete chain ip6 cfnd_replace sid_b48c32_m515_fdbb_cafe_0_3_2__
delete counter ip6 cfnd_replace seen_b48c32_fdbb_cafe_0_3_2__
delete counter ip6 cfnd_replace lost_b48c32_fdbb_cafe_0_3_2__`;

const ONE_CONTAINER = `add table ip6 cfnd_replace
delete table ip6 cfnd_replace
add table ip6 cfnd_replace
add counter ip6 cfnd_replace loss_header
add counter ip6 cfnd_replace loss_segments_left
add counter ip6 cfnd_replace loss_zero_csid
add map ip6 cfnd_replace b48c32_sids { typeof @nh,192,80 : verdict; size 4096; }
add chain ip6 cfnd_replace b48c32_upper
add chain ip6 cfnd_replace b48c32_l0_i1
add chain ip6 cfnd_replace b48c32_l0_i2
add chain ip6 cfnd_replace b48c32_l0_i3
add chain ip6 cfnd_replace b48c32_l0
add chain ip6 cfnd_replace b48c32_l1_i0
add chain ip6 cfnd_replace b48c32_l1_i1
add chain ip6 cfnd_replace b48c32_l1_i2
add chain ip6 cfnd_replace b48c32_l1_i3
add chain ip6 cfnd_replace b48c32_l1
add chain ip6 cfnd_replace b48c32_walk
add chain ip6 cfnd_replace b48c32_excess
add chain ip6 cfnd_replace b48c32_n1
add chain ip6 cfnd_replace b48c32_n1_l0_i1
add chain ip6 cfnd_replace b48c32_n1_l0_i2
add chain ip6 cfnd_replace b48c32_n1_l0_i3
add chain ip6 cfnd_replace b48c32_n1_l1_i0_h41
add chain ip6 cfnd_replace b48c32_n1_l1_i0_h4
add chain ip6 cfnd_replace b48c32
add rule ip6 cfnd_replace b48c32_upper meta mark set meta mark & 0xfffff000 accept
add rule ip6 cfnd_replace b48c32_l0_i1 @nh,384,32 0 goto b48c32_upper
add rule ip6 cfnd_replace b48c32_l0_i1 @nh,240,32 set @nh,384,32 @nh,318,2 set 0 accept
add rule ip6 cfnd_replace b48c32_l0_i2 @nh,416,32 0 goto b48c32_upper
add rule ip6 cfnd_replace b48c32_l0_i2 @nh,240,32 set @nh,416,32 @nh,318,2 set 1 accept
add rule ip6 cfnd_replace b48c32_l0_i3 @nh,448,32 0 goto b48c32_upper
add rule ip6 cfnd_replace b48c32_l0_i3 @nh,240,32 set @nh,448,32 @nh,318,2 set 2 accept
add rule ip6 cfnd_replace b48c32_l0 @nh,318,2 vmap { 0 : goto b48c32_upper, 1 : goto b48c32_l0_i1, 2 : goto b48c32_l0_i2, 3 : goto b48c32_l0_i3 }
add rule ip6 cfnd_replace b48c32_l1_i0 @nh,480,32 0 counter name loss_zero_csid return
add rule ip6 cfnd_replace b48c32_l1_i0 @nh,344,8 set 0 @nh,240,32 set @nh,480,32 @nh,318,2 set 3 accept
add rule ip6 cfnd_replace b48c32_l1_i1 @nh,352,8 < 1 counter name loss_segments_left return
add rule ip6 cfnd_replace b48c32_l1_i1 @nh,512,32 0 @nh,344,8 set 0 @nh,192,128 set @nh,384,128 accept
add rule ip6 cfnd_replace b48c32_l1_i1 @nh,240,32 set @nh,512,32 @nh,318,2 set 0 accept
add rule ip6 cfnd_replace b48c32_l1_i2 @nh,352,8 < 1 counter name loss_segments_left return
add rule ip6 cfnd_replace b48c32_l1_i2 @nh,544,32 0 @nh,344,8 set 0 @nh,192,128 set @nh,384,128 accept
add rule ip6 cfnd_replace b48c32_l1_i2 @nh,240,32 set @nh,544,32 @nh,318,2 set 1 accept
add rule ip6 cfnd_replace b48c32_l1_i3 @nh,352,8 < 1 counter name loss_segments_left return
add rule ip6 cfnd_replace b48c32_l1_i3 @nh,576,32 0 @nh,344,8 set 0 @nh,192,128 set @nh,384,128 accept
add rule ip6 cfnd_replace b48c32_l1_i3 @nh,240,32 set @nh,576,32 @nh,318,2 set 2 accept
add rule ip6 cfnd_replace b48c32_l1 @nh,318,2 vmap { 0 : goto b48c32_l1_i0, 1 : goto b48c32_l1_i1, 2 : goto b48c32_l1_i2, 3 : goto b48c32_l1_i3 }
add rule ip6 cfnd_replace b48c32_walk @nh,344,8 vmap { 0 : goto b48c32_l0, 1 : goto b48c32_l1 }
add rule ip6 cfnd_replace b48c32_walk counter name loss_segments_left return
add rule ip6 cfnd_replace b48c32_excess @nh,344,8 != 0 counter name loss_header return
add rule ip6 cfnd_replace b48c32_excess @nh,318,2 0 goto b48c32_upper
add rule ip6 cfnd_replace b48c32_excess @nh,328,8 < 2 goto b48c32_upper
add rule ip6 cfnd_replace b48c32_excess @nh,318,2 1 @nh,384,32 0 goto b48c32_upper
add rule ip6 cfnd_replace b48c32_excess @nh,318,2 2 @nh,416,32 0 goto b48c32_upper
add rule ip6 cfnd_replace b48c32_excess @nh,318,2 3 @nh,448,32 0 goto b48c32_upper
add rule ip6 cfnd_replace b48c32_excess counter name loss_header return
add rule ip6 cfnd_replace b48c32_n1 @nh,352,8 > 0 goto b48c32_excess
add rule ip6 cfnd_replace b48c32_n1 ip6 length < 24 counter name loss_header return
add rule ip6 cfnd_replace b48c32_n1 goto b48c32_walk
add rule ip6 cfnd_replace b48c32_n1_l0_i1 ip6 length >= 24 @nh,384,32 != 0 @nh,240,80 set @nh,384,80 & 0xffffffff000000000000 | 0x000000000000 accept
add rule ip6 cfnd_replace b48c32_n1_l0_i2 ip6 length >= 24 @nh,416,32 != 0 @nh,240,80 set @nh,416,80 & 0xffffffff000000000000 | 0x000000000001 accept
add rule ip6 cfnd_replace b48c32_n1_l0_i3 ip6 length >= 24 @nh,448,32 != 0 @nh,240,80 set @nh,448,80 & 0xffffffff000000000000 | 0x000000000002 accept
add rule ip6 cfnd_replace b48c32_n1_l1_i0_h41 ip6 length >= 24 @nh,480,32 != 0 @nh,240,112 set @nh,480,112 & 0xffffffff00000000000000000000 | 0x00000000000329020400 accept
add rule ip6 cfnd_replace b48c32_n1_l1_i0_h4 ip6 length >= 24 @nh,480,32 != 0 @nh,240,112 set @nh,480,112 & 0xffffffff00000000000000000000 | 0x00000000000304020400 accept
add rule ip6 cfnd_replace b48c32 ip6 nexthdr 43 @nh,272,88 vmap { 0x0000000000012902040000 : jump b48c32_n1_l0_i1, 0x0000000000010402040000 : jump b48c32_n1_l0_i1, 0x0000000000022902040000 : jump b48c32_n1_l0_i2, 0x0000000000020402040000 : jump b48c32_n1_l0_i2, 0x0000000000032902040000 : jump b48c32_n1_l0_i3, 0x0000000000030402040000 : jump b48c32_n1_l0_i3, 0x0000000000002902040100 : jump b48c32_n1_l1_i0_h41, 0x0000000000000402040100 : jump b48c32_n1_l1_i0_h4 }
add rule ip6 cfnd_replace b48c32 ip6 nexthdr != 43 goto b48c32_upper
add rule ip6 cfnd_replace b48c32 @nh,336,8 != 4 counter name loss_header return
add rule ip6 cfnd_replace b48c32 @nh,328,8 & 0xfe vmap { 0 : goto b48c32_excess, 2 : goto b48c32_n1 }
add rule ip6 cfnd_replace b48c32 @nh,328,8 > 3 goto b48c32_n1
add counter ip6 cfnd_replace seen_b48c32_fdbb_cafe_0_3_1__
add counter ip6 cfnd_replace lost_b48c32_fdbb_cafe_0_3_1__
add chain ip6 cfnd_replace sid_b48c32_fdbb_cafe_0_3_1__
add rule ip6 cfnd_replace sid_b48c32_fdbb_cafe_0_3_1__ counter name seen_b48c32_fdbb_cafe_0_3_1__ jump b48c32
add rule ip6 cfnd_replace sid_b48c32_fdbb_cafe_0_3_1__ counter name lost_b48c32_fdbb_cafe_0_3_1__ drop
add element ip6 cfnd_replace b48c32_sids { 0xfdbbcafe000000030001 : goto sid_b48c32_fdbb_cafe_0_3_1__ }
add counter ip6 cfnd_replace seen_b48c32_fdbb_cafe_0_3_2__
add counter ip6 cfnd_replace lost_b48c32_fdbb_cafe_0_3_2__
add chain ip6 cfnd_replace sid_b48c32_m515_fdbb_cafe_0_3_2__
add rule ip6 cfnd_replace sid_b48c32_m515_fdbb_cafe_0_3_2__ counter name seen_b48c32_fdbb_cafe_0_3_2__ meta mark set meta mark & 0xfffff000 | 0x203 jump b48c32
add rule ip6 cfnd_replace sid_b48c32_m515_fdbb_cafe_0_3_2__ counter name lost_b48c32_fdbb_cafe_0_3_2__ drop
add element ip6 cfnd_replace b48c32_sids { 0xfdbbcafe000000030002 : goto sid_b48c32_m515_fdbb_cafe_0_3_2__ }
add chain ip6 cfnd_replace sids { type filter hook prerouting priority raw; policy accept; }
add rule ip6 cfnd_replace sids @nh,192,80 vmap @b48c32_sids`;
