// A small real AdminBackend for tests: it holds rows, flips drain flags, keeps reports and tells watchers. Rows are
// those of a site with two contact instances, seen from its router.
import type {
  ComputeStateView,
  ExplainView,
  InstanceView,
  PeerProtocolView,
  StatusView,
  ViewKind,
  Views,
} from '../../lib/model/view.ts';
import type { AdminBackend, InstanceKey, PushReport } from './backend.ts';

export const NOW_MS = 1_800_000_000_000;
const STARTED_MS = NOW_MS - 3_723_000;

const STATE: ComputeStateView = {
  score: 8,
  computeScore: 7,
  serviceScore: 9,
  serviceTimeUs: 6_250,
  workTimeUs: 5_000,
  spareCapacity: 812.5,
  inFlight: 3,
  arrivalRate: 787.5,
  workers: 8,
  source: 'measured',
  sequence: 42,
  receivedAtMs: NOW_MS - 350,
  validForMs: 180_000,
  stale: false,
};

function instance(n: number, source: string): InstanceView {
  return {
    service: 'fd00:cafe::80',
    serviceName: 'web',
    contactInstance: `fd00:51::1${n}`,
    instanceName: `web-1${n}`,
    nexthop: `fd00:51::1${n}`,
    sid: `5f00:0:51:10${n}::`,
    health: 'up',
    healthSinceMs: STARTED_MS,
    drained: false,
    advertised: true,
    source,
    lastError: '',
    ...(n === 0 ? { state: STATE } : {}),
  };
}

const STATUS: StatusView = {
  name: 'e1',
  site: 'site-1',
  routerId: '10.0.0.51',
  domain: 'cfn',
  roles: ['c-sma', 'c-nma', 'c-ps', 'forwarder'],
  version: '0.1.0',
  runtime: 'node v24',
  pid: 4711,
  startedAtMs: STARTED_MS,
  configFile: '/etc/cfnd/cfnd.yaml',
  state: 'running',
  fibKind: 'kernel',
  fibState: 'synced',
  peersEstablished: 1,
  peersConfigured: 2,
  services: 2,
  routes: 3,
  nodes: 2,
  fibObjects: 12,
  fibFailures: 0,
  security: 'mutual-tls',
  certificate: 'spiffe://cfn/site/site-1/router/e1',
  certificateNotAfterMs: NOW_MS + 3 * 86_400_000,
  degraded: ['no netem: link delay is not impaired'],
};

const PROTOCOL: PeerProtocolView = {
  role: 'site',
  remoteRole: 'hub',
  relation: 'upstream',
  capabilities: ['digest', 'subscription'],
  retention: 'stale',
  retentionUntilMs: NOW_MS + 61_000,
  restartTimeMs: 120_000,
  longLivedMs: 3_600_000,
  serviceLimit: 1_000_000,
  servicesLimit: 10_000,
  instancesPerServiceLimit: 64,
  updatesLimit: 500,
  bytesLimit: 0,
  linkStateLimit: 100_000,
  limitAction: 'close',
  importPolicy: 'from-hub',
  exportPolicy: '',
  subscription: ['service fd00:cafe::80/128', 'region eu-west'],
  remoteSubscription: [],
  rejected: 2,
  damped: 1,
  mismatches: 0,
};

