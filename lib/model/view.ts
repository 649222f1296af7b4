// What the admin API shows, as plain rows: the one shape that daemon, CLI, tests and JSON share. Views are copies,
// replaced whole; they carry the literals of the core verbatim (states, verdicts, reasons) and know nothing of RIBs.
// Every `...AtMs` / `sinceMs` here is wall clock, ms since 1970: `wallOriginMs + event.atMs` with an origin taken once
// at start, so that a value that did not change compares equal. 0: never.
import type { Role, RouterId, SiteId } from './identity.ts';
import type {
  CapabilityView,
  DrainView,
  FibInKernelView,
  FibView,
  FlowView,
  MetricView,
  SidView,
} from './view-forwarding.ts';
import type { PeerView } from './view-peers.ts';
import type { InstanceView, RibRow, ServiceView } from './view-services.ts';
import type { LinkStateView, PathView } from './view-topology.ts';

export type * from './view-forwarding.ts';
export type * from './view-peers.ts';
export type * from './view-services.ts';
export type * from './view-topology.ts';

export interface StatusView {
  readonly name: string;
  readonly site: SiteId;
  readonly routerId: RouterId;
  readonly domain: string;
  readonly roles: readonly Role[];
  readonly version: string;
  readonly runtime: string;
  readonly pid: number;
  readonly startedAtMs: number;
  readonly configFile: string;
  /** `starting`, `black-out`, `running`, `draining`, `stopping`. */
  readonly state: string;
  /** `kernel` or `memory`; `awaiting`, `syncing`, `synced`. */
  readonly fibKind: string;
  readonly fibState: string;
  readonly peersEstablished: number;
  readonly peersConfigured: number;
  readonly services: number;
  readonly routes: number;
  readonly nodes: number;
  readonly fibObjects: number;
  readonly fibFailures: number;
  /** `plaintext` or `mutual-tls`; with the latter the own certificate, otherwise empty and 0. */
  readonly security: string;
  readonly certificate: string;
  readonly certificateNotAfterMs: number;
  /** What this daemon cannot do at present and does without, a line each. */
  readonly degraded: readonly string[];
}

/** Row type per `show` kind. */
export interface Views {
  readonly peers: PeerView;
  readonly services: ServiceView;
  readonly rib: RibRow;
  readonly instances: InstanceView;
  readonly 'link-state': LinkStateView;
  readonly paths: PathView;
  readonly fib: FibView;
  readonly 'fib-in-kernel': FibInKernelView;
  readonly sids: SidView;
  readonly metrics: MetricView;
  readonly capabilities: CapabilityView;
  readonly flows: FlowView;
  readonly drains: DrainView;
}
export type ViewKind = keyof Views;
export const VIEW_KINDS = [
  'peers',
  'services',
  'rib',
  'instances',
  'link-state',
  'paths',
  'fib',
  'fib-in-kernel',
  'sids',
  'metrics',
  'capabilities',
  'flows',
  'drains',
] as const satisfies readonly ViewKind[];

const KEYS: { readonly [K in ViewKind]: (row: Views[K]) => string } = {
  peers: (row) => row.name,
  services: (row) => (row.class === '' ? row.service : `${row.service} ${row.class}`),
  rib: (row) => `${row.service} ${row.contactInstance} ${row.originator}`,
  instances: (row) => `${row.service} ${row.contactInstance}`,
  'link-state': (row) => row.originator,
  paths: (row) => row.router,
  fib: (row) => row.key,
  'fib-in-kernel': (row) => row.key,
  sids: (row) => row.prefix,
  metrics: (row) => `${row.name} ${JSON.stringify(row.labels)}`,
  capabilities: (row) => row.name,
  flows: (row) => `${row.service} ${row.class} ${row.contactInstance}`,
  drains: (row) => `${row.service} ${row.contactInstance}`,
};

/** Identity of a row among the rows of its kind: what watchers merge by. */
export function viewKey<K extends ViewKind>(kind: K, row: Views[K]): string {
  return KEYS[kind](row);
}
