// The admin API over the router core: reads go to the state through the pure views, writes become events. Nothing here
// changes the state, and everything returned is a copy.
import { setImmediate as turn } from 'node:timers/promises';
import type { RouterConfig } from '../../lib/config/config.ts';
import { nearestWord } from '../../lib/config/nearest-word.ts';
import { unappliedOptions } from '../../lib/config/unapplied.ts';
import type { BorderCounters, Fib } from '../../lib/fib/fib.ts';
import { pushFault } from '../../lib/metric/agent.ts';
import type { ServiceId, SiteId } from '../../lib/model/identity.ts';
import type { CapabilityView, MetricView, StatusView, ViewKind, Views } from '../../lib/model/view.ts';
import { entriesOf } from '../../lib/rib/route-entry.ts';
import type { RouterEventBody } from '../../lib/router/event.ts';
import type { Router } from '../../lib/router/handle.ts';
import type { RouterState } from '../../lib/router/state.ts';
import { fibInKernelRows, fibRows, sidRows } from '../../lib/router/view/fib.ts';
import { drainRows, flowRows } from '../../lib/router/view/flows.ts';
import { linkStateRows, pathRows, peerRows } from '../../lib/router/view/peers.ts';
import { policyTest } from '../../lib/router/view/policy-test.ts';
import { explainService, instanceRows, ribRows, serviceRows } from '../../lib/router/view/services.ts';
import { readPolicies } from '../reload.ts';
import { wallClockMs } from '../runtime/clock.ts';
import type { Mailbox } from '../runtime/mailbox.ts';
import { STAGES, type Stages } from '../runtime/stages.ts';
import type { CredentialStore } from '../security/credential-store.ts';
import type { AdminBackend, DrainBounds, InstanceKey, Outcome, PushReport, Refusal } from './backend.ts';
import { classRows } from './class-metrics.ts';
import { fibMetricRows } from './fib-metrics.ts';
import { localInstance } from './local-instance.ts';

export interface BackendOptions {
  readonly router: Router;
  readonly fib: Fib;
  readonly mailbox: Mailbox;
  readonly stages: Stages;
  readonly post: (event: RouterEventBody) => void;
  readonly configFile: string;
  /** What the file said at the start. */
  readonly asWritten: RouterConfig;
  readonly version: string;
  /** With mutual TLS. */
  readonly credentials?: CredentialStore | undefined;
}

export interface RouterBackend extends AdminBackend {
  /** Rows of this view may have changed. */
  changed(view: ViewKind): void;
}

