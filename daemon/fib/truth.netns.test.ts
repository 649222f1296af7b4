// Somebody alters the kernel behind our back, in every way that iproute2 and nft offer: one scan finds it and puts it
// right, and what is not ours stays as it is. State is compared as the kernel's own tools tell it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Fib, FibObject } from '../../lib/fib/fib.ts';
import { kernelFibIn, PROTOCOL, SID_DEVICE } from './testing/kernel-fixture.ts';
import { Namespace, whyNoKernelTests, wire } from './testing/namespaces.ts';
import { listNft, type NftPart, nftParts, nftTables } from './testing/nft-listing.ts';

const skip = whyNoKernelTests();

const via = (prefix: string, gateway: string): FibObject => ({
  kind: 'route',
  prefix,
  table: 254,
  target: { kind: 'gateways', hops: [{ gateway, device: 'eth1', weight: 1 }] },
});
const group = (id: number, ...members: number[]): FibObject => ({
  kind: 'group',
  id: 100_000_000 + id,
  members: members.map((member) => ({ nexthop: 200_000_000 + member, weight: 1 })),
});
const service = (prefix: string, slot: number, table: number): FibObject => ({
  kind: 'route',
  prefix,
  table,
  target: { kind: 'group', id: 100_000_000 + slot },
});
const instances = (first: number, weights: readonly number[]) =>
  weights.map((weight, i) => ({ slot: first + i, mark: 0x100 + first + i, weight, failed: false }));
const timeouts = { idleTimeoutMs: 60_000, closingTimeoutMs: 2000 };

const WANTED: readonly FibObject[] = [
  { kind: 'nexthop', id: 200_000_001, segments: ['fcbb:bb:2::', 'fcbb:bb:3:e::'] },
  { kind: 'nexthop', id: 200_000_002, segments: ['fcbb:bb:4:e::'] },
  group(1, 1),
  group(2, 1, 2),
  service('fd00:cafe::80/128', 1, 254),
  service('fd00:cafe::80/128', 1, 10_001),
  service('fd00:cafe::80/128', 2, 10_002),
  service('10.80.0.80/32', 1, 254),
  service('10.80.0.80/32', 1, 10_001),
  via('fcbb:bb:2::/48', 'fd00:1::2'),
  { kind: 'route', prefix: 'fcbb:bb:1::/48', table: 254, target: { kind: 'blackhole' } },
  { kind: 'route', prefix: '10.1.0.0/24', table: 254, target: { kind: 'encap', segments: ['fcbb:bb:2:d4::'] } },
  { kind: 'local-sid', prefix: 'fcbb:bb:1:1::/64', behaviour: { action: 'End' } },
  {
    kind: 'local-sid',
    prefix: 'fcbb:bb:1:2::/64',
    behaviour: { action: 'End.X', nexthop: 'fd00:1::2', device: 'eth1' },
  },
  { kind: 'local-sid', prefix: 'fcbb:bb:1:d4::/64', behaviour: { action: 'End.DX4', nexthop: '0.0.0.0' } },
  { kind: 'local-sid', prefix: 'fcbb:bb:1:d6::/64', behaviour: { action: 'End.DT6', table: 254 } },
  { kind: 'rule', family: 'ipv6', priority: 10_001, fwmark: 0x101, mask: 0xfff, table: 10_001 },
  { kind: 'rule', family: 'ipv6', priority: 10_002, fwmark: 0x102, mask: 0xfff, table: 10_002 },
  { kind: 'rule', family: 'ipv4', priority: 10_001, fwmark: 0x101, mask: 0xfff, table: 10_001 },
  {
    kind: 'affinity',
    service: 'fd00:cafe::80',
    mode: 'flow',
    instances: instances(1, [600, 400]),
    ...timeouts,
    classes: [{ name: 'gold', mode: 'client', instances: instances(3, [1000]), ...timeouts, clientBits: 64 }],
    classifier: [{ match: { dscp: 46 }, class: 'gold' }],
  },
  { kind: 'affinity', service: '10.80.0.80', mode: 'none', instances: instances(5, [300, 700]), ...timeouts },
  { kind: 'replace-csid', prefix: 'fdbb:cafe:0:3:1::/80', csidBits: 32 },
  { kind: 'replace-csid', prefix: 'fdbb:cafe:0:3:2::/80', csidBits: 32, mark: 0x201 },
  { kind: 'border', inside: ['eth1'], sidSpace: ['fcbb:bb::/32'] },
  { kind: 'mtu', services: ['fd00:cafe::80', '10.80.0.80'], mtu: 1400, mark: 0xfff },
];