const EXPLAIN: ExplainView = {
  service: 'fd00:cafe::80',
  serviceName: 'web',
  site: 'site-1',
  assumed: false,
  atMs: NOW_MS - 1200,
  class: 'interactive',
  strategy: 'joint',
  affinity: 'flow',
  hysteresisPercent: 10,
  holdMs: 1000,
  change: 'rebalanced',
  best: 'fd00:51::10',
  incumbentSinceMs: NOW_MS - 61_000,
  candidates: [
    {
      contactInstance: 'fd00:51::10',
      instanceName: 'web-10',
      site: 'site-1',
      originator: '10.0.0.51',
      from: 'local',
      weight: 700,
      verdict: 'best',
      cost: { totalUs: 6_250, roundTripUs: 0, serviceTimeUs: 6_250, priceUs: 0, carbonUs: 0, preferenceUs: 0 },
      state: STATE,
      path: ['e1'],
      segments: ['5f00:0:51:100::'],
      entries: [
        {
          segment: '5f00:0:51:100::',
          kind: 'full',
          holds: [{ sid: '5f00:0:51:100::', router: 'e1', behaviour: 'End.DX6' }],
        },
      ],
      overheadBytes: 40,
      explicit: '',
      plan: 'complete',
    },
    {
      contactInstance: 'fd00:52::10',
      instanceName: 'web-20',
      site: 'site-2',
      originator: '10.0.0.52',
      from: 'c1',
      weight: 300,
      verdict: 'shared',
      cost: { totalUs: 10_450, roundTripUs: 4_200, serviceTimeUs: 6_250, priceUs: 0, carbonUs: 0, preferenceUs: 0 },
      state: { ...STATE, sequence: 7, receivedAtMs: NOW_MS - 900 },
      path: ['e1', 'c1', 'e2'],
      segments: ['fcbb:bbbb:21:52:f001::'],
      entries: [
        {
          segment: 'fcbb:bbbb:21:52:f001::',
          kind: 'next',
          holds: [
            { sid: 'fcbb:bbbb:21::', router: 'c1', behaviour: 'End with NEXT-CSID' },
            { sid: 'fcbb:bbbb:52:f001::', router: 'e2', behaviour: 'End.DX6 with NEXT-CSID' },
          ],
        },
      ],
      overheadBytes: 40,
      explicit: '',
      plan: 'complete',
    },
    {
      contactInstance: 'fd00:53::10',
      instanceName: 'web-30',
      site: 'site-3',
      originator: '10.0.0.53',
      from: 'c1',
      weight: 0,
      verdict: 'unreachable',
      path: [],
      segments: [],
      entries: [],
      overheadBytes: 0,
      explicit: '',
      plan: 'no-path',
    },
  ],
};

