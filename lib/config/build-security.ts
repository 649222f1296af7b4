// The sections about trust as the daemon works with them.
import type { RouterConfig } from './config.ts';
import type { Sections } from './schema.ts';

/** Of the sections about trust. */
export function buildSecurity(file: Sections): Pick<RouterConfig, 'tls' | 'authorisation' | 'plausibility'> {
  const { security, tls, authorisation, plausibility, 'clock-skew': clockSkew } = file;
  return {
    ...(tls !== undefined &&
      security === 'mutual-tls' && {
        tls: {
          certificate: tls.certificate,
          key: tls.key,
          authorities: tls.authorities,
          checkIntervalMs: tls['check-interval'],
        },
      }),
    ...((security === 'mutual-tls' || authorisation.length > 0) && {
      authorisation: authorisation.map(({ 'router-ids': routerIds, ...entry }) => ({ ...entry, routerIds })),
    }),
    plausibility: {
      maxWorkTimeUs: plausibility['work-time'],
      maxRate: plausibility.rate,
      maxInFlight: plausibility['in-flight'],
      maxWorkers: plausibility.workers,
      clockSkewMs: clockSkew.quarantine,
      releaseAfter: plausibility['release-after'],
      maxRefusedRows: plausibility['refused-rows'],
    },
  };
}

/** Any router of the domain has a certificate: without a name to expect, each could pose as every neighbour. */
export function peerName(peer: Sections['peers'][number], security: RouterConfig['security']): { remoteName?: string } {
  if (peer.router !== undefined) return { remoteName: peer.router };
  return security === 'mutual-tls' ? { remoteName: peer.name } : {};
}
