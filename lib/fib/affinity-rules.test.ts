import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { serviceChains } from './affinity-names.ts';
import { AFFINITY_SET_SIZE, renderAffinityChange, renderTable } from './affinity-rules.ts';
import { idleTimeoutOf, keptSeconds, recentSeconds } from './affinity-text.ts';
import { hashRanges } from './affinity-weights.ts';
import type { AffinityService } from './fib.ts';

const rendering = { markMask: 0xfff, setSize: AFFINITY_SET_SIZE };

function service(weights: Record<number, number>, overrides: Partial<AffinityService> = {}): AffinityService {
  return {
    kind: 'affinity',
    service: 'fd00:cafe::80',
    mode: 'flow',
    instances: Object.entries(weights).map(([slot, weight]) => ({
      slot: Number(slot),
      mark: 0x100 + Number(slot),
      weight,
      failed: false,
    })),
    idleTimeoutMs: 300_000,
    closingTimeoutMs: 2000,
    ...overrides,
  };
}

describe('nft transaction of a new service', () => {
  it('is this text', () => {
    const commands = renderAffinityChange(undefined, service({ 1: 700, 2: 300 }), rendering);
    const table = renderTable({ markMask: 0xfff });
    expect(commands.slice(0, table.length)).toEqual(table);
    expect(commands.slice(table.length).join('\n')).toBe(NEW_SERVICE);
  });

  it('keys IPv4 services by IPv4 sources', () => {
    const text = renderAffinityChange(undefined, service({ 1: 1000 }, { service: '10.80.0.80' }), rendering).join('\n');
    expect(text).toContain('add set inet cfnd_affinity live_1 { type ipv4_addr . inet_proto');
    expect(text).toContain('add element inet cfnd_affinity services4 { 10.80.0.80 : goto svc_10_80_0_80 }');
    expect(text).toContain('add set inet cfnd_affinity recent_1 { typeof @nh,96,32 . meta l4proto . @th,0,32;');
    expect(text).not.toMatch(/ip6 saddr|@nh,64/);
  });

  it('sets the plain mark when the whole mark is ours', () => {
    const text = renderAffinityChange(undefined, service({ 1: 1000 }), { ...rendering, markMask: 0xffffffff });
    expect(text).toContain(
      'add rule inet cfnd_affinity svc_fd00_cafe__80_learn_1 meta mark set 0x101 add @live_1 { ip6 saddr . meta l4proto . th sport . th dport timeout 338s }',
    );
  });

  it('marks before it learns, so that a full set still steers', () => {
    for (const command of renderAffinityChange(undefined, service({ 1: 500, 2: 500 }), rendering)) {
      const learn = command.search(/(add|update|delete) @live_/);
      if (command.startsWith('add rule') && learn >= 0) expect(command.indexOf('meta mark set')).toBeLessThan(learn);
    }
  });
});

describe('what is known of a flow or a client', () => {
  const rulesOf = (mode: 'flow' | 'client', idleTimeoutMs = 300_000) =>
    renderAffinityChange(undefined, service({ 1: 1000 }, { mode, idleTimeoutMs }), rendering).flatMap(
      (command) => /^add rule inet cfnd_affinity svc_fd00_cafe__80(.*)$/.exec(command)?.[1] ?? [],
    );

  it('is noted by a rule of its own, which a full set may end', () => {
    for (const mode of ['flow', 'client'] as const)
      for (const rule of rulesOf(mode).filter((it) => it.includes('add @recent_')))
        expect(rule).toMatch(/^_keep_1 add @recent_\S+ \{ [^}]* \}$/);
  });

  it('is kept for the idle timeout from the last packet on, though only an eighth later is it renewed', () => {
    const renewed = 'update @client_1 { ip6 saddr timeout';
    expect(rulesOf('client').join('\n')).toContain(`${renewed} 338s }`);
    expect(rulesOf('client').join('\n')).toContain('add @recent_client_1 { ip6 saddr timeout 38s }');
    expect(rulesOf('client', 1000).join('\n')).toContain(`${renewed} 2s }`);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), (seconds) => {
        const kept = keptSeconds(seconds * 1000);
        expect(kept - recentSeconds(seconds * 1000)).toBe(seconds);
        expect(idleTimeoutOf(kept * 1000)).toBe(seconds * 1000);
      }),
    );
  });

  it('is asked for before all else but whether TCP ends, and is then forgotten', () => {
    const rules = rulesOf('flow');
    const main = rules.filter((rule) => rule.startsWith(' '));
    expect(main[0]).toContain('jump svc_fd00_cafe__80_finish');
    expect(main[1]).toContain('@recent_1');
    expect(rules.find((rule) => rule.startsWith('_finish'))).toMatch(/delete @live_1 .* delete @recent_1 /);
  });
});

