// From the file's words on the session protocol to the values the daemon works with; the counterpart of schema-protocol.ts.
import { invariant } from '../errors.ts';
import { canonicalPrefix } from '../net/address.ts';
import type { PolicyConfig, ProtocolConfig } from './config-protocol.ts';
import type { Sections } from './schema.ts';
import { resolveService } from './service-name.ts';

export function buildProtocol({ protocol, 'clock-skew': clockSkew }: Sections): ProtocolConfig {
  return {
    restartTimeMs: protocol['restart-time'],
    longLivedMs: protocol['long-lived-time'],
    digestIntervalMs: protocol['digest-interval'],
    clockSkewMs: clockSkew.warn,
    damping: {
      enabled: protocol.damping.enabled,
      penalty: protocol.damping.penalty,
      suppress: protocol.damping.suppress,
      reuse: protocol.damping.reuse,
      halfLifeMs: protocol.damping['half-life'],
    },
    reportRate: {
      perSecond: protocol['report-rate']['per-second'],
      burst: protocol['report-rate'].burst,
    },
  };
}

export function buildPolicy(
  name: string,
  policy: Sections['policies'][string],
  services: Sections['services'],
): PolicyConfig {
  return {
    name,
    rules: policy.rules.map(({ match, set, ...rule }) => ({
      ...rule,
      match: { ...match, services: requirePrefixes(match.services, services) },
      set: {
        ...(set.preference !== undefined && { preference: set.preference }),
        ...(set.drain !== undefined && { drain: set.drain }),
        addCommunities: set['add-communities'],
        removeCommunities: set['remove-communities'],
      },
    })),
    otherwise: policy.otherwise,
  };
}

/** Canonical prefix of services given by name, address or prefix; undefined: none of them. */
export function resolveServices(text: string, services: Readonly<Record<string, string>>): string | undefined {
  const address = resolveService(text, services);
  if (address !== undefined) return `${address}/128`;
  if (!text.includes('/')) return undefined;
  try {
    return canonicalPrefix(text);
  } catch {
    return undefined;
  }
}

export function requirePrefixes(texts: readonly string[], services: Sections['services']): string[] {
  return texts.map((text) => {
    const prefix = resolveServices(text, services);
    invariant(prefix !== undefined, 'references to services were checked');
    return prefix;
  });
}
