// Reachability of a contact instance: what the `service` family announces. State lives in compute-state.ts.
import type { ContactInstanceId, RouterId, ServiceId, SiteId } from './identity.ts';

/** Identity of a route and of the compute state that belongs to it; add-path is always on. */
export interface RouteKey {
  readonly service: ServiceId;
  readonly contactInstance: ContactInstanceId;
  /** Router that originated the route: the egress forwarder in front of the contact instance. */
  readonly originator: RouterId;
}

/** SID structure, all in bits, sum <= 128 (RFC 9252 section 3.2.1). */
export interface SidStructure {
  readonly block: number;
  readonly node: number;
  readonly function: number;
  readonly argument: number;
}

/** Attribute set of one or many routes; interned, never mutated. */
export interface ServiceAttributes {
  /** Egress SID (End.DX6, End.DX4, End.DT6 and the like), canonical IPv6 text. */
  readonly egressSid: string;
  readonly sidStructure: SidStructure;
  /** SRv6 endpoint behaviour code point (IANA "SRv6 Endpoint Behaviors"). */
  readonly behaviour: number;
  /** Sites the announcement crossed, nearest first; a receiver that finds its own site drops it (loop check). */
  readonly sitePath: readonly SiteId[];
  /** Reflectors crossed (RFC 4456 section 8). */
  readonly clusterList: readonly RouterId[];
  /** Site of the originator. */
  readonly site: SiteId;
  /** Names for people, at most 63 characters each. */
  readonly serviceName: string;
  readonly instanceName: string;
  readonly classes: readonly string[];
  /** `accelerator:h100`, `model:llama-3`, `runtime:cuda-12` and the like. */
  readonly capabilities: readonly string[];
  readonly region: string;
  /** Residency tags, e.g. `eu`. */
  readonly residency: readonly string[];
  /** Price per 1,000 requests in micro-units of the domain's currency. */
  readonly priceMicros: number;
  /** Grams CO2e per kWh. */
  readonly carbon: number;
  /** Milliwatt-hours per 1,000 requests. */
  readonly energy: number;
  readonly securityLevel: number;
  /** Operator's choice, higher wins. */
  readonly preference: number;
  /** Attracts no new flows (RFC 8326 in spirit). */
  readonly drain: boolean;
  /** Milliseconds the route may be used after its session is gone; 0: not at all. */
  readonly validForMs: number;
  /** Tags for policies (RFC 1997 in spirit), `name` or `domain:name`; `COMMUNITY` names those with a meaning of their own. */
  readonly communities: readonly string[];
  /** Router that first sent the route downstream or sideways: from then on it goes only downstream (RFC 9234 5); '': none. */
  readonly onlyToDownstream: RouterId | '';
}

/** Most entries of a list in an attribute set: what session.proto lets a receiver take. */
export const MAX_LIST = 64;

/** Communities that every router understands. */
export const COMMUNITY = {
  /** The route outlived graceful restart: used only where nothing fresh is (RFC 9494 4.1). */
  llgrStale: 'llgr-stale',
  /** Never to be kept as long-lived stale (RFC 9494 4.2). */
  noLlgr: 'no-llgr',
} as const;

export interface ServiceRoute extends RouteKey {
  readonly attributes: ServiceAttributes;
}

/** One string for maps; the parts contain no space. */
export function routeKeyText(key: RouteKey): string {
  return `${key.service} ${key.contactInstance} ${key.originator}`;
}
