// What `cfnctl peer` shows of the protocol: what both sides agreed to, and what is held against the peer or kept for it.
import type { PeerProtocolView } from '../../model/view.ts';
import type { Subscription } from '../../session/message.ts';
import type { Peer, RouterState } from '../state.ts';
import { wallMs } from '../turn.ts';

export function peerProtocol(state: RouterState, peer: Peer): PeerProtocolView {
  const { config, session, retention } = peer;
  const negotiated = session?.negotiated;
  const restart = negotiated?.remote.gracefulRestart;
  const longLived = negotiated?.remote.longLived;
  const held = [...(session?.held.values() ?? [])];
  const { protocol } = state.config;
  return {
    role: state.config.peerRole ?? '',
    remoteRole: negotiated?.remote.peerRole ?? '',
    relation: negotiated?.relation ?? 'none',
    capabilities: negotiated?.capabilities ?? [],
    retention: retention.phase,
    retentionUntilMs: retention.phase === 'none' ? 0 : wallMs(state, retention.untilMs),
    restartTimeMs: Math.min(restart?.restartTimeMs ?? 0, protocol.restartTimeMs),
    longLivedMs: session === undefined ? peer.longLivedMs : Math.min(longLived?.staleTimeMs ?? 0, protocol.longLivedMs),
    serviceLimit: config.limits.service,
    servicesLimit: config.limits.services,
    instancesPerServiceLimit: config.limits.instancesPerService,
    updatesLimit: config.limits.updates.perSecond,
    bytesLimit: config.limits.bytes.perSecond,
    linkStateLimit: config.limits.linkState,
    limitAction: config.limits.action,
    importPolicy: peer.importPolicy,
    exportPolicy: peer.exportPolicy,
    subscription: subscriptionTexts(peer.subscription),
    remoteSubscription: subscriptionTexts(session?.subscription),
    rejected: held.filter((it) => it.why === 'policy').length,
    damped: held.filter((it) => it.why === 'damped').length,
    mismatches: peer.mismatches,
  };
}

function subscriptionTexts(subscription: Subscription | undefined): string[] {
  if (subscription === undefined) return [];
  return [
    ...subscription.services.map((it) => `service ${it}`),
    ...subscription.regions.map((it) => `region ${it}`),
    ...subscription.classes.map((it) => `class ${it}`),
  ];
}
