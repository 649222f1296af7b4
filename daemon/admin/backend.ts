// What the admin API asks of the daemon: everything cfnctl can do is one of these calls. Refusals are values with a
// reason (STYLE, outcomes); names are resolved to identifiers before a call arrives here (resolve.ts).
import type { ComputeState } from '../../lib/model/compute-state.ts';
import type { ServiceId, SiteId } from '../../lib/model/identity.ts';
import type { ExplainView, PolicyTestView, StatusView, ViewKind, Views } from '../../lib/model/view.ts';

/** Why an admin request was not carried out; maps to a gRPC status and to exit code 1 of cfnctl. */
export interface Refusal {
  readonly ok: false;
  readonly code: 'not-found' | 'invalid' | 'unavailable';
  /** Lower case, no full stop; for people. */
  readonly text: string;
}
export type Outcome<T> = { readonly ok: true; readonly value: T } | Refusal;

export interface ReloadedCertificates {
  /** False: the files hold what was in force. */
  readonly changed: boolean;
  readonly certificate: string;
  readonly certificateNotAfterMs: number;
}

/** A contact instance of our own. */
export interface InstanceKey {
  readonly service: ServiceId;
  readonly contactInstance: string;
}

/** A contact instance as configured. */
export interface LocalInstance extends InstanceKey {
  readonly serviceName: string;
  readonly instanceName: string;
  /** Where its load comes from. */
  readonly source: string;
}

/** When a drain is over at the latest, and how long an own instance must be silent to be without flows. */
export interface DrainBounds {
  readonly timeoutMs?: number;
  readonly quietMs?: number;
}

/** A pushed load report of an instance whose source is `push`; at least one field. What is absent is unknown. */
export type PushReport = Partial<
  Pick<
    ComputeState,
    'score' | 'workers' | 'inFlight' | 'arrivalRate' | 'workTimeUs' | 'serviceTimeUs' | 'spareCapacity'
  >
>;

/** What may be said to the session with a peer (lib/router/commands.ts). */
export const SESSION_COMMANDS = ['reset', 'hard-reset', 'shutdown', 'start', 'refresh'] as const;
export type SessionCommand = (typeof SESSION_COMMANDS)[number];

export interface PolicyTest {
  readonly peer: string;
  readonly direction: 'import' | 'export';
  /** Instead of the attached one. */
  readonly policy?: string;
  readonly service?: ServiceId;
}

export interface ReloadReply {
  /** Names of the policies that are in force now. */
  readonly policies: readonly string[];
  /** Options whose change in the file is not. */
  readonly needRestart: readonly string[];
}

export interface AdminBackend {
  status(): StatusView;
  /** Current rows, a copy; async because flow counters and SID counters are read from the kernel. */
  show<K extends ViewKind>(kind: K): Promise<readonly Views[K][]>;
  /** The last decision for `service`, or one computed as if at the ingress of `fromSite`. */
  explain(service: ServiceId, fromSite?: SiteId, className?: string): Outcome<ExplainView>;
  /** Sets or clears the drain flag; resolves when the change is in the RIB. Idempotent; value = instances whose flag changed. */
  setDrain(
    instances: readonly InstanceKey[],
    drain: boolean,
    bounds?: DrainBounds,
  ): Promise<Outcome<readonly InstanceKey[]>>;
  /** Contact instances of this router, as configured: as quickly as a report needs them. */
  localInstances(): readonly LocalInstance[];
  report(instance: InstanceKey, report: PushReport): Promise<Outcome<void>>;
  /** Takes certificate, key and authorities from their files for new handshakes. */
  reloadCertificates(): Outcome<ReloadedCertificates>;
  /** The value is the state of the session before. */
  session(peer: string, command: SessionCommand, text: string): Outcome<string>;
  policyTest(test: PolicyTest): Outcome<{ readonly policy: string; readonly routes: readonly PolicyTestView[] }>;
  reloadPolicies(): Promise<Outcome<ReloadReply>>;
  /**
   * Calls `changed` after rows of `kind` may have changed. May be called often and with nothing changed: the server
   * conflates, reads `show(kind)` at the watcher's pace and sends the difference. Returns the unsubscription.
   */
  watch(kind: ViewKind, changed: () => void): () => void;
}