/** In the same tables and under the same keys where the kernel allows it, but not with our protocol number. */
const FOREIGN = [
  'ip -6 route add fd00:cafe::80/128 via fd00:1::2 proto static metric 5000',
  'ip -6 route add fd00:cafe::80/128 via fd00:1::2 proto bgp table 10001 metric 7',
  'ip -6 route add fcbb:bb:1:1::/64 dev eth1 proto static metric 8000',
  'ip route add 10.80.0.80/32 dev eth1 proto static metric 77',
  'ip nexthop add id 200000777 via fd00:1::2 dev eth1 proto static',
  'ip nexthop add id 100000777 group 200000777 proto static',
  'ip -6 rule add pref 10001 from 2001:db8::/32 lookup 10002 proto static',
  'ip rule add pref 10777 fwmark 0x777/0xfff lookup 10001 proto static',
  'nft add table inet operator',
  "nft 'add chain inet operator c { type filter hook prerouting priority mangle; }'",
  'nft add rule inet operator c ip6 daddr fd00:cafe::80 counter',
  'nft add table ip6 cfnd_lookalike',
];

/** Of each table, spread evenly; all of them (some 600 damages, minutes) with CFND_NIGHTLY=1. */
const PARTS_A_TABLE = 12;

const proto = `proto ${PROTOCOL}`;
/** What somebody does, and the keys that one scan must name. */
const DAMAGES: readonly (readonly [command: string, ...keys: string[]])[] = [
  [`ip -6 route del fd00:cafe::80/128 ${proto} table 254`, 'route 254 fd00:cafe::80/128'],
  [`ip -6 route del fd00:cafe::80/128 ${proto} table 10002`, 'route 10002 fd00:cafe::80/128'],
  [`ip route del 10.80.0.80/32 ${proto}`, 'route 254 10.80.0.80/32'],
  [`ip route del 10.1.0.0/24`, 'route 254 10.1.0.0/24'],
  [`ip -6 route flush ${proto} table all`, 'route 254 fcbb:bb:2::/48', 'local-sid fcbb:bb:1:1::/64'],
  [`ip -6 route replace blackhole fd00:cafe::80/128 ${proto} metric 11`, 'route 254 fd00:cafe::80/128'],
  [`ip -6 route replace fcbb:bb:2::/48 via fd00:1::3 dev eth1 ${proto} metric 11`, 'route 254 fcbb:bb:2::/48'],
  [`ip -6 route append fcbb:bb:2::/48 via fd00:1::4 dev eth1 ${proto} metric 11`, 'route 254 fcbb:bb:2::/48'],
  [
    `ip route replace 10.1.0.0/24 encap seg6 mode encap segs fcbb:bb:2:d4:: dev ${SID_DEVICE} ${proto} metric 11`,
    'route 254 10.1.0.0/24',
  ],
  [`ip -6 route add fd00:bad::/64 via fd00:1::2 ${proto}`, 'route 254 fd00:bad::/64 metric 1024'],
  [`ip -6 route replace fcbb:bb:2::/48 via fd00:1::2 dev eth1 mtu 1300 ${proto} metric 11`, 'route 254 fcbb:bb:2::/48'],
  [`ip nexthop del id 200000001`, 'nexthop 200000001', 'group 100000001', 'route 254 fd00:cafe::80/128'],
  [`ip nexthop del id 100000002`, 'group 100000002', 'route 10002 fd00:cafe::80/128'],
  [
    `ip -6 nexthop replace id 200000001 encap seg6 mode encap.red segs fc00::1 dev ${SID_DEVICE} ${proto}`,
    'nexthop 200000001',
  ],
  [`ip -6 nexthop replace id 200000002 via fd00:1::2 dev eth1 ${proto}`, 'nexthop 200000002'],
  [`ip nexthop replace id 100000002 group 200000002 ${proto}`, 'group 100000002'],
  [`ip nexthop replace id 100000002 group 200000001,7/200000002,3 ${proto}`, 'group 100000002'],
  [`ip nexthop add id 200009999 blackhole ${proto}`, 'nexthop 200009999'],
  [`ip nexthop flush ${proto}`, 'nexthop 200000001', 'nexthop 200000002', 'group 100000001', 'group 100000002'],
  [`ip -6 route del fcbb:bb:1:d4::/64 ${proto}`, 'local-sid fcbb:bb:1:d4::/64'],
  [
    `ip -6 route replace fcbb:bb:1:1::/64 encap seg6local action End.DT6 table 254 dev ${SID_DEVICE} ${proto} metric 9`,
    'local-sid fcbb:bb:1:1::/64',
  ],
  [
    `ip -6 route replace fcbb:bb:1:1::/64 encap seg6local action End dev ${SID_DEVICE} ${proto} metric 9`,
    'local-sid fcbb:bb:1:1::/64',
  ],
  [
    `ip -6 route replace fcbb:bb:1:d6::/64 encap seg6local action End.DT6 table 254 count dev eth1 ${proto} metric 9`,
    'local-sid fcbb:bb:1:d6::/64',
  ],
  [`ip -6 rule del pref 10002`, 'rule ipv6 10002'],
  [`ip rule del pref 10001`, 'rule ipv4 10001'],
  [`ip -6 rule flush ${proto}`, 'rule ipv6 10001', 'rule ipv6 10002'],
  [`ip -6 rule del pref 10002; ip -6 rule add pref 10002 fwmark 0x102/0xfff lookup 10001 ${proto}`, 'rule ipv6 10002'],
  [`ip -6 rule del pref 10002; ip -6 rule add pref 10002 fwmark 0x102/0xff lookup 10002 ${proto}`, 'rule ipv6 10002'],
  [`ip -6 rule add pref 12000 fwmark 0x5/0xfff lookup 10001 ${proto}`, 'rule ipv6 12000'],
  [`ip link set ${SID_DEVICE} down`],
  [`ip link del ${SID_DEVICE}`],
];

