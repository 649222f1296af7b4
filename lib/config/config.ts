// The typed configuration: what the rest of the daemon may rely on after `parseConfig`. Units are in the names; every
// default stands in schema.ts next to its option. Config types stop at compose.ts and router/start.ts.
import type { AffinityMode } from '../fib/fib.ts';
import type { Family, PeerName, PeerRole, Role, RouterId, ServiceId, SiteId } from '../model/identity.ts';
import type { Locator } from '../model/locator.ts';
import type { SidStructure } from '../model/service-route.ts';
import type { TrafficMatch } from '../model/traffic-match.ts';
import type { LocalInstanceConfig } from './config-instances.ts';
import type { PathHopConfig } from './config-paths.ts';
import type { PeerLimits, PolicyConfig, ProtocolConfig, RemoteAdminConfig } from './config-protocol.ts';

export type * from './config-instances.ts';
export type * from './config-paths.ts';
export type * from './config-protocol.ts';

export interface PeerConfig {
  readonly name: PeerName;
  /** Address to dial and to accept from; canonical. */
  readonly address: string;
  readonly port: number;
  readonly families: readonly Family[];
  readonly holdTimeMs: number;
  /** Pause before a failed connection is tried again; jittered in the shell (RFC 4271 ConnectRetryTime). */
  readonly connectRetryMs: number;
  /** Only listens. */
  readonly passive: boolean;
  /** What the peer's OPEN, and with mutual TLS its certificate, must say; absent: anything. */
  readonly remoteSite?: SiteId;
  readonly remoteRouterId?: RouterId;
  readonly remoteName?: string;
  /** Interface whose loss (netlink or STAMP) ends the session at once; empty: none. */
  readonly link: string;
  /** What the peer must say it is; absent: anything. */
  readonly remoteRole?: PeerRole;
  readonly requiredCapabilities: readonly string[];
  /** Names from `policies`; '': everything passes. */
  readonly importPolicy: string;
  readonly exportPolicy: string;
  /** What to hear: matches every list that is not empty. */
  readonly subscription: {
    /** Canonical prefixes. */
    readonly services: readonly string[];
    readonly regions: readonly string[];
    readonly classes: readonly string[];
  };
  readonly limits: PeerLimits;
  /** Least time between UPDATEs, ms. */
  readonly pacing: Readonly<Record<Family, number>>;
}

/** What the routers of one site may originate, and whose words they may pass on. Several entries of a site add up. */
export interface AuthorisationEntry {
  readonly site: SiteId;
  /** Router ids that belong to the site; one that no entry names originates nothing. */
  readonly routerIds: readonly RouterId[];
  readonly families: readonly Family[];
  /** Prefixes of CS-IDs, and patterns of service names (`*` stands for any text): both must match. */
  readonly services: readonly string[];
  readonly names: readonly string[];
  /** Prefixes that cover its locators, SIDs, and attached prefixes. */
  readonly locators: readonly string[];
  readonly prefixes: readonly string[];
  /** Patterns of sites whose routes and link state it may pass on. */
  readonly relay: readonly string[];
}

/** Numbers beyond these are not believed (lib/security/plausibility.ts). */
export interface PlausibilityConfig {
  readonly maxWorkTimeUs: number;
  readonly maxRate: number;
  readonly maxInFlight: number;
  readonly maxWorkers: number;
  /** `clock-skew.quarantine`: a report may be dated this far from our clock; 0: any date. */
  readonly clockSkewMs: number;
  /** Believable reports in a row that end a quarantine. */
  readonly releaseAfter: number;
  /** Rows refused in one session until it is ended; 0: never. What a peer may not relay does not count. */
  readonly maxRefusedRows: number;
}

export interface StampConfig {
  readonly enabled: boolean;
  readonly intervalMs: number;
  /** This many intervals without a reply: the path is down. */
  readonly detectMultiplier: number;
  readonly windowMs: number;
  /** Delay changes below this are not flooded: the larger of the two. */
  readonly deadBandPercent: number;
  readonly deadBandUs: number;
}

export interface LinkConfig {
  /** Interface, e.g. `eth1`. */
  readonly name: string;
  readonly neighbour: RouterId;
  readonly localAddress: string;
  readonly remoteAddress: string;
  /** Until measured, and where STAMP is off. */
  readonly delayUs: number;
  readonly bandwidthBps: number;
  readonly adminGroups: number;
  readonly srlg: readonly number[];
}

export const STRATEGIES = ['joint', 'nearest', 'least-loaded', 'edge-metadata'] as const;
export type Strategy = (typeof STRATEGIES)[number];

/** How an ingress decides for services of a class. */
export interface ServiceClassConfig {
  readonly name: string;
  readonly strategy: Strategy;
  /** Hard constraints; Infinity: none. */
  readonly maxRoundTripUs: number;
  readonly maxTotalTimeUs: number;
  readonly minSpareCapacity: number;
  readonly requiredCapabilities: readonly string[];
  readonly regions: readonly string[];
  readonly minSecurityLevel: number;
  readonly maxPriceMicros: number;
  readonly maxCarbon: number;
  /** Exchange rates into the one currency, µs of delay. */
  readonly usPerPriceMicro: number;
  readonly usPerCarbonGram: number;
  readonly usPerPreference: number;
  /** Index = L2 score 0..10: service time to assume for a bare score, µs. */
  readonly scoreToUs: readonly number[];
  readonly hysteresisPercent: number;
  readonly holdMs: number;
  /** Of new flows, to find out whether those that were slow still are; absent in old recordings: none. */
  readonly explorationPercent?: number;
  readonly affinity: AffinityMode;
  /** `client`: leading bits of the source address that make one client. */
  readonly clientBits: { readonly ipv4: number; readonly ipv6: number };
  /** `bucket`: hash buckets of the group, and after how long out of balance busy ones move too (0: never). */
  readonly buckets: number;
  readonly unbalancedTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly closingTimeoutMs: number;
  /** Ways to take in place of the fastest, each by its hops to an egress router; absent: none. */
  readonly paths?: readonly (readonly PathHopConfig[])[];
}

