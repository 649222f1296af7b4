// The daemons under test and their configuration for one load: senders' routes go to the receivers and to nobody else.
// Peers are Debian's; one that is not installed and cannot be is left out, and said.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOTFS } from '../../bundle.ts';
import { ADDRESS_BASE, ADMIN_SOCKET, DAEMON_ADDRESS } from './lab.ts';
import { CLOCK_HOLD_TIME_MS } from './latency.ts';

export interface Ends {
  readonly senders: number;
  readonly receivers: number;
  /** Far ends of latency.ts, after the receivers. */
  readonly clocks?: number;
}

export const SESSION_PORT = 1790;
/** The load must not be late itself: one process speaks for all far ends, on a machine that may be busy. */
export const HOLD_TIME_MS = 9000;
export const KEEPALIVE_MS = HOLD_TIME_MS / 3;

const farEnds = ({ senders, receivers, clocks = 0 }: Ends) =>
  Array.from({ length: senders + receivers + clocks }, (_, i) => ({
    name: `p${i}`,
    address: `${ADDRESS_BASE}${(i + 1).toString(16)}`,
    as: 65001 + i,
    receives: i >= senders,
    holdTimeMs: i < senders + receivers ? HOLD_TIME_MS : CLOCK_HOLD_TIME_MS,
  }));

export interface Delay {
  readonly rehearseEveryMs: number;
}

/** Set for little delay, as the peers are. */
export const LITTLE_DELAY: Delay = { rehearseEveryMs: 5 };
/** What a configuration that does not say has. */
export const BY_DEFAULT: Delay = { rehearseEveryMs: 0 };

