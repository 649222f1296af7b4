// kill -9: a daemon that dies takes nothing with it. Forwarding goes on with the last good state, and the next life
// takes it over without a lost packet and clears away only what is its own and stale.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { whyNoKernelTests } from '../fib/testing/namespaces.ts';
import { Lab } from './lab.fixture.ts';
import { SERVICE, TWO_SITES } from './lab-plan.fixture.ts';
import { built, type Client, udpSocketDrops } from './program.fixture.ts';

const why = whyNoKernelTests();
if (why) process.stderr.write(`crashes of real daemons are not tested: ${why}\n`);

/** Whole seconds of traffic without the daemon. */
const DEAD_SECONDS = 4;

/** Made while the daemon is dead. `ours`: with our protocol number, but nothing that the next life wants. */
const objects = [
  {
    ours: true,
    make: 'ip -6 route add blackhole 2001:db8:dead::/64 proto 201',
    list: 'ip -6 route show',
    text: '2001:db8:dead::/64',
  },
  {
    ours: true,
    make: 'ip nexthop add id 200003999 blackhole proto 201',
    list: 'ip nexthop show',
    text: 'id 200003999',
  },
  {
    ours: true,
    make: 'ip -6 rule add pref 13999 fwmark 0x5ff/0xfff table 13999 proto 201',
    list: 'ip -6 rule show',
    text: '13999:',
  },
  {
    ours: false,
    make: 'ip -6 route add blackhole 2001:db8:beef::/64 proto static',
    list: 'ip -6 route show',
    text: '2001:db8:beef::/64',
  },
  {
    ours: false,
    make: 'ip -6 rule add pref 500 from 2001:db8:beef::/64 table 500',
    list: 'ip -6 rule show',
    text: '500:',
  },
  { ours: false, make: 'ip nexthop add id 4711 blackhole proto static', list: 'ip nexthop show', text: 'id 4711' },
  { ours: false, make: 'nft add table inet foreign', list: 'nft list tables', text: 'table inet foreign' },
];

function isThere(lab: Lab, node: string, { list, text }: (typeof objects)[number]): boolean {
  const lines = lab.ns(node).run('sh', '-c', list).split('\n');
  return lines.some((line) => line.startsWith(text) || line.includes(` ${text} `));
}

const accelerated = { in: { fib: { accelerator: 'tc-bpf' } } };

describe.skipIf(why !== undefined).each([
  { what: 'a daemon', victims: ['in', 'core1', 'eg1'], options: {} },
  { what: 'a daemon whose programs forward in front of nftables', victims: ['in'], options: accelerated },
])('$what that is killed', ({ victims, options }) => {
  let lab: Lab;
  let client: Client | undefined;

  beforeAll(async () => {
    await built();
    lab = new Lab({ ...TWO_SITES, patient: true, options });
    await lab.startAll();
  }, 300_000);

  afterAll(async () => {
    await lab?.stop();
  });

  for (const victim of victims)
    test(`${victim} is killed and restarted while traffic passes it: nothing is lost`, {
      timeout: 300_000,
    }, async () => {
      await lab.until('site 1 is preferred', async () => ((await lab.weights()).sv1 ?? 0) === 1000);
      client = lab.startClient(['--rate', '20', '--long-lived', '10', '--udp', `[${SERVICE}]:7`]);
      await lab.until('traffic flows', () => (client!.second?.longFlows?.sv1 ?? 0) === 10);

      // The first packets of all find neighbours unresolved; what is claimed here begins with the kill.
      const dropsBefore = udpSocketDrops(lab.ns('sv1'));
      const discards = lab.discards();
      client.mark('dead');
      const first = lab.daemon(victim);
      await first.end('SIGKILL');
      for (const { make } of objects) lab.ns(victim).run('sh', '-c', make);
      for (const it of objects) expect(isThere(lab, victim, it), it.make).toBe(true);
      const diedAt = client.second!.second;
      await lab.until('traffic went on for a while', () => client!.second!.second > diedAt + DEAD_SECONDS);
      client.mark('restart');
      const second = lab.start(victim);
      await lab.until('the next life is in sync', () => second.lines(/initial exchange complete/).length > 0);
      await lab.converged();
      const capabilities = await lab.ask(victim, (admin) => admin.show('capabilities'));
      expect(capabilities.some((it) => it.name === 'tc-bpf' && it.available)).toBe(options === accelerated);
      client.mark('after');
      await lab.until('what was stale is gone', () => objects.every((it) => it.ours !== isThere(lab, victim, it)));

      const summary = await client.stop();
      client = undefined;
      const phases = summary.phases.filter((phase) => phase.name !== 'start');
      expect(phases.map((phase) => phase.name)).toEqual(['dead', 'restart', 'after']);
      const lost = phases.reduce((sum, phase) => sum + phase.udp!.lost, 0);
      const machine = (summary.udpDroppedHere ?? 0) + udpSocketDrops(lab.ns('sv1')) - dropsBefore;
      // In hundreds of milliseconds since the client's start.
      const when = (summary.udpLostOverTime ?? []).flatMap((count, i) => (count > 0 ? [`${count} at ${i}`] : []));
      const told = [
        `client began at ${summary.startedAtMs}, lost ${when}`,
        discards(),
        ...phases.map((phase) => lab.told(phase)),
      ];
      expect(lost - machine, told.join('\n')).toBeLessThanOrEqual(0);
      for (const phase of phases) {
        expect(phase, lab.told(phase)).toMatchObject({ brokenFlows: 0, movedFlows: 0, failedFlows: 0 });
      }
      expect(summary.longFlows).toMatchObject({ unbroken: 10, instances: { sv1: 10 } });
      expect(second.log.filter((line) => /error|fatal/.test(line.level))).toEqual([]);
    });
});
