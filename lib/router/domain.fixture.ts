// Test support: a national domain in the simulation. Hubs in a full mesh, sites with a session to two of them each, one
// contact instance a site; every site hears of every other through the hubs.
import type { PeerConfig, RouterConfig } from '../config/config.ts';
import { parseConfig } from '../config/parse.ts';
import type { Family } from '../model/identity.ts';
import { Simulation, type SimulationOptions } from './simulation.fixture.ts';

export const SERVICE = 'fd00:cafe::80';

export interface DomainOptions extends SimulationOptions {
  readonly sites: number;
  readonly hubs: number;
  /** Lines of YAML for every hub, for every site. */
  readonly hubExtra?: string;
  readonly siteExtra?: string;
  /** Options of every session of a hub with a site. */
  readonly hubPeer?: string;
  /** Options of all sessions of one site. */
  readonly subscribe?: { readonly site: number; readonly text: string };
  /** `false`: nobody has a role, and every session is one of neighbours that know nothing of each other. */
  readonly roles?: false;
  /** Sites that say they are observers. */
  readonly observers?: readonly number[];
  /** Site 0 takes its first hub for a site, and that hub takes it for a hub. */
  readonly wrongRole?: boolean;
  readonly digestInterval?: string;
  readonly reportRate?: string;
  /** Of all sessions; default: all three. */
  readonly families?: readonly Family[];
}

export class Domain {
  readonly simulation: Simulation;
  readonly sites: readonly string[];
  readonly hubs: readonly string[];
  readonly configs = new Map<string, RouterConfig>();

  constructor(options: DomainOptions) {
    this.simulation = new Simulation({ recorded: false, ...options });
    this.hubs = Array.from({ length: options.hubs }, (_, i) => `hub-${i}`);
    this.sites = Array.from({ length: options.sites }, (_, i) => `s-${i}`);
    for (const [i, name] of this.hubs.entries()) this.#add(name, hubText(options, i), options.families);
    for (const [i, name] of this.sites.entries()) this.#add(name, siteText(options, i), options.families);
  }

  #add(name: string, text: string, families: readonly Family[] | undefined): void {
    const parsed = parseConfig(text);
    if (!parsed.ok) throw new Error(`${name}: ${JSON.stringify(parsed.errors)}`);
    const peers = parsed.config.peers.map((peer): PeerConfig => (families ? { ...peer, families } : peer));
    const config = { ...parsed.config, peers };
    this.configs.set(name, config);
    this.simulation.add(config);
  }

  /** Starts everyone within a second, and lets every instance report once as soon as its router is there. */
  start(): void {
    const { simulation } = this;
    for (const name of [...this.hubs, ...this.sites])
      simulation.later(simulation.random() * 1000, () => simulation.start(name));
    for (const i of this.sites.keys()) simulation.later(1200 + simulation.random() * 500, () => this.report(i));
  }

  /** Load of one site's instance; the score follows from it. */
  report(site: number, load: { readonly inFlight: number; readonly arrivalRate: number } = IDLE): void {
    const { simulation } = this;
    simulation.post(this.sites[site]!, {
      type: 'instance-report',
      service: SERVICE,
      contactInstance: instanceAddress(site),
      report: { wallMs: 1_790_000_000_000 + simulation.atMs, workers: 4, workTimeUs: 4000, ...load },
    });
  }

  /** Every instance reports now and then every `periodMs`, each at its own phase, for `forMs`. */
  reportEvery(periodMs: number, forMs: number, load: () => { inFlight: number; arrivalRate: number }): void {
    for (const site of this.sites.keys()) {
      const phase = this.simulation.random() * periodMs;
      for (let atMs = phase; atMs < forMs; atMs += periodMs)
        this.simulation.later(atMs, () => this.report(site, load()));
    }
  }

  /** Hubs of a site. */
  hubsOf(site: number): readonly string[] {
    return hubNumbers(site, this.hubs.length).map((hub) => this.hubs[hub]!);
  }
}

const IDLE = { inFlight: 0, arrivalRate: 10 };

export const instanceAddress = (site: number): string => `fd00:5e:${hex(site + 1)}::80`;

function hubNumbers(site: number, hubs: number): number[] {
  return hubs < 2 ? [0] : [site % hubs, (site + 1) % hubs];
}

