// Rows about the forwarding plane: its objects, what passes them, flows and drains, what it can do, and what is measured.
import type { ServiceId, SiteId } from './identity.ts';

export interface FibView {
  /** `fibKey` of the object. */
  readonly key: string;
  readonly kind: string;
  /** The object in one line, in the words of iproute2. */
  readonly object: string;
  /** `in-force`, `pending` or `failed`. */
  readonly state: string;
  /** Code and text of the failure; empty otherwise. */
  readonly error: string;
}

/** An object of the forwarding plane as the kernel was found to hold it, now. */
export interface FibInKernelView {
  /** `fibKey` of the object, or the name of what is there and not wanted. */
  readonly key: string;
  readonly kind: string;
  /** In the words of iproute2; empty where it is not wanted. */
  readonly object: string;
  /** `in-force`, `missing`, `different`; `unwanted`: carries our number and is none of ours. */
  readonly kernel: string;
}

/** A local SID and what it has processed since it was installed. */
export interface SidView {
  readonly prefix: string;
  /** Behaviour and flavours, in the words of iproute2. */
  readonly behaviour: string;
  readonly packets: number;
  readonly bytes: number;
  /** Packets that the behaviour dropped. */
  readonly errors: number;
}

export interface MetricView {
  readonly name: string;
  /** `counter`, `gauge` or `histogram`. */
  readonly kind: string;
  /** `us`, `bytes`, `1`... */
  readonly unit: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly help: string;
  /** Counter and gauge. */
  readonly value?: number;
  readonly histogram?: { readonly count: number; readonly p50: number; readonly p99: number; readonly max: number };
}

export interface CapabilityView {
  readonly name: string;
  readonly available: boolean;
  readonly remark: string;
}

/** Live flows held by affinity, a row a class of a service and contact instance. */
export interface FlowView {
  readonly service: ServiceId;
  readonly serviceName: string;
  readonly class: string;
  readonly contactInstance: string;
  readonly instanceName: string;
  readonly site: SiteId;
  readonly slot: number;
  readonly weight: number;
  /** Flows; clients of affinity client, busy hash buckets of bucket; 0 with none, which keeps nothing. */
  readonly flows: number;
  /** `draining`, `drained`, `timed-out`; `failed`: gone, its flows are forgotten; empty: none of these. */
  readonly state: string;
}

/** A drain that was asked of this router. */
export interface DrainView {
  readonly service: ServiceId;
  readonly serviceName: string;
  readonly contactInstance: string;
  readonly instanceName: string;
  /** An instance of this router, drained for everybody; otherwise this ingress alone leaves it out. */
  readonly local: boolean;
  /** `draining`, `drained`, `timed-out`. */
  readonly state: string;
  readonly sinceMs: number;
  /** When it ends at the latest; 0: when nothing is left. */
  readonly deadlineMs: number;
  /** Flows that this ingress still sends there; absent: it keeps none of them. */
  readonly flows?: number;
  /** Of an instance of this router: for how long no packet of anybody has come for it. */
  readonly silentMs?: number;
}
