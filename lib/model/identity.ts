// The identifiers and the two branded numbers that everything else speaks. Formats are fixed here, once.

/** CS-ID (RFC 10053): the anycast address clients send to, canonical text (RFC 5952), e.g. `fd00:cafe::80`. */
export type ServiceId = string;
/** CSCI-ID (RFC 10053): a unicast address of the service contact instance, canonical text. */
export type ContactInstanceId = string;
/** Name of a site, e.g. `site-1`; at most 63 of `[a-z0-9-]`. Every router belongs to one. */
export type SiteId = string;
/** 32-bit router identifier as a dotted quad, non-zero, unique in the domain (RFC 6286). */
export type RouterId = string;
/** Name of a configured peer; local meaning only. */
export type PeerName = string;

declare const scoreBrand: unique symbol;
declare const costBrand: unique symbol;
/** Normalised metric, integer 0..10, HIGHER is better (draft-ietf-cats-metric-definition). */
export type Score = number & { readonly [scoreBrand]: true };
/** Microseconds, LOWER is better; the only number that ranking compares. */
export type CostUs = number & { readonly [costBrand]: true };

/** Families of the session protocol (DESIGN section 4). */
export const FAMILIES = ['service', 'compute', 'link-state'] as const;
export type Family = (typeof FAMILIES)[number];

/** Roles of one binary (RFC 10053 section 3): agents, path selector, forwarder. */
export const ROLES = ['c-sma', 'c-nma', 'c-ps', 'forwarder'] as const;
export type Role = (typeof ROLES)[number];

/**
 * What a router is to its peers (RFC 9234 in spirit): controllers stand above hubs, hubs above sites; an observer only
 * listens. Numbered on the wire by position.
 */
export const PEER_ROLES = ['site', 'hub', 'controller', 'observer'] as const;
export type PeerRole = (typeof PEER_ROLES)[number];

/** Dotted quad -> unsigned 32-bit; the form on the wire and in comparisons. */
export function routerIdToNumber(id: RouterId): number {
  return id.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
}

export function numberToRouterId(value: number): RouterId {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255].join('.');
}