const hex = (value: number): string => value.toString(16);
const hubId = (hub: number): string => `10.255.0.${hub + 1}`;
const siteId = (site: number): string => `10.${1 + ((site >> 16) & 63)}.${(site >> 8) & 255}.${site & 255}`;
const hubSite = (hub: number, site: number): [string, string] => [
  `fd00:1:${hex(hub + 1)}:${hex(site + 1)}::1`,
  `fd00:1:${hex(hub + 1)}:${hex(site + 1)}::2`,
];
const hubHub = (from: number, to: number): string =>
  `fd00:2:${hex(Math.min(from, to) + 1)}:${hex(Math.max(from, to) + 1)}::${from < to ? 1 : 2}`;

interface Adjacency {
  readonly name: string;
  readonly neighbour: string;
  readonly local: string;
  readonly remote: string;
  readonly role: string;
  /** More options of the peer. */
  readonly options?: string;
}

function text(
  name: string,
  id: string,
  role: string,
  locator: string,
  peers: readonly Adjacency[],
  rest: string,
  digestInterval = '60s',
  reportRate = '{ per-second: 100, burst: 200 }',
) {
  return [
    `name: ${name}`,
    `site: ${name}`,
    `router-id: ${id}`,
    ...(role === '' ? [] : [`role: ${role}`]),
    'security: plaintext',
    `services: { web: "${SERVICE}" }`,
    `srv6: { locator: "${locator}" }`,
    'stamp: { enabled: false }',
    'fib: { kind: memory, underlay: false, verify-interval: 0s }',
    `protocol: { digest-interval: ${digestInterval}, report-rate: ${reportRate} }`,
    'links:',
    ...peers.map(
      (it, i) =>
        `  - { name: e${i}, neighbour: ${it.neighbour}, local-address: "${it.local}", remote-address: "${it.remote}", delay: 2ms }`,
    ),
    'peers:',
    ...peers.map(
      (it) =>
        `  - { name: ${it.name}, address: "${it.remote}", hold-time: 30s${role === '' ? '' : `, role: ${it.role}`}${it.options ? `, ${it.options}` : ''} }`,
    ),
    rest,
  ].join('\n');
}

function hubText(options: DomainOptions, hub: number): string {
  const { sites, hubs, hubExtra = '', hubPeer = '', digestInterval } = options;
  const peers: Adjacency[] = [];
  for (let other = 0; other < hubs; other++) {
    if (other === hub) continue;
    const [local, remote] = [hubHub(hub, other), hubHub(other, hub)];
    peers.push({ name: `hub-${other}`, neighbour: hubId(other), local, remote, role: 'hub' });
  }
  for (let site = 0; site < sites; site++) {
    if (!hubNumbers(site, hubs).includes(hub)) continue;
    const [local, remote] = hubSite(hub, site);
    const role = options.observers?.includes(site)
      ? 'observer'
      : options.wrongRole && site + hub === 0
        ? 'hub'
        : 'site';
    peers.push({ name: `s-${site}`, neighbour: siteId(site), local, remote, role, options: hubPeer });
  }
  return text(
    `hub-${hub}`,
    hubId(hub),
    options.roles === false ? '' : 'hub',
    `5f01:0:${hex(hub + 1)}::/48`,
    peers,
    hubExtra,
    digestInterval,
    options.reportRate,
  );
}

function siteText(options: DomainOptions, site: number): string {
  const { hubs, siteExtra = '', subscribe, digestInterval } = options;
  const more = subscribe?.site === site ? subscribe.text : '';
  const peers = hubNumbers(site, hubs).map((hub): Adjacency => {
    const [remote, local] = hubSite(hub, site);
    return { name: `hub-${hub}`, neighbour: hubId(hub), local, remote, role: 'hub', options: more };
  });
  const locator = `5f00:0:${hex(site + 1)}`;
  const instance =
    `instances: [ { name: sv-${site}, service: web, address: "${instanceAddress(site)}", sid: "${locator}:80::", ` +
    'metrics: { kind: push }, valid-for: 1h } ]';
  const role = options.roles === false ? '' : options.observers?.includes(site) ? 'observer' : 'site';
  return text(`s-${site}`, siteId(site), role, `${locator}::/48`, peers, `${instance}\n${siteExtra}`, digestInterval);
}
