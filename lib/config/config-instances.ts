// The typed configuration of contact instances, as config.ts.
import type { ServiceId } from '../model/identity.ts';

/** Where the load of a contact instance comes from. */
export type MetricsSourceConfig =
  | {
      readonly kind: 'prometheus';
      readonly url: string;
      readonly intervalMs: number;
      readonly timeoutMs: number;
      /** Metric name per quantity of lib/metric (workers, inFlight, arrivals, busySeconds). */
      readonly names: {
        readonly workers: string;
        readonly inFlight: string;
        readonly arrivals: string;
        readonly completions: string;
        readonly busySeconds: string;
      };
    }
  /** Reports are pushed through the admin API (`cfnctl report`). */
  | { readonly kind: 'push' };

export interface HealthConfig {
  readonly kind: 'http' | 'tcp' | 'none';
  readonly url: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly rise: number;
  readonly fall: number;
}

/** A contact instance in front of which this router is the egress forwarder. */
export interface LocalInstanceConfig {
  readonly service: ServiceId;
  readonly serviceName: string;
  readonly contactInstance: string;
  readonly instanceName: string;
  /** Address behind which the instance is reached: nh6 of its End.DX6, nh4 of its End.DX4; of the service's family. */
  readonly nexthop: string;
  /** Egress SID, inside a locator of the router; empty: allotted (lib/router/locators.ts). */
  readonly sid: string;
  readonly classes: readonly string[];
  readonly capabilities: readonly string[];
  readonly region: string;
  readonly residency: readonly string[];
  readonly priceMicros: number;
  readonly carbon: number;
  readonly energy: number;
  readonly securityLevel: number;
  readonly preference: number;
  readonly metrics: MetricsSourceConfig;
  readonly health: HealthConfig;
  /** State is repeated at least this often, and sooner when it matters (lib/metric). */
  readonly reportIntervalMs: number;
  readonly validForMs: number;
  /** A report that differs from the last by less is left out; absent: none is. */
  readonly deadBandPercent?: number;
}