describe('nft transaction of a change', () => {
  it('of weights alone rewrites the shares and nothing else', () => {
    expect(renderAffinityChange(service({ 1: 700, 2: 300 }), service({ 1: 0, 2: 1000 }), rendering)).toEqual([
      'flush set inet cfnd_affinity share_1',
      'flush set inet cfnd_affinity share_2',
      'add element inet cfnd_affinity share_2 { 0-999 }',
    ]);
  });

  it('to no weights leaves new flows unmarked', () => {
    expect(renderAffinityChange(service({ 1: 1000 }), service({ 1: 0 }), rendering)).toEqual([
      'flush set inet cfnd_affinity share_1',
    ]);
  });

  it('never touches the sets of a slot that stays', () => {
    const slots = fc.dictionary(fc.integer({ min: 1, max: 9 }).map(String), fc.constant(0));
    fc.assert(
      fc.property(slots, slots, (before, after) => {
        const commands = renderAffinityChange(service(before), service(after), rendering);
        for (const slot of Object.keys(after))
          for (const command of commands)
            expect(command).not.toMatch(new RegExp(`(flush|delete) set \\S+ \\S+ (live|closing|recent)_${slot}$`));
        for (const slot of Object.keys(before))
          if (!(slot in after)) {
            expect(commands).toContain(`delete set inet cfnd_affinity live_${slot}`);
            expect(commands).toContain(`delete set inet cfnd_affinity closing_${slot}`);
            expect(commands).toContain(`delete chain inet cfnd_affinity svc_fd00_cafe__80_learn_${slot}`);
          }
      }),
    );
  });

  it('flushes the sets of a failed instance only', () => {
    const before = service({ 1: 700, 2: 300 });
    const after = service({ 1: 0, 2: 1000 });
    const failed = { ...after, instances: after.instances.map((i) => ({ ...i, failed: i.slot === 1 })) };
    expect(renderAffinityChange(before, failed, rendering)).toEqual([
      'flush set inet cfnd_affinity live_1',
      'flush set inet cfnd_affinity closing_1',
      'flush set inet cfnd_affinity recent_1',
      'flush set inet cfnd_affinity share_1',
      'flush set inet cfnd_affinity share_2',
      'add element inet cfnd_affinity share_2 { 0-999 }',
    ]);
  });

  it('renders structure again when asked to rebuild', () => {
    const same = service({ 1: 1000 });
    const rebuilt = renderAffinityChange(same, same, { ...rendering, rebuild: true });
    expect(rebuilt).toEqual(renderAffinityChange(undefined, same, rendering));
  });

  it('is nothing where a resilient group does it all', () => {
    expect(renderAffinityChange(undefined, service({ 1: 1000 }, { mode: 'bucket', instances: [] }), rendering)).toEqual(
      [],
    );
    expect(renderAffinityChange(undefined, undefined, rendering)).toEqual([]);
  });

  it('to a resilient group equals removal', () => {
    const before = service({ 1: 1000 });
    const removal = renderAffinityChange(before, undefined, rendering);
    expect(renderAffinityChange(before, service({ 1: 1000 }, { mode: 'bucket', instances: [] }), rendering)).toEqual(
      removal,
    );
    expect(removal).toContain('delete element inet cfnd_affinity services6 { fd00:cafe::80 : goto svc_fd00_cafe__80 }');
    expect(removal).toContain('delete set inet cfnd_affinity live_1');
  });
});