const ROWS: { readonly [K in ViewKind]: readonly Views[K][] } = {
  peers: [
    {
      name: 'c1',
      address: 'fd00:1::21',
      port: 1790,
      state: 'Established',
      sinceMs: NOW_MS - 3_700_000,
      passive: false,
      remoteRouterId: '10.0.0.21',
      remoteSite: 'core',
      remoteName: 'c1',
      families: ['service', 'compute', 'link-state'],
      holdTimeMs: 3000,
      received: { service: 2, compute: 2, linkState: 6 },
      advertised: { service: 2, compute: 1, linkState: 3 },
      messagesIn: 4821,
      messagesOut: 4790,
      flaps: 0,
      identity: 'spiffe://cfn/site/core/router/c1',
      refused: [
        { reason: 'service', rows: 3 },
        { reason: 'relay', rows: 1 },
      ],
      lastError: '',
      lastErrorAtMs: 0,
      fault: '',
      protocol: PROTOCOL,
    },
    {
      name: 'c2',
      address: 'fd00:2::22',
      port: 1790,
      state: 'Active',
      sinceMs: NOW_MS - 4_000,
      passive: false,
      remoteRouterId: '',
      remoteSite: '',
      remoteName: '',
      families: [],
      holdTimeMs: 3000,
      received: { service: 0, compute: 0, linkState: 0 },
      advertised: { service: 0, compute: 0, linkState: 0 },
      messagesIn: 0,
      messagesOut: 0,
      flaps: 2,
      identity: '',
      refused: [],
      lastError: 'connection refused',
      lastErrorAtMs: NOW_MS - 4_000,
      fault: '',
      protocol: PROTOCOL,
    },
  ],
  services: [
    {
      service: 'fd00:cafe::80',
      name: 'web',
      steered: true,
      class: 'interactive',
      classify: ['dscp ef'],
      strategy: 'joint',
      affinity: 'flow',
      candidates: 3,
      eligible: 2,
      weights: [
        { contactInstance: 'fd00:51::10', instanceName: 'web-10', site: 'site-1', weight: 700 },
        { contactInstance: 'fd00:52::10', instanceName: 'web-20', site: 'site-2', weight: 300 },
      ],
      change: 'rebalanced',
      changedAtMs: NOW_MS - 1200,
      decisions: 318,
    },
    {
      service: 'fd00:cafe::90',
      name: 'batch',
      steered: false,
      class: '',
      classify: [],
      strategy: '',
      affinity: '',
      candidates: 1,
      eligible: 0,
      weights: [],
      change: '',
      changedAtMs: 0,
      decisions: 0,
    },
  ],
  rib: [
    {
      service: 'fd00:cafe::80',
      serviceName: 'web',
      contactInstance: 'fd00:51::10',
      instanceName: 'web-10',
      originator: '10.0.0.51',
      site: 'site-1',
      from: 'local',
      drain: false,
      egressSid: '5f00:0:51:100::',
      weight: 700,
      verdict: 'best',
      quarantine: '',
      roundTripUs: 0,
      costUs: 6_250,
      state: STATE,
    },
    {
      service: 'fd00:cafe::80',
      serviceName: 'web',
      contactInstance: 'fd00:53::10',
      instanceName: 'web-30',
      originator: '10.0.0.53',
      site: 'site-3',
      from: 'c1',
      drain: true,
      egressSid: '5f00:0:53:100::',
      weight: 0,
      verdict: 'unreachable',
      quarantine: '',
    },
    {
      service: 'fd00:cafe::90',
      serviceName: 'batch',
      contactInstance: 'fd00:52::20',
      instanceName: 'batch-1',
      originator: '10.0.0.52',
      site: 'site-2',
      from: 'c1',
      drain: false,
      egressSid: '5f00:0:52:200::',
      weight: 0,
      verdict: '',
      quarantine: 'workers',
      roundTripUs: 4_200,
      state: { ...STATE, score: 2, stale: true, receivedAtMs: NOW_MS - 200_000 },
    },
  ],
  instances: [instance(0, 'prometheus'), instance(1, 'push')],
  'link-state': [
    {
      originator: '10.0.0.51',
      name: 'e1',
      site: 'site-1',
      self: true,
      reachable: true,
      fault: 'router id 10.0.0.51 is also that of e9 of site-9',
      sequence: 1_800_000_000_000_001,
      receivedAtMs: STARTED_MS,
      locators: [
        {
          prefix: '5f00:0:51::/48',
          endSid: '5f00:0:51:1::',
          behaviour: 'End',
          structure: '32/16/16/0',
          fault: '',
        },
        {
          prefix: 'fcbb:bbbb:51::/48',
          endSid: 'fcbb:bbbb:51::',
          behaviour: 'End with NEXT-CSID',
          structure: '32/16/0/80',
          fault: '',
        },
        {
          prefix: 'fdbb:cafe:0:51::/64',
          endSid: 'fdbb:cafe:0:51::',
          behaviour: 'End with REPLACE-CSID',
          structure: '48/16/0/64',
          fault: 'length-of-flavour',
        },
      ],
      prefixes: ['fd00:51::/64'],
      links: [
        {
          name: 'eth1',
          neighbour: '10.0.0.21',
          neighbourName: 'c1',
          localAddress: 'fd00:1::51',
          remoteAddress: 'fd00:1::21',
          delayMinUs: 1_020,
          delayAvgUs: 1_048.5,
          delayVariationUs: 12,
          lossPercent: 0.5,
          bandwidthBps: 10_000_000_000,
          endXSid: '5f00:0:51:e001::',
          adjacencySids: [{ sid: 'fcbb:bbbb:51:e001::', behaviour: 'End.X with NEXT-CSID' }],
          twoWay: true,
        },
      ],
    },
    {
      originator: '10.0.0.99',
      name: '',
      site: 'site-9',
      self: false,
      reachable: false,
      fault: '',
      sequence: 12,
      receivedAtMs: NOW_MS - 90_000,
      locators: [],
      prefixes: [],
      links: [],
    },
  ],
  paths: [
    {
      router: '10.0.0.52',
      name: 'e2',
      site: 'site-2',
      reachable: true,
      delayUs: 2_100,
      roundTripUs: 4_200,
      path: ['e1', 'c1', 'e2'],
      firstHops: [{ device: 'eth1', gateway: 'fd00:1::21' }],
      segments: ['fdbb:cafe:0:21:1::', '::52:1'],
      entries: [
        {
          segment: 'fdbb:cafe:0:21:1::',
          kind: 'replace-first',
          holds: [{ sid: 'fdbb:cafe:0:21:1::', router: 'c1', behaviour: 'End with REPLACE-CSID' }],
        },
        {
          segment: '::52:1',
          kind: 'replace-packed',
          holds: [{ sid: 'fdbb:cafe:0:52:1::', router: 'e2', behaviour: 'End with REPLACE-CSID' }],
        },
      ],
      overheadBytes: 64,
      plan: 'complete',
    },
    {
      router: '10.0.0.99',
      name: '',
      site: 'site-9',
      reachable: false,
      delayUs: 0,
      roundTripUs: 0,
      path: [],
      firstHops: [],
      segments: [],
      entries: [],
      overheadBytes: 0,
      plan: 'no-path',
    },
  ],
  fib: [
    {
      key: 'route 10000 fd00:cafe::80/128',
      kind: 'route',
      object: 'fd00:cafe::80/128 nhid 100000001 table 10000',
      state: 'in-force',
      error: '',
    },
    {
      key: 'rule ipv6 10000',
      kind: 'rule',
      object: 'fwmark 0x100/0xfff lookup 10000',
      state: 'failed',
      error: 'EPERM',
    },
  ],
  'fib-in-kernel': [
    {
      key: 'route 10000 fd00:cafe::80/128',
      kind: 'route',
      object: 'fd00:cafe::80/128 nhid 100000001 table 10000',
      kernel: 'in-force',
    },
    { key: 'rule ipv6 10000', kind: 'rule', object: 'fwmark 0x100/0xfff lookup 10000', kernel: 'missing' },
    { key: 'nexthop 200000999', kind: 'nexthop', object: '', kernel: 'unwanted' },
  ],
  sids: [{ prefix: '5f00:0:11:d4::/64', behaviour: 'End.DX4 nh4 0.0.0.0', packets: 7, bytes: 700, errors: 1 }],
  metrics: [
    { name: 'updates_in', kind: 'counter', unit: '1', labels: { peer: 'c1' }, help: 'UPDATE messages', value: 4821 },
    { name: 'mailbox_depth', kind: 'gauge', unit: '1', labels: {}, help: 'events that wait', value: 0 },
    {
      name: 'stage_us',
      kind: 'histogram',
      unit: 'us',
      labels: { stage: 'decide' },
      help: 'time a stage takes',
      histogram: { count: 318, p50: 41.5, p99: 120, max: 233 },
    },
  ],
  capabilities: [
    { name: 'seg6', available: true, remark: '' },
    { name: 'vrf', available: false, remark: 'no CONFIG_NET_VRF: End.DT46 is not used' },
  ],
  flows: [
    {
      service: 'fd00:cafe::80',
      serviceName: 'web',
      contactInstance: 'fd00:51::10',
      instanceName: 'web-10',
      site: 'site-1',
      class: 'interactive',
      slot: 0,
      weight: 700,
      flows: 1234,
      state: 'draining',
    },
  ],
  drains: [
    {
      service: 'fd00:cafe::80',
      serviceName: 'web',
      contactInstance: 'fd00:51::10',
      instanceName: 'web-10',
      local: true,
      state: 'draining',
      sinceMs: NOW_MS - 42_000,
      deadlineMs: NOW_MS + 258_000,
      flows: 17,
      silentMs: 900,
    },
    {
      service: 'fd00:cafe::80',
      serviceName: 'web',
      contactInstance: 'fd00:52::10',
      instanceName: 'web-20',
      local: false,
      state: 'drained',
      sinceMs: NOW_MS - 90_000,
      deadlineMs: 0,
      flows: 0,
    },
  ],
};