export interface SteeredServiceConfig {
  readonly service: ServiceId;
  /** Where the file names it; for people, until somebody announces it. */
  readonly name?: string;
  readonly class: string;
  /** Classes of new flows by what their packets look like; the first that matches counts, otherwise `class`. */
  readonly classify: readonly { readonly match: TrafficMatch; readonly class: string }[];
}

/** Which packed lists a headend imposes. */
export type Compression = 'auto' | 'next-csid' | 'replace-csid' | 'none';

export interface RouterConfig {
  readonly name: string;
  readonly site: SiteId;
  readonly routerId: RouterId;
  readonly domain: string;
  readonly roles: readonly Role[];
  readonly listen: {
    readonly address: string;
    readonly port: number;
    /** Connections of one remote address at a time; and the time each has for its OPEN. Absent in old recordings. */
    readonly connectionsPerAddress?: number;
    readonly openWithinMs?: number;
    /** RFC 9687: a peer that takes nothing for this long is given up. */
    readonly sendHoldMs?: number;
  };
  /** The word `plaintext` must be said; mutual TLS otherwise. */
  readonly security: 'plaintext' | 'mutual-tls';
  /** PEM files; present exactly with `mutual-tls`. */
  readonly tls?: {
    readonly certificate: string;
    readonly key: string;
    readonly authorities: string;
    /** Pause between looks whether the files changed; 0: only when told. */
    readonly checkIntervalMs: number;
  };
  /** Absent: whoever may speak may originate anything (plaintext without entries). Present: default deny. */
  readonly authorisation?: readonly AuthorisationEntry[];
  /** Absent in old recordings: every number is believed. */
  readonly plausibility?: PlausibilityConfig;
  readonly admin: { readonly socket: string; readonly listen?: RemoteAdminConfig };
  /** What this router is to its peers; absent: nothing in particular. */
  readonly peerRole?: PeerRole;
  readonly policies: readonly PolicyConfig[];
  readonly protocol: ProtocolConfig;
  readonly peers: readonly PeerConfig[];
  readonly srv6: {
    readonly locator: string;
    readonly structure: SidStructure;
    /** Own End SID. */
    readonly endSid: string;
    /** Outer source address of encapsulated packets. */
    readonly source: string;
    /** Port-less bridge that holds SIDs and encap nexthops. */
    readonly device: string;
    readonly maxSidDepth: number;
    /** Signs headers; absent: they are reduced, and not signed. */
    readonly hmac?: {
      readonly keyId: number;
      readonly algorithm: 'sha1' | 'sha256';
      readonly secretFile: string;
      readonly requireOn: readonly string[];
    };
    /** Beside `locator`, in order of the file. */
    readonly locators: readonly Locator[];
    readonly compression: Compression;
  };
  readonly links: readonly LinkConfig[];
  /** Absent: what comes from outside the domain is not looked at. */
  readonly border?: {
    /** Interfaces of the domain besides `links`. */
    readonly inside: readonly string[];
  };
  /** What every link of the domain carries, bytes; absent: services' packets are not looked at. */
  readonly mtu?: 'auto' | number;
  readonly stamp: StampConfig & { readonly port: number };
  readonly prefixes: readonly string[];
  readonly instances: readonly LocalInstanceConfig[];
  readonly steering: {
    readonly services: readonly SteeredServiceConfig[];
    readonly classes: readonly ServiceClassConfig[];
    /** First change at once, then held back from `minMs` doubling to `maxMs` while changes keep coming. */
    readonly debounce: { readonly minMs: number; readonly maxMs: number };
    /** After a start, metrics this young do not move traffic (gRPC A58). */
    readonly blackoutMs: number;
  };
  readonly fib: {
    readonly kind: 'kernel' | 'memory';
    /** rtm_protocol of all own objects. */
    readonly protocol: number;
    readonly groupIdBase: number;
    readonly nexthopIdBase: number;
    readonly tableBase: number;
    readonly markBase: number;
    readonly markMask: number;
    readonly rulePriority: number;
    readonly verifyIntervalMs: number;
    /** Program routes to the locators and prefixes of the domain; off where another IGP does. */
    readonly underlay: boolean;
    /** Absent: nftables does everything. */
    readonly accelerator?: 'tc-bpf';
  };
  /** Whether the daemon compiles its routing code by use after the start (daemon/rehearsal). */
  readonly rehearsal: boolean;
  /** How often it runs that code while it has no work, so that its processor's caches still hold it; 0: never. */
  readonly rehearseEveryMs: number;
  readonly recorder: { readonly file: string; readonly maxBytes: number };
  readonly log: { readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' };
}