describe('hash ranges', () => {
  it('cover 0..999 exactly, each as wide as its weight', () => {
    const cuts = fc.array(fc.integer({ min: 0, max: 1000 }), { maxLength: 12 });
    fc.assert(
      fc.property(cuts, (points) => {
        const edges = [0, ...points.sort((a, b) => a - b), 1000];
        const weights = edges.slice(1).map((edge, i) => ({ slot: i + 1, weight: edge - edges[i]! }));
        const owners = new Array<number>(1000).fill(0);
        for (const [slot, range] of hashRanges(weights))
          for (let hash = range?.from ?? 0; hash <= (range?.to ?? -1); hash++) {
            expect(owners[hash]).toBe(0);
            owners[hash] = slot;
          }
        for (const { slot, weight } of weights) expect(owners.filter((owner) => owner === slot)).toHaveLength(weight);
      }),
    );
  });

  it('do not depend on the order of instances', () => {
    const instances = [
      { slot: 3, weight: 200 },
      { slot: 1, weight: 800 },
    ];
    expect(hashRanges(instances)).toEqual(hashRanges([...instances].reverse()));
  });
});

describe('names', () => {
  it('differ for different addresses', () => {
    const address = fc.oneof(fc.ipV4(), fc.ipV6());
    fc.assert(
      fc.property(address, address, (a, b) => {
        fc.pre(a !== b);
        expect(serviceChains(a).main).not.toBe(serviceChains(b).main);
      }),
    );
  });
});