export interface FakeBackend extends AdminBackend {
  /** Replaces the rows of one kind and tells its watchers. */
  put<K extends ViewKind>(kind: K, rows: readonly Views[K][]): void;
  rows<K extends ViewKind>(kind: K): readonly Views[K][];
  readonly reports: readonly { readonly instance: InstanceKey; readonly report: PushReport }[];
  readonly shows: Readonly<Record<string, number>>;
  readonly watcherCount: number;
}

export function createFakeBackend(): FakeBackend {
  const rows = new Map<ViewKind, readonly unknown[]>(Object.entries(ROWS) as [ViewKind, readonly unknown[]][]);
  const watchers = new Set<{ readonly kind: ViewKind; readonly changed: () => void }>();
  const reports: { readonly instance: InstanceKey; readonly report: PushReport }[] = [];
  const shows: Record<string, number> = {};
  const backend: FakeBackend = {
    reports,
    shows,
    get watcherCount() {
      return watchers.size;
    },
    rows: <K extends ViewKind>(kind: K) => rows.get(kind) as readonly Views[K][],
    put(kind, next) {
      rows.set(kind, next);
      for (const watcher of watchers) if (watcher.kind === kind) watcher.changed();
    },
    status: () => STATUS,
    show(kind) {
      shows[kind] = (shows[kind] ?? 0) + 1;
      return Promise.resolve(backend.rows(kind));
    },
    explain(service, fromSite) {
      if (fromSite !== undefined && fromSite !== 'site-2') {
        return { ok: false, code: 'not-found', text: `no router of site ${fromSite} is in the link state` };
      }
      const assumed = fromSite !== undefined;
      const candidates = EXPLAIN.candidates.map((it) => (assumed ? { ...it, from: '' } : it));
      const view = { ...EXPLAIN, candidates, service, ...(assumed && { site: fromSite, assumed }) };
      if (service === EXPLAIN.service) return { ok: true, value: view };
      return {
        ok: true,
        value: { ...view, serviceName: 'batch', best: '', change: 'lost', candidates: [candidates[2]!] },
      };
    },
    setDrain(instances, drain) {
      const isNamed = (row: InstanceView) => instances.some((one) => one.contactInstance === row.contactInstance);
      const before = backend.rows('instances');
      const changed: readonly InstanceKey[] = before.filter((row) => isNamed(row) && row.drained !== drain);
      const elsewhere = instances.filter((one) => !before.some((row) => row.contactInstance === one.contactInstance));
      backend.put(
        'instances',
        before.map((row) => (isNamed(row) ? { ...row, drained: drain } : row)),
      );
      return Promise.resolve({
        ok: true,
        value: [...changed, ...elsewhere].map(({ service, contactInstance }) => ({ service, contactInstance })),
      });
    },
    reloadCertificates: () => ({
      ok: true,
      value: { changed: true, certificate: STATUS.certificate, certificateNotAfterMs: STATUS.certificateNotAfterMs },
    }),
    localInstances: () => backend.rows('instances'),
    report(target, report) {
      reports.push({ instance: target, report });
      return Promise.resolve({ ok: true, value: undefined });
    },
    session(peer) {
      const row = backend.rows('peers').find((one) => one.name === peer);
      return row === undefined
        ? { ok: false, code: 'not-found', text: `there is no peer ${peer}` }
        : { ok: true, value: row.state };
    },
    policyTest({ policy = 'from-hub', service = 'fd00:cafe::80' }) {
      const route = { service, contactInstance: 'fd00:51::10', instanceName: 'web-10', site: 'site-1' };
      const steps = [
        { rule: 'ours', result: 'sites' },
        { rule: 'rest', result: 'matched' },
      ];
      const changes = ['preference 0 -> 10'];
      return { ok: true, value: { policy, routes: [{ ...route, accepted: true, by: 'rest', steps, changes }] } };
    },
    reloadPolicies: () =>
      Promise.resolve({ ok: true, value: { policies: ['from-hub'], needRestart: ['links.core1.delay'] } }),
    watch(kind, changed) {
      const watcher = { kind, changed };
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
  };
  return backend;
}
