import { describe, expect, it } from 'vitest';
import { borderCounters, borderTable } from './border-table.ts';
import type { Border, ServiceMtu } from './fib.ts';
import { mtuTable } from './mtu-table.ts';
import { readTable } from './nft-table.ts';

const border: Border = { kind: 'border', inside: ['eth1'], sidSpace: ['5f00::/32', 'fcbb::/16'] };
const mtu: ServiceMtu = { kind: 'mtu', services: ['fd00:cafe::80', '10.80.0.80'], mtu: 1388, mark: 0xfff };
const listing = (...items: object[]) => JSON.stringify({ nftables: [{ metainfo: { version: '1.0.6' } }, ...items] });

describe('the border as a table', () => {
  it('drops and counts on every interface but loopback and those inside, before all else', () => {
    const commands = borderTable.render(undefined, border);
    expect(commands.slice(0, 2)).toEqual(['add table ip6 cfnd_border', 'delete table ip6 cfnd_border']);
    expect(commands).toContain('add element ip6 cfnd_border inside { "lo", "eth1" }');
    expect(commands).toContain('add rule ip6 cfnd_border outside rt type 4 counter name routing_headers drop');
    expect(commands.find((command) => command.includes('hook prerouting'))).toContain('priority -350');
  });

  it('touches elements and the comparisons of prefixes only where it is known, so that counters go on', () => {
    const commands = borderTable.render(border, { ...border, sidSpace: [] });
    expect(commands).toEqual([
      'flush chain ip6 cfnd_border outside',
      'flush set ip6 cfnd_border inside',
      'flush set ip6 cfnd_border sid_space',
      'add element ip6 cfnd_border inside { "lo", "eth1" }',
      'add rule ip6 cfnd_border outside rt type 4 counter name routing_headers drop',
      'add rule ip6 cfnd_border outside rt nexthdr { 43, 44, 60 } counter name routing_headers drop',
    ]);
  });

  it('compares with few prefixes one by one, and looks many up', () => {
    const rulesFor = (sidSpace: string[]) =>
      borderTable
        .render(undefined, { ...border, sidSpace })
        .flatMap((command) => / (ip6 [sd]addr .*)/.exec(command)?.[1] ?? []);
    expect(rulesFor(['5f00::/32', 'fcbb::/16'])).toEqual([
      'ip6 daddr 5f00::/32 counter name to_sids drop',
      'ip6 daddr fcbb::/16 counter name to_sids drop',
      'ip6 saddr 5f00::/32 counter name from_sids drop',
      'ip6 saddr fcbb::/16 counter name from_sids drop',
    ]);
    expect(rulesFor(Array.from({ length: 5 }, (_, i) => `5f0${i}::/32`))).toEqual([
      'ip6 daddr @sid_space counter name to_sids drop',
      'ip6 saddr @sid_space counter name from_sids drop',
    ]);
  });

  it('is read back from a listing, its counters apart', () => {
    const set = (name: string, elem: unknown[]) => ({ set: { name, elem } });
    const rule = { rule: { chain: 'outside', expr: [{ drop: null }] } };
    const counter = (packets: number) => ({ counter: { name: 'to_sids', packets, bytes: 9 } });
    const prefixes = [{ prefix: { addr: 'fcbb::', len: 16 } }, { prefix: { addr: '5f00::', len: 32 } }];
    const items = [set('inside', ['lo', 'eth1']), set('sid_space', prefixes), ...Array(6).fill(rule)];
    const table = readTable(listing(counter(7), ...items));
    expect(borderTable.read(table)).toEqual(border);
    expect(borderCounters(table)).toEqual({ routingHeaders: 0, toSids: 7, fromSids: 0 });
    expect(readTable(listing(counter(8), ...items)).text).toBe(table.text);
    expect(readTable(listing(counter(7), ...items.slice(0, 4))).text).not.toBe(table.text);
    expect(borderTable.read(readTable(listing(...items.slice(0, 4))))).toBeUndefined();
  });
});

describe('room for encapsulation as a table', () => {
  it('clamps by family, keeps marks that are not ours, and has no empty element list', () => {
    const commands = mtuTable(0xfff).render(undefined, { ...mtu, services: ['fd00:cafe::80'] });
    expect(commands.join('\n')).toContain('clamp6 tcp option maxseg size set 1328');
    expect(commands.join('\n')).toContain('clamp4 tcp option maxseg size set 1348');
    expect(commands.join('\n')).toContain('meta mark set meta mark & 0xfffff000 | 0xfff counter name too_big');
    expect(commands.some((command) => /services4 \{ \}/.test(command))).toBe(false);
  });

  it('reads what nft makes of it, plain or masked, and nothing from half a table', () => {
    const items = (value: unknown, right: unknown = 1388) => [
      { set: { name: 'services6', elem: ['fd00:cafe::80'] } },
      { set: { name: 'services4', elem: ['10.80.0.80'] } },
      { rule: { chain: 'fit6', expr: [{ mangle: { key: { meta: { key: 'mark' } }, value } }] } },
      { rule: { chain: 'arriving', expr: [{ match: { op: '>', left: {}, right } }] } },
    ];
    const masked = { '|': [{ '&': [{ meta: { key: 'mark' } }, 0xff000000] }, 0xfff] };
    for (const value of [0xfff, masked, { '|': [{ meta: { key: 'mark' } }, 0xfff] }])
      expect(mtuTable(0xfff).read(readTable(listing(...items(value))))).toEqual(mtu);
    for (const whole of [2, 3])
      expect(mtuTable(0xfff).read(readTable(listing(...items(masked).slice(0, whole))))).toBeUndefined();
  });
});
