// What this router says of itself in OPEN, and what it asks of each peer: from the configuration and from how far it is.
import type { Family } from '../model/identity.ts';
import { CAPABILITY, OWN_CAPABILITIES } from '../session/capabilities.ts';
import { type OpenMessage, PROTOCOL_VERSION } from '../session/message.ts';
import type { PeerSessionConfig } from '../session/peer-contract.ts';
import { isEverything } from '../session/subscription.ts';
import type { Peer, RouterState } from './state.ts';

/** Of what outlives a session: link state needs no help, it is flooded and replaced whole. */
export const RETAINED_FAMILIES: readonly Family[] = ['service', 'compute'];

export function sessionConfig(state: RouterState, peer: Peer): PeerSessionConfig {
  const { families, holdTimeMs, connectRetryMs, passive, requiredCapabilities } = peer.config;
  const { remoteSite, remoteRouterId, remoteName, remoteRole } = peer.config;
  const { openWithinMs } = state.config.listen;
  return {
    local: ownOpenTo(state, peer),
    families,
    holdTimeMs,
    connectRetryMs,
    passive,
    requiredCapabilities,
    ...(openWithinMs !== undefined && { openWithinMs }),
    ...(remoteSite !== undefined && { remoteSite }),
    ...(remoteRouterId !== undefined && { remoteRouterId }),
    ...(remoteName !== undefined && { remoteName }),
    ...(remoteRole && { remoteRole }),
    certified: state.config.security === 'mutual-tls',
    formerBootIds: peer.formerBootIds,
  };
}

function ownOpenTo(state: RouterState, peer: Peer): OpenMessage {
  const { config } = state;
  const { restartTimeMs, longLivedMs } = config.protocol;
  const subscription = peer.subscription;
  return {
    type: 'OPEN',
    version: PROTOCOL_VERSION,
    domain: config.domain,
    site: config.site,
    routerId: config.routerId,
    name: config.name,
    bootId: state.bootId,
    holdTimeMs: peer.config.holdTimeMs,
    families: peer.config.families,
    roles: config.roles,
    capabilities: state.announced ? OWN_CAPABILITIES : [CAPABILITY.restarting, ...OWN_CAPABILITIES],
    ...(config.peerRole && { peerRole: config.peerRole }),
    ...(restartTimeMs > 0 && {
      gracefulRestart: {
        restartTimeMs,
        families: RETAINED_FAMILIES,
        preserved: isForwardingPreserved(state) ? RETAINED_FAMILIES : [],
      },
    }),
    ...(longLivedMs > 0 && { longLived: { staleTimeMs: longLivedMs, families: RETAINED_FAMILIES } }),
    ...(!isEverything(subscription) && { subscription }),
  };
}

/** The F bit (RFC 4724 section 3). Who forwards nothing, as a reflector, has nothing to lose. */
function isForwardingPreserved({ announced, retained, config }: RouterState): boolean {
  return announced || retained || config.fib.kind === 'memory';
}