export function createBackend(options: BackendOptions): RouterBackend {
  const { router, fib, post } = options;
  const watchers = new Map<ViewKind, Set<() => void>>();
  const state = (): RouterState => {
    if (router.state === undefined) throw new Error('the admin API is served before the router started');
    return router.state;
  };
  const readers: { readonly [K in ViewKind]: () => Promise<readonly Views[K][]> } = {
    peers: async () => peerRows(state()),
    services: async () => serviceRows(state()),
    rib: async () => ribRows(state()),
    instances: async () => instanceRows(state()),
    'link-state': async () => linkStateRows(state()),
    paths: async () => pathRows(state()),
    fib: async () => fibRows(state()),
    'fib-in-kernel': async () => fibInKernelRows(state(), await fib.inspect()),
    sids: async () => sidRows(state(), await fib.sidCounters()),
    metrics: async () => [
      ...metricRows(state(), options),
      ...fibMetricRows(state(), await fib.sidCounters()),
      ...borderRows(await fib.borderCounters()),
      ...classRows(state(), await fib.classCounters(), await fib.flowCounts()),
    ],
    capabilities: async () => state().capabilities.map((it): CapabilityView => ({ ...it })),
    flows: async () => flowRows(state(), await fib.flowCounts()),
    drains: async () => drainRows(state()),
  };

  return {
    status: () => statusView(state(), options),
    show: (kind) => readers[kind](),
    explain(service: ServiceId, fromSite?: SiteId, className?: string) {
      const explained = explainService(state(), service, fromSite, className);
      return 'view' in explained ? { ok: true, value: explained.view } : refuse('not-found', explained.refused);
    },
    async setDrain(instances: readonly InstanceKey[], drain: boolean, bounds: DrainBounds = {}) {
      const before = new Set(instances.filter((it) => isDrained(state(), it) === drain));
      const unknown = instances.find((it) => isDrained(state(), it) === undefined);
      if (unknown) return refuse('not-found', `no contact instance ${unknown.contactInstance} of ${unknown.service}`);
      for (const { service, contactInstance } of instances)
        post({ type: 'drain', service, contactInstance, drain, ...bounds });
      return { ok: true, value: instances.filter((it) => !before.has(it)) };
    },
    localInstances: () => Array.from(state().instances.values(), localInstance),
    async report({ service, contactInstance }: InstanceKey, report: PushReport): Promise<Outcome<void>> {
      const instance = state().instances.get(`${service} ${contactInstance}`);
      if (instance === undefined)
        return refuse('not-found', `no contact instance ${contactInstance} of ${service} here`);
      if (instance.config.metrics.kind !== 'push')
        return refuse(
          'invalid',
          `${instance.config.instanceName} is measured by ${instance.config.metrics.kind}, not pushed`,
        );
      const pushed = { ...report, wallMs: wallClockMs() };
      post({ type: 'instance-report', service, contactInstance, report: pushed });
      // What it led to is written to the peers at the end of this turn: the answer, which takes longer, waits for that.
      await turn();
      const fault = pushFault({ ...pushed, atMs: state().atMs }, instance.config.validForMs);
      return fault ? refuse('invalid', `not used: ${fault.detail}`) : { ok: true, value: undefined };
    },
    reloadCertificates() {
      const outcome = options.credentials?.reload();
      if (outcome === undefined) return refuse('unavailable', 'this router has no certificate: security is plaintext');
      if (!outcome.ok) return refuse('unavailable', outcome.text);
      return { ok: true, value: { changed: outcome.changed, ...certificateView(options.credentials) } };
    },
    session(name, command, text) {
      const peer = state().peers.get(name);
      if (peer === undefined) return noPeer(state(), name);
      const before = peer.fsm.name;
      post({ type: 'peer-command', peer: name, command, text });
      return { ok: true, value: before };
    },
    policyTest({ peer: name, direction, policy: other, service }) {
      const peer = state().peers.get(name);
      if (peer === undefined) return noPeer(state(), name);
      const wanted = other ?? (direction === 'import' ? peer.importPolicy : peer.exportPolicy);
      if (wanted === '') return refuse('unavailable', `${name} has no ${direction} policy: everything passes`);
      const policy = state().policies.get(wanted);
      if (policy === undefined) {
        const near = nearestWord(wanted, [...state().policies.keys()]);
        return refuse(
          'not-found',
          `there is no policy ${wanted}${near === undefined ? '' : `; did you mean ${near}?`}`,
        );
      }
      return { ok: true, value: { policy: wanted, routes: policyTest(state(), peer, direction, policy, service) } };
    },
    async reloadPolicies() {
      const read = await readPolicies(options.configFile);
      if (!read.ok) return refuse('invalid', read.text);
      post(read.event);
      const policies = read.event.policies.map((policy) => policy.name);
      return { ok: true, value: { policies, needRestart: unappliedOptions(options.asWritten, read.config) } };
    },
    watch(kind, changed) {
      const set = watchers.get(kind) ?? new Set();
      watchers.set(kind, set.add(changed));
      return () => set.delete(changed);
    },
    changed(view) {
      for (const changed of watchers.get(view) ?? []) changed();
    },
  };
}

function certificateView(credentials: CredentialStore | undefined) {
  const current = credentials?.current;
  return { certificate: current?.names.join(' ') ?? '', certificateNotAfterMs: current?.notAfterMs ?? 0 };
}

function noPeer({ peers }: RouterState, name: string): Refusal {
  const near = nearestWord(name, [...peers.keys()]);
  return refuse('not-found', `there is no peer ${name}${near === undefined ? '' : `; did you mean ${near}?`}`);
}

function refuse(code: Refusal['code'], text: string): Refusal {
  return { ok: false, code, text };
}

/** undefined: unknown here. */
function isDrained(state: RouterState, { service, contactInstance }: InstanceKey): boolean | undefined {
  const own = state.instances.get(`${service} ${contactInstance}`);
  if (own !== undefined) return own.drained;
  for (const entry of entriesOf(state.table, service))
    if (entry.route.contactInstance === contactInstance) return state.excluded.has(entry.key);
  return undefined;
}