describe.skipIf(skip !== undefined)(`the kernel altered behind our back${skip ? ` (skipped: ${skip})` : ''}`, () => {
  let namespace: Namespace;
  let neighbour: Namespace;
  let fib: Fib;
  const log: unknown[] = [];
  let before: string;
  let foreign: string;

  const sh = (command: string) => namespace.run('sh', '-c', command);

  beforeAll(async () => {
    namespace = new Namespace('truth');
    neighbour = new Namespace('nb');
    wire(namespace, 'eth1', 'fd00:1::1/64', neighbour, 'eth1', 'fd00:1::2/64');
    for (const command of FOREIGN) sh(command);
    fib = kernelFibIn(namespace, 'fcbb:bb:1::1', log);
    await fib.start();
    expect((await fib.sync(WANTED)).failures).toEqual([]);
    expect(await fib.verify()).toEqual([]);
    foreign = theirs();
    before = ours();
  }, 300_000);

  afterAll(async () => {
    await fib?.close({ remove: false });
    namespace?.remove();
    neighbour?.remove();
  });

  function ours(): string {
    const lists = [
      `ip -6 route show table all ${proto}`,
      `ip -4 route show table all ${proto}`,
      `ip nexthop show ${proto}`,
      `ip -6 rule show ${proto}`,
      `ip -4 rule show ${proto}`,
    ];
    const lines = lists.map((list) => sh(list).trimEnd().split('\n').sort().join('\n'));
    return [
      ...lines,
      ...nftTables(namespace)
        .filter((name) => isOurs(name))
        .map((name) => listNft(namespace, name)),
    ].join('\n');
  }

  function theirs(): string {
    const lists = ['ip -6 route show table all', 'ip -4 route show table all', 'ip nexthop', 'ip -6 rule', 'ip rule'];
    const lines = lists.flatMap((list) =>
      sh(list)
        .split('\n')
        .filter((line) => !line.includes(proto))
        .sort(),
    );
    // Routes that the kernel makes for the SID device come and go with it.
    const kept = lines.filter((line) => !line.includes(SID_DEVICE));
    return [
      ...kept,
      ...nftTables(namespace)
        .filter((name) => !isOurs(name))
        .map((name) => listNft(namespace, name)),
    ].join('\n');
  }

  const isOurs = (table: string) => / cfnd_(?!lookalike)/.test(table);

  async function repaired(what: string, keys: readonly string[]): Promise<void> {
    const drift = (await fib.verify()).map(({ key }) => key);
    expect(ours().split('\n'), what).toEqual(before.split('\n'));
    for (const key of keys) expect(drift, what).toContain(key);
    expect(await fib.verify(), what).toEqual([]);
  }

  it.each(DAMAGES)('%s', { timeout: 300_000 }, async (command, ...keys) => {
    sh(command);
    await repaired(command, keys);
    expect(theirs().split('\n')).toEqual(foreign.split('\n'));
  });

  it('is told without being repaired by who only looks', { timeout: 300_000 }, async () => {
    sh(`ip -6 rule del pref 10002; ip -6 route add fd00:bad::/64 via fd00:1::2 ${proto}`);
    sh('nft flush chain ip6 cfnd_border outside');
    const altered = ours();
    const seen = await fib.inspect();
    expect(new Map(seen.map(({ key, what }) => [key, what]))).toEqual(
      new Map([
        ['rule ipv6 10002', 'missing'],
        ['route 254 fd00:bad::/64 metric 1024', 'stale'],
        ['border domain', 'missing'],
      ]),
    );
    expect(ours()).toBe(altered);
    await repaired('after the look', ['rule ipv6 10002', 'border domain']);
    expect(await fib.inspect()).toEqual([]);
  });

  it('does not take its place back from somebody who has taken it, and says so', { timeout: 300_000 }, async () => {
    sh('ip nexthop del id 200000002; ip nexthop add id 200000002 via fd00:1::2 dev eth1 proto static');
    sh(`ip -6 route del fcbb:bb:1::/48; ip -6 route add unreachable fcbb:bb:1::/48 metric 11 proto bgp`);
    await fib.verify();
    await fib.verify();
    expect(sh('ip nexthop show id 200000002')).toMatch(/via fd00:1::2 dev eth1 .*proto static/);
    expect(sh('ip -6 route show fcbb:bb:1::/48 proto bgp')).toContain('unreachable');
    const told = log.filter((line) => JSON.stringify(line).includes('drift cannot be repaired'));
    expect(told).toHaveLength(1);
    expect(JSON.stringify(told[0])).toContain('somebody else holds this key');
    sh('ip nexthop del id 200000002; ip -6 route del fcbb:bb:1::/48');
    await repaired('the place is free again', ['nexthop 200000002', 'route 254 fcbb:bb:1::/48']);
  });

  it('every table, chain, set, map, counter, element and rule of ours in nftables', { timeout: 300_000 }, async () => {
    const tables = nftTables(namespace).filter(isOurs);
    expect(tables.map((name) => name.split(' ')[1]!.replace('cfnd_', '')).sort()).toEqual(
      expect.arrayContaining(['affinity', 'border', 'mtu', 'replace']),
    );
    const tried = new Map<string, number>();
    const whole = new Map(tables.map((table) => [table, listNft(namespace, table)]));
    for (const table of tables) {
      // Handles change with each repair: the n-th part of the table as it is now.
      const count = nftParts(namespace, table).length;
      const step = process.env.CFND_NIGHTLY === '1' ? 1 : Math.ceil(count / PARTS_A_TABLE);
      for (let n = 0; n < count; n += step) {
        const parts = nftParts(namespace, table);
        expect(parts).toHaveLength(count);
        for (const command of damagesOf(table, parts[n]!)) {
          if (!attempt(command)) continue;
          tried.set(parts[n]!.kind, (tried.get(parts[n]!.kind) ?? 0) + 1);
          // To forget what was learned is no damage that could be seen.
          if (listNft(namespace, table) === whole.get(table)) continue;
          const drift = await fib.verify();
          expect(drift.length, command).toBeGreaterThan(0);
          expect(listNft(namespace, table), command).toBe(whole.get(table));
        }
      }
      for (const command of [`nft delete table ${table}`, `nft 'add table ${table} { flags dormant; }'`]) {
        sh(command);
        expect((await fib.verify()).length, command).toBeGreaterThan(0);
        await repaired(command, []);
      }
    }
    expect([...tried.keys()].sort()).toEqual(expect.arrayContaining(['chain', 'element', 'rule']));
    expect(theirs().split('\n')).toEqual(foreign.split('\n'));
    console.log(`damages in nftables, all repaired: ${JSON.stringify(Object.fromEntries(tried))}`);
  });

  function attempt(command: string): boolean {
    try {
      namespace.nft(`${command}\n`);
      return true;
    } catch {
      // What is in use cannot be deleted: nobody can do this damage.
      return false;
    }
  }
});

function damagesOf(table: string, part: NftPart): string[] {
  switch (part.kind) {
    case 'rule':
      return [
        `delete rule ${table} ${part.chain} handle ${part.handle}`,
        `replace rule ${table} ${part.chain} handle ${part.handle} counter accept`,
      ];
    case 'chain':
      return [
        `flush chain ${table} ${part.name}`,
        `insert rule ${table} ${part.name} counter accept`,
        `add rule ${table} ${part.name} counter drop`,
        `delete chain ${table} ${part.name}`,
      ];
    case 'set':
    case 'map':
      return [`flush ${part.kind} ${table} ${part.name}`, `delete ${part.kind} ${table} ${part.name}`];
    case 'element':
      return [`delete element ${table} ${part.set} { ${part.key} }`];
    case 'counter':
      return [`delete counter ${table} ${part.name}`];
    default:
      return part satisfies never;
  }
}
