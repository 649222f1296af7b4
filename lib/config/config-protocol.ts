// The part of the typed configuration that speaks of the session protocol (schema-protocol.ts).

/** Conditions of a policy rule: every list that is not empty must have an entry that fits; `*` stands for anything. */
export interface PolicyMatch {
  /** Canonical prefixes. */
  readonly services: readonly string[];
  /** Site of the originator. */
  readonly sites: readonly string[];
  readonly regions: readonly string[];
  /** Capabilities and residency tags. */
  readonly tags: readonly string[];
  readonly classes: readonly string[];
  readonly peers: readonly string[];
  readonly communities: readonly string[];
}

export interface PolicyChange {
  readonly preference?: number;
  readonly drain?: boolean;
  readonly addCommunities: readonly string[];
  readonly removeCommunities: readonly string[];
}

export interface PolicyRule {
  readonly name: string;
  readonly match: PolicyMatch;
  readonly set: PolicyChange;
  /** `continue`: the changes hold, the next rule is looked at. */
  readonly verdict: 'accept' | 'reject' | 'continue';
}

export interface PolicyConfig {
  readonly name: string;
  readonly rules: readonly PolicyRule[];
  /** Verdict on a route that no rule decided. */
  readonly otherwise: 'accept' | 'reject';
}

export interface PeerLimits {
  /** Routes, services, contact instances of one service, and nodes that the peer may have announced. */
  readonly service: number;
  readonly services: number;
  readonly instancesPerService: number;
  readonly linkState: number;
  /** UPDATEs, sustained and at once; `perSecond` 0: any number. */
  readonly updates: { readonly perSecond: number; readonly burst: number };
  /** Bytes of messages, the same. */
  readonly bytes: { readonly perSecond: number; readonly burst: number };
  readonly warnPercent: number;
  readonly action: 'close' | 'truncate';
  /** After a close the peer is tried again; 0: only by the operator. */
  readonly restartMs: number;
}

/** What holds for all sessions. */
export interface ProtocolConfig {
  /** RFC 4724; 0: routes go with their session. */
  readonly restartTimeMs: number;
  /** RFC 9494; 0: routes go with the restart time. */
  readonly longLivedMs: number;
  /** 0: never. */
  readonly digestIntervalMs: number;
  /** `clock-skew.warn`: said in the log; plausibility's is what is not believed. */
  readonly clockSkewMs: number;
  readonly damping: {
    readonly enabled: boolean;
    readonly penalty: number;
    readonly suppress: number;
    readonly reuse: number;
    readonly halfLifeMs: number;
  };
  /** Load reports of one service from one site. */
  readonly reportRate: { readonly perSecond: number; readonly burst: number };
}

/** The admin API over the network; only with mutual TLS. */
export interface RemoteAdminConfig {
  readonly address: string;
  readonly port: number;
  /** Names in certificates, `*` stands for anything; who has none of them is refused. */
  readonly allow: readonly string[];
}