const NEW_SERVICE = `add set inet cfnd_affinity live_1 { type ipv6_addr . inet_proto . inet_service . inet_service; size 262144; flags dynamic,timeout; }
add set inet cfnd_affinity closing_1 { type ipv6_addr . inet_proto . inet_service . inet_service; size 262144; flags dynamic,timeout; }
add set inet cfnd_affinity recent_1 { typeof @nh,64,128 . meta l4proto . @th,0,32; size 262144; flags dynamic,timeout; }
add set inet cfnd_affinity live_2 { type ipv6_addr . inet_proto . inet_service . inet_service; size 262144; flags dynamic,timeout; }
add set inet cfnd_affinity closing_2 { type ipv6_addr . inet_proto . inet_service . inet_service; size 262144; flags dynamic,timeout; }
add set inet cfnd_affinity recent_2 { typeof @nh,64,128 . meta l4proto . @th,0,32; size 262144; flags dynamic,timeout; }
add set inet cfnd_affinity share_1 { typeof numgen inc mod 1000; flags interval; }
add set inet cfnd_affinity share_2 { typeof numgen inc mod 1000; flags interval; }
add counter inet cfnd_affinity svc_fd00_cafe__80_new
add chain inet cfnd_affinity svc_fd00_cafe__80
add chain inet cfnd_affinity svc_fd00_cafe__80_finish
add chain inet cfnd_affinity svc_fd00_cafe__80_decide
add chain inet cfnd_affinity svc_fd00_cafe__80_learn_1
add chain inet cfnd_affinity svc_fd00_cafe__80_learn_2
add chain inet cfnd_affinity svc_fd00_cafe__80_keep_1
add chain inet cfnd_affinity svc_fd00_cafe__80_keep_2
flush chain inet cfnd_affinity svc_fd00_cafe__80
flush chain inet cfnd_affinity svc_fd00_cafe__80_finish
flush chain inet cfnd_affinity svc_fd00_cafe__80_decide
flush chain inet cfnd_affinity svc_fd00_cafe__80_learn_1
flush chain inet cfnd_affinity svc_fd00_cafe__80_learn_2
flush chain inet cfnd_affinity svc_fd00_cafe__80_keep_1
flush chain inet cfnd_affinity svc_fd00_cafe__80_keep_2
add rule inet cfnd_affinity svc_fd00_cafe__80_finish ip6 saddr . meta l4proto . th sport . th dport @live_1 meta mark set meta mark & 0xfffff000 | 0x101 delete @live_1 { ip6 saddr . meta l4proto . th sport . th dport } delete @recent_1 { @nh,64,128 . meta l4proto . @th,0,32 } add @closing_1 { ip6 saddr . meta l4proto . th sport . th dport timeout 2s } accept
add rule inet cfnd_affinity svc_fd00_cafe__80_finish ip6 saddr . meta l4proto . th sport . th dport @live_2 meta mark set meta mark & 0xfffff000 | 0x102 delete @live_2 { ip6 saddr . meta l4proto . th sport . th dport } delete @recent_2 { @nh,64,128 . meta l4proto . @th,0,32 } add @closing_2 { ip6 saddr . meta l4proto . th sport . th dport timeout 2s } accept
add rule inet cfnd_affinity svc_fd00_cafe__80 tcp flags & (fin | rst) != 0 jump svc_fd00_cafe__80_finish
add rule inet cfnd_affinity svc_fd00_cafe__80 @nh,64,128 . meta l4proto . @th,0,32 @recent_1 meta mark set meta mark & 0xfffff000 | 0x101 accept
add rule inet cfnd_affinity svc_fd00_cafe__80 @nh,64,128 . meta l4proto . @th,0,32 @recent_2 meta mark set meta mark & 0xfffff000 | 0x102 accept
add rule inet cfnd_affinity svc_fd00_cafe__80 ip6 saddr . meta l4proto . th sport . th dport @live_1 goto svc_fd00_cafe__80_keep_1
add rule inet cfnd_affinity svc_fd00_cafe__80 ip6 saddr . meta l4proto . th sport . th dport @live_2 goto svc_fd00_cafe__80_keep_2
add rule inet cfnd_affinity svc_fd00_cafe__80 meta l4proto != udp meta l4proto != tcp return
add rule inet cfnd_affinity svc_fd00_cafe__80 tcp flags & syn == 0 ip6 saddr . meta l4proto . th sport . th dport @closing_1 meta mark set meta mark & 0xfffff000 | 0x101 return
add rule inet cfnd_affinity svc_fd00_cafe__80 tcp flags & syn == 0 ip6 saddr . meta l4proto . th sport . th dport @closing_2 meta mark set meta mark & 0xfffff000 | 0x102 return
add rule inet cfnd_affinity svc_fd00_cafe__80 goto svc_fd00_cafe__80_decide
add rule inet cfnd_affinity svc_fd00_cafe__80_keep_1 meta mark set meta mark & 0xfffff000 | 0x101 update @live_1 { ip6 saddr . meta l4proto . th sport . th dport timeout 338s }
add rule inet cfnd_affinity svc_fd00_cafe__80_keep_1 add @recent_1 { @nh,64,128 . meta l4proto . @th,0,32 timeout 38s }
add rule inet cfnd_affinity svc_fd00_cafe__80_learn_1 meta mark set meta mark & 0xfffff000 | 0x101 add @live_1 { ip6 saddr . meta l4proto . th sport . th dport timeout 338s }
add rule inet cfnd_affinity svc_fd00_cafe__80_keep_2 meta mark set meta mark & 0xfffff000 | 0x102 update @live_2 { ip6 saddr . meta l4proto . th sport . th dport timeout 338s }
add rule inet cfnd_affinity svc_fd00_cafe__80_keep_2 add @recent_2 { @nh,64,128 . meta l4proto . @th,0,32 timeout 38s }
add rule inet cfnd_affinity svc_fd00_cafe__80_learn_2 meta mark set meta mark & 0xfffff000 | 0x102 add @live_2 { ip6 saddr . meta l4proto . th sport . th dport timeout 338s }
add rule inet cfnd_affinity svc_fd00_cafe__80_decide counter name svc_fd00_cafe__80_new
add rule inet cfnd_affinity svc_fd00_cafe__80_decide jhash ip6 saddr . th sport . th dport mod 1000 seed 0x5eed @share_1 goto svc_fd00_cafe__80_learn_1
add rule inet cfnd_affinity svc_fd00_cafe__80_decide jhash ip6 saddr . th sport . th dport mod 1000 seed 0x5eed @share_2 goto svc_fd00_cafe__80_learn_2
add rule inet cfnd_affinity svc_fd00_cafe__80_decide jhash ip6 saddr . th sport . th dport mod 1000 seed 0x5eed @share_1 goto svc_fd00_cafe__80_learn_1
add rule inet cfnd_affinity svc_fd00_cafe__80_decide jhash ip6 saddr . th sport . th dport mod 1000 seed 0x5eed @share_2 goto svc_fd00_cafe__80_learn_2
flush set inet cfnd_affinity share_1
add element inet cfnd_affinity share_1 { 0-699 }
flush set inet cfnd_affinity share_2
add element inet cfnd_affinity share_2 { 700-999 }
add element inet cfnd_affinity services6 { fd00:cafe::80 : goto svc_fd00_cafe__80 }`;
