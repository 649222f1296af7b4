// Optional features by the names under which OPEN announces them (RFC 5492 in spirit).
export const CAPABILITY = {
  /** The sender's initial exchange is not complete (the R bit of RFC 4724 section 3). */
  restarting: 'restarting',
  /** ROUTE-REFRESH with BEGIN and END (RFC 7313). */
  enhancedRefresh: 'enhanced-refresh',
  digest: 'digest',
  subscription: 'subscription',
} as const;

/** What every router of this version can do. */
export const OWN_CAPABILITIES: readonly string[] = [
  CAPABILITY.enhancedRefresh,
  CAPABILITY.digest,
  CAPABILITY.subscription,
];