/** Senders are of one site: what they say does not go back there. Pacing is at its least, the forwarding plane in memory. */
export function cfnd(directory: string, ends: Ends, { rehearseEveryMs } = BY_DEFAULT): readonly string[] {
  const file = join(directory, 'cfnd.yaml');
  const peers = farEnds(ends).map(
    ({ name, address, holdTimeMs }) =>
      `  - { name: ${name}, address: "${address}", passive: true, hold-time: ${holdTimeMs}ms, pacing: { service: 0s, compute: 0s, link-state: 0s } }`,
  );
  const lines = [
    'name: dut',
    'site: dut',
    'router-id: 10.0.0.1',
    `listen: { address: "::", port: ${SESSION_PORT}, connections-per-address: 4 }`,
    'security: plaintext',
    `admin: { socket: ${join(directory, ADMIN_SOCKET)} }`,
    'srv6: { locator: "5f00:0:1::/48" }',
    'fib: { kind: memory }',
    'stamp: { enabled: false }',
    'log: { level: warn }',
    `rehearse-every: ${rehearseEveryMs}ms`,
    // Load of many services by one site is what is measured; reports are not merged.
    'protocol: { report-rate: { per-second: 1000000, burst: 1000000 } }',
    'peers:',
    ...peers,
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  return [join(ROOTFS, 'opt/cfnd/bin/cfnd'), 'run', '--config', file];
}

export function bird(directory: string, ends: Ends): readonly string[] {
  const file = join(directory, 'bird.conf');
  const peers = farEnds(ends).map(({ name, address, as, receives }) => {
    const channel = receives ? 'import none; export where source = RTS_BGP;' : 'import all; export none;';
    const neighbour = `local ${DAEMON_ADDRESS} as 65000; neighbor ${address} as ${as}; passive on; direct; hold time 240;`;
    return `protocol bgp ${name} { ${neighbour} ipv6 { ${channel} }; }`;
  });
  const head = ['router id 10.0.0.1;', 'protocol device { scan time 60; }', 'protocol direct { ipv6; }'];
  writeFileSync(file, `${[...head, ...peers].join('\n')}\n`);
  return ['bird', '-f', '-c', file, '-s', join(directory, 'bird.ctl'), '-P', join(directory, 'bird.pid')];
}

/** Without its coalescing timer, which would be what is measured (perf.md 1). No kernel: `-n`. */
export function frr(directory: string, ends: Ends): readonly string[] {
  // bgpd gives up root and needs a directory of its own; a cfnd without CAP_DAC_OVERRIDE could not read one that is not ours.
  const own = join(directory, 'frr');
  mkdirSync(own, { recursive: true });
  const file = join(own, 'bgpd.conf');
  const peers = farEnds(ends);
  const lines = [
    'router bgp 65000',
    ' bgp router-id 10.0.0.1',
    ' no bgp ebgp-requires-policy',
    ' no bgp default ipv4-unicast',
    ' coalesce-time 0',
    ...peers.flatMap(({ address, as }) => [
      ` neighbor ${address} remote-as ${as}`,
      ` neighbor ${address} passive`,
      ` neighbor ${address} timers 80 240`,
      ` neighbor ${address} advertisement-interval 0`,
    ]),
    ' address-family ipv6 unicast',
    ...peers.flatMap(({ address, receives }) => [
      `  neighbor ${address} activate`,
      `  neighbor ${address} route-map DENY ${receives ? 'in' : 'out'}`,
    ]),
    ' exit-address-family',
    'route-map DENY deny 10',
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  spawnSync('chown', ['frr:frr', own, file]);
  return ['/usr/lib/frr/bgpd', '-f', file, '-n', '-Z', '-P', '0', '--vty_socket', own, '-i', join(own, 'bgpd.pid')];
}

export function gobgp(directory: string, ends: Ends): readonly string[] {
  const file = join(directory, 'gobgp.toml');
  const peers = farEnds(ends);
  const receivers = peers.filter((peer) => peer.receives).map((peer) => `"${peer.address}/128"`);
  const lines = [
    '[global.config]',
    'as = 65000',
    'router-id = "10.0.0.1"',
    `local-address-list = ["${DAEMON_ADDRESS}"]`,
    '[global.apply-policy.config]',
    'export-policy-list = ["receivers-only"]',
    'default-export-policy = "reject-route"',
    '[[defined-sets.neighbor-sets]]',
    'neighbor-set-name = "receivers"',
    `neighbor-info-list = [${receivers.join(', ')}]`,
    '[[policy-definitions]]',
    'name = "receivers-only"',
    '[[policy-definitions.statements]]',
    'name = "all"',
    '[policy-definitions.statements.conditions.match-neighbor-set]',
    'neighbor-set = "receivers"',
    'match-set-options = "any"',
    '[policy-definitions.statements.actions]',
    'route-disposition = "accept-route"',
    ...peers.flatMap(({ address, as }) => [
      '[[neighbors]]',
      '[neighbors.config]',
      `neighbor-address = "${address}"`,
      `peer-as = ${as}`,
      '[neighbors.transport.config]',
      'passive-mode = true',
      '[neighbors.timers.config]',
      'hold-time = 240',
      'keepalive-interval = 80',
      '[[neighbors.afi-safis]]',
      '[neighbors.afi-safis.config]',
      'afi-safi-name = "ipv6-unicast"',
    ]),
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  return ['gobgpd', '-f', file, '--api-hosts', '127.0.0.1:50051', '--pprof-disable'];
}

export type PeerName = 'bird' | 'frr' | 'gobgp';

const PEERS: Readonly<Record<PeerName, { program: string; package: string; command: typeof bird }>> = {
  bird: { program: '/usr/sbin/bird', package: 'bird2', command: bird },
  frr: { program: '/usr/lib/frr/bgpd', package: 'frr', command: frr },
  gobgp: { program: '/usr/bin/gobgpd', package: 'gobgpd', command: gobgp },
};

export function commandOf(peer: PeerName, directory: string, ends: Ends): readonly string[] {
  return PEERS[peer].command(directory, ends);
}

/** Those of the peers that can be had; installs what is missing, without starting its service, and says what it does. */
export function availablePeers(names: readonly PeerName[], say: (line: string) => void): PeerName[] {
  return names.filter((name) => {
    const { program, package: wanted } = PEERS[name];
    if (existsSync(program)) return true;
    say(`installing ${wanted} with apt-get`);
    // Maintainer scripts start no service in single-user mode.
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
    spawnSync('apt-get', ['install', '-y', '-q', '--no-install-recommends', wanted], { env, stdio: 'ignore' });
    if (existsSync(program)) return true;
    say(`${wanted} cannot be installed here: its rows are left out`);
    return false;
  });
}

/** Compiles the load for BGP daemons. */
export function buildBgpLoad(directory: string): string {
  const program = join(directory, 'bgp-load');
  execFileSync('cc', ['-O2', '-Wall', '-o', program, join(import.meta.dirname, 'bgp-load.c')]);
  return program;
}
