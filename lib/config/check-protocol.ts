// Cross checks of what schema-protocol.ts describes: policies and services that are named exist, names are unique.
import { resolveServices } from './build-protocol.ts';
import { type Check, unique, unknownName } from './finding.ts';

export const checkPolicies: Check = ({ policies, peers, services }, error, _warn, isComplete) => {
  if (policies === undefined) return;
  for (const [name, { rules }] of Object.entries(policies)) {
    unique(
      rules,
      (rule) => rule.name,
      (i) => ['policies', name, 'rules', i, 'name'],
      'rule',
      error,
    );
    for (const [i, rule] of rules.entries()) {
      const path = ['policies', name, 'rules', i] as const;
      checkServiceList(services, rule.match.services, [...path, 'match', 'services'], error);
      const last = rules[i + 1] !== undefined && rule.verdict !== 'continue';
      if (last && Object.values(rule.match).every((list) => list.length === 0))
        error([...path, 'match'], 'fits every route: the rules below are never reached');
      if (peers === undefined || !isComplete('peers')) continue;
      const names = peers.map((peer) => peer.name);
      for (const [n, peer] of rule.match.peers.entries()) {
        if (!peer.includes('*') && !names.includes(peer))
          error([...path, 'match', 'peers', n], unknownName('peer', peer, names));
      }
    }
  }
};

export const checkPeerProtocol: Check = ({ peers, policies, services, role, protocol }, error) => {
  for (const [i, peer] of (peers ?? []).entries()) {
    for (const way of ['import', 'export'] as const) {
      const name = peer[way];
      if (name === undefined || policies === undefined || Object.hasOwn(policies, name)) continue;
      error(['peers', i, way], unknownName('policy', name, Object.keys(policies)));
    }
    checkServiceList(services, peer.subscribe.services, ['peers', i, 'subscribe', 'services'], error);
    if (role === 'observer' && peer.role === 'observer')
      error(['peers', i, 'role'], 'two observers have nothing to say to each other');
  }
  const damping = protocol?.damping;
  if (damping !== undefined && damping.reuse >= damping.suppress)
    error(['protocol', 'damping', 'reuse'], 'must be below suppress');
  // RFC 2439 4.2: the penalty never passes reuse * 2^4, so a higher threshold would never be met.
  if (damping !== undefined && damping.suppress > damping.reuse * 16)
    error(['protocol', 'damping', 'suppress'], 'is more than 16 times reuse: nothing would ever be suppressed');
};

function checkServiceList(
  services: Readonly<Record<string, string>> | undefined,
  texts: readonly string[],
  path: readonly (string | number)[],
  error: (path: readonly (string | number)[], message: string) => void,
): void {
  if (services === undefined) return;
  for (const [n, text] of texts.entries()) {
    if (resolveServices(text, services) !== undefined) continue;
    error(
      [...path, n],
      `${unknownName('service', text, Object.keys(services))} (an address or a prefix is possible too)`,
    );
  }
}