function statusView(state: RouterState, options: BackendOptions): StatusView {
  const { config, fib } = state;
  const phase = state.stopping ? 'stopping' : state.announced ? 'running' : 'starting';
  return {
    name: config.name,
    site: config.site,
    routerId: config.routerId,
    domain: config.domain,
    roles: config.roles,
    version: options.version,
    runtime: `node ${process.versions.node}`,
    pid: process.pid,
    startedAtMs: state.wallOriginMs + state.startedAtMs,
    configFile: options.configFile,
    state: phase,
    fibKind: options.fib.kind,
    fibState: fib.phase,
    peersEstablished: [...state.peers.values()].filter((peer) => peer.session !== undefined).length,
    peersConfigured: state.peers.size,
    services: state.table.services.size,
    routes: state.table.size,
    nodes: state.lsdb.nodes.size,
    fibObjects: [...fib.owners.values()].reduce((sum, objects) => sum + objects.size, 0),
    fibFailures: fib.failures,
    security: config.security,
    ...certificateView(options.credentials),
    degraded: state.capabilities.filter((it) => !it.available).map((it) => `${it.name}: ${it.remark}`),
  };
}

function borderRows(dropped: BorderCounters | undefined): MetricView[] {
  if (dropped === undefined) return [];
  const { routingHeaders, toSids, fromSids } = dropped;
  const reasons = { 'routing-header': routingHeaders, 'to-sid': toSids, 'from-sid': fromSids };
  return Object.entries(reasons).map(([reason, value]) => ({
    name: 'cfnd_border_dropped_total',
    kind: 'counter',
    unit: '1',
    labels: { reason },
    help: 'packets from outside the domain that only its routers may send',
    value,
  }));
}

function metricRows(state: RouterState, { stages, mailbox, credentials }: BackendOptions): MetricView[] {
  const gauge = (name: string, value: number, help: string, unit = '1'): MetricView => ({
    name,
    kind: 'gauge',
    unit,
    labels: {},
    help,
    value,
  });
  const latencies = [...stages.quantiles()].map(
    ([stage, { count, p50, p99, max }]): MetricView => ({
      name: 'cfnd_stage_latency',
      kind: 'histogram',
      unit: 'us',
      labels: { stage },
      help: STAGES[stage],
      histogram: { count, p50, p99, max },
    }),
  );
  const events = [...stages.events].map(
    ([type, value]): MetricView => ({
      name: 'cfnd_events_total',
      kind: 'counter',
      unit: '1',
      labels: { type },
      help: 'events handled by the router core',
      value,
    }),
  );
  const decisions = [...state.steered.values()].map(
    (steered): MetricView => ({
      name: 'cfnd_decisions_total',
      kind: 'counter',
      unit: '1',
      labels: { service: steered.service },
      help: 'decisions taken',
      value: steered.decisions,
    }),
  );
  return [
    ...latencies,
    ...decisions,
    ...refusalRows(state),
    gauge('cfnd_quarantined_routes', state.quarantine.size, 'routes whose reports are not believed at present'),
    ...(credentials === undefined
      ? []
      : [
          gauge(
            'cfnd_certificate_not_after',
            Math.floor(credentials.current.notAfterMs / 1000),
            'end of the own certificate, seconds since 1970',
            's',
          ),
        ]),
    gauge('cfnd_routes', state.table.size, 'routes known, own included'),
    gauge('cfnd_nodes', state.lsdb.nodes.size, 'routers in the link-state database'),
    gauge('cfnd_fib_failures', state.fib.failed.size, 'objects wanted and not in force'),
    gauge('cfnd_mailbox_high_water', mailbox.highWater, 'longest queue of events seen'),
    gauge('cfnd_memory', process.memoryUsage.rss(), 'resident set', 'bytes'),
    ...events,
  ];
}

function refusalRows(state: RouterState): MetricView[] {
  return [...state.peers.values()].flatMap((peer) =>
    [...peer.refusals].map(
      ([reason, value]): MetricView => ({
        name: 'cfnd_refused_rows_total',
        kind: 'counter',
        unit: '1',
        labels: { peer: peer.config.name, reason },
        help: 'rows of a peer that were refused and treated as withdrawn',
        value,
      }),
    ),
  );
}
