// Judges the peer's OPEN (RFC 4271 6.2) and negotiates what both sides share. Pure; knows no connection and no state.
import type { RouterId } from '../model/identity.ts';
import { type CertificateNames, identityFault } from '../security/identity.ts';
import { OWN_CAPABILITIES } from './capabilities.ts';
import { NOTIFICATION, type NotificationMessage, OPEN_SUBCODE, type OpenMessage, PROTOCOL_VERSION } from './message.ts';
import type { Negotiated, PeerSessionConfig } from './peer-contract.ts';
import { relationTo, roleFault } from './roles.ts';

/** Shorter hold times, except 0, would mistake a garbage collection for a dead peer. */
export const MIN_HOLD_TIME_MS = 300;
export const MAX_HOLD_TIME_MS = 0x7fff_ffff;
const NO_ROUTER_ID: RouterId = '0.0.0.0';

export type OpenVerdict =
  | { readonly ok: true; readonly negotiated: Negotiated }
  | { readonly ok: false; readonly notification: NotificationMessage };

/** The OPEN this side sends to this peer: the router's own with the peer's families and hold time. */
export function ownOpen(config: PeerSessionConfig): OpenMessage {
  return { ...config.local, families: config.families, holdTimeMs: config.holdTimeMs };
}

/** Accepts or refuses, in the order of RFC 4271 6.2: version first, because nothing else can be read without it. */
export function checkOpen(
  remote: OpenMessage,
  config: PeerSessionConfig,
  identity: CertificateNames | undefined = undefined,
): OpenVerdict {
  const { local } = config;
  if (remote.version !== PROTOCOL_VERSION) {
    const text = `protocol version ${remote.version} is not supported, only ${PROTOCOL_VERSION}`;
    return refuse(OPEN_SUBCODE.unsupportedVersion, text, String(PROTOCOL_VERSION));
  }
  if (remote.domain !== local.domain) {
    return refuse(OPEN_SUBCODE.badDomain, `domain is ${quote(remote.domain)}, here it is ${quote(local.domain)}`);
  }
  if (remote.site === '' || (config.remoteSite !== undefined && remote.site !== config.remoteSite)) {
    return refuse(
      OPEN_SUBCODE.badPeerSite,
      `site is ${quote(remote.site)}, expected ${quote(config.remoteSite ?? 'a name')}`,
    );
  }
  const identityText = checkIdentity(remote, config, identity);
  if (identityText !== '') return refuse(OPEN_SUBCODE.badPeerSite, identityText);
  if (config.formerBootIds?.includes(remote.bootId)) {
    return refuse(
      OPEN_SUBCODE.replayed,
      `boot id ${quote(remote.bootId)} is of an earlier life of this peer: a replay`,
    );
  }
  const routerIdFault = checkRouterId(remote, config);
  if (routerIdFault !== '') return refuse(OPEN_SUBCODE.badRouterId, routerIdFault, remote.routerId);
  const { holdTimeMs } = remote;
  if (holdTimeMs !== 0 && (holdTimeMs < MIN_HOLD_TIME_MS || holdTimeMs > MAX_HOLD_TIME_MS)) {
    return refuse(OPEN_SUBCODE.unacceptableHoldTime, `hold time ${holdTimeMs} ms, at least ${MIN_HOLD_TIME_MS} or 0`);
  }
  const families = config.families.filter((family) => remote.families.includes(family));
  if (families.length === 0) {
    const text = `no common family: ${remote.families.join(' ') || 'none'} there, ${config.families.join(' ')} here`;
    return refuse(OPEN_SUBCODE.unsupportedCapability, text);
  }
  const missing = config.requiredCapabilities?.find((name) => !remote.capabilities.includes(name));
  // RFC 5492 section 3: says which.
  if (missing !== undefined) return refuse(OPEN_SUBCODE.unsupportedCapability, `needs capability ${missing}`, missing);
  const roleText = roleFault(local.peerRole, remote.peerRole, config.remoteRole);
  if (roleText !== '') return refuse(OPEN_SUBCODE.roleMismatch, roleText);
  const bothHold = holdTimeMs > 0 && config.holdTimeMs > 0;
  return {
    ok: true,
    negotiated: {
      remote,
      families,
      holdTimeMs: bothHold ? Math.min(holdTimeMs, config.holdTimeMs) : 0,
      // That both are restarting is nothing they could use.
      capabilities: OWN_CAPABILITIES.filter(
        (name) => local.capabilities.includes(name) && remote.capabilities.includes(name),
      ),
      relation: relationTo(local.peerRole, remote.peerRole),
    },
  };
}

/** The OPEN against the certificate of whoever sent it, and against the name that the configuration gives this peer. */
function checkIdentity(remote: OpenMessage, config: PeerSessionConfig, identity: CertificateNames | undefined): string {
  if (config.certified) {
    const fault = identityFault(identity ?? [], remote);
    if (fault !== '') return fault;
  }
  if (config.remoteName === undefined || remote.name === config.remoteName) return '';
  return `router name is ${quote(remote.name)}, expected ${quote(config.remoteName)}`;
}

/** RFC 6286 2.2: not zero, not ours; '' when it is acceptable. */
function checkRouterId(remote: OpenMessage, config: PeerSessionConfig): string {
  const { local } = config;
  if (remote.routerId === NO_ROUTER_ID) return 'router id is 0.0.0.0';
  if (remote.routerId === local.routerId) {
    return remote.bootId === local.bootId
      ? `router id ${remote.routerId} is our own: connected to ourselves`
      : `router id ${remote.routerId} is used twice: by ${quote(remote.name)} and by ${quote(local.name)}`;
  }
  if (config.remoteRouterId !== undefined && remote.routerId !== config.remoteRouterId) {
    return `router id is ${remote.routerId}, expected ${config.remoteRouterId}`;
  }
  return '';
}

const quote = (text: string): string => JSON.stringify(text);

function refuse(subcode: number, text: string, data = ''): OpenVerdict {
  return { ok: false, notification: { type: 'NOTIFICATION', code: NOTIFICATION.open, subcode, data, text } };
}
