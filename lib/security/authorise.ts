// Who may say what: a route or a router's advertisement, as it comes from a peer, against the entries of the
// configuration. Default deny. Two rights, asked of different parties:
//
//   originate   asked of the site where a route begins: its router ids, and of these one entry that covers the family, the
//               CS-ID, the name and the SID. What a peer passes on is judged by where it began, not by who brought it.
//   relay       asked of every site that passed it on, the peer first: a site that relays nothing can only speak for
//               itself, whatever it claims.
//
// The peer's site is its certificate's. Sites further away are what the path says: a site that may relay is believed
// about what it relays, because routes carry no signature of where they began.
import type { AuthorisationEntry } from '../config/config.ts';
import type { Family, RouterId, SiteId } from '../model/identity.ts';
import type { NodeAdvertisement } from '../model/link-state.ts';
import type { ServiceAttributes } from '../model/service-route.ts';
import { type Prefix, parsePrefix, prefixContains } from '../net/address.ts';
import { matchesPattern } from '../pattern.ts';

/** The first thing that was not allowed. */
export const REFUSALS = {
  path: 'the site path does not begin with the peer and end with the origin',
  relay: 'a site on the way may not pass it on',
  site: 'no entry for the site',
  originator: 'the router id is none of the site',
  family: 'the site may not originate this family',
  service: 'the site may not originate this service',
  name: 'the site may not use this service name',
  locator: 'a SID or locator is none of the site',
  prefix: 'a prefix is none of the site',
} as const;
export type Refusal = keyof typeof REFUSALS;

export interface Speaker {
  /** As its certificate, or without one its OPEN, says. */
  readonly site: SiteId;
  /** A hub: what it passes on does not name it (session.proto rule 11). */
  readonly reflects?: boolean;
}

interface Rights {
  readonly site: SiteId;
  readonly routerIds: ReadonlySet<RouterId>;
  readonly families: ReadonlySet<Family>;
  readonly services: readonly Prefix[];
  readonly names: readonly string[];
  readonly locators: readonly Prefix[];
  readonly prefixes: readonly Prefix[];
  readonly relay: readonly string[];
}

export class Authorisation {
  readonly #rights = new Map<SiteId, Rights[]>();
  readonly #ownSite: SiteId;

  constructor(entries: readonly AuthorisationEntry[], ownSite: SiteId) {
    this.#ownSite = ownSite;
    for (const entry of entries) {
      const all = this.#rights.get(entry.site) ?? [];
      this.#rights.set(entry.site, [...all, rightsOf(entry)]);
    }
  }

  /** Everything about a route but its service and originator: what a whole attribute set shares. */
  judgeSet(attributes: ServiceAttributes, speaker: Speaker): Refusal | undefined {
    const { site, sitePath } = attributes;
    const internal = speaker.site === this.#ownSite;
    const reflected = speaker.reflects === true && attributes.clusterList.length > 0;
    // Whoever is of another site has put itself in front; inside a site nobody does.
    if (!internal && !reflected && sitePath[0] !== speaker.site) return 'path';
    if ((sitePath.length === 0 ? this.#ownSite : sitePath.at(-1)) !== site) return 'path';
    const relays = internal || reflected ? [speaker.site, ...sitePath] : sitePath;
    return relays.some((one) => one !== site && !this.#mayRelay(one, site)) ? 'relay' : undefined;
  }

  /** The origin's right to this route. */
  judgeRoute(service: string, originator: RouterId, attributes: ServiceAttributes): Refusal | undefined {
    return narrowed(this.#rights.get(attributes.site) ?? [], [
      ['originator', (rights) => rights.routerIds.has(originator)],
      ['family', (rights) => rights.families.has('service')],
      ['service', (rights) => covers(rights.services, service)],
      ['name', (rights) => rights.names.some((name) => matchesPattern(name, attributes.serviceName))],
      ['locator', (rights) => covers(rights.locators, attributes.egressSid)],
    ]);
  }

  /** The origin's right to say how busy the instance of a route is. */
  judgeState(originator: RouterId, site: SiteId): Refusal | undefined {
    return narrowed(this.#rights.get(site) ?? [], [
      ['originator', (rights) => rights.routerIds.has(originator)],
      ['family', (rights) => rights.families.has('compute')],
    ]);
  }

  judgeNode(node: NodeAdvertisement, speaker: Speaker): Refusal | undefined {
    if (node.site !== speaker.site && !this.#mayRelay(speaker.site, node.site)) return 'relay';
    const sids = [
      ...node.locators.flatMap(({ prefix, endSid }) => [prefix, endSid]),
      ...node.links.map((link) => link.endXSid).filter((sid) => sid !== ''),
      ...node.links.flatMap((link) => (link.adjacencySids ?? []).map(({ sid }) => sid)),
      ...(node.decapSids ?? []).map(({ sid }) => sid),
    ];
    return narrowed(this.#rights.get(node.site) ?? [], [
      ['originator', (rights) => rights.routerIds.has(node.originator)],
      ['family', (rights) => rights.families.has('link-state')],
      ['locator', (rights) => sids.every((sid) => covers(rights.locators, sid))],
      ['prefix', (rights) => node.prefixes.every((prefix) => covers([...rights.prefixes, ...rights.locators], prefix))],
    ]);
  }

  /** Whether this site passes on what the other one originated: peers with the same entries refuse what it may not. */
  passesOn(origin: SiteId): boolean {
    // Where no entry is about ourselves, nothing was said about what we may do.
    return origin === this.#ownSite || !this.#rights.has(this.#ownSite) || this.#mayRelay(this.#ownSite, origin);
  }

  #mayRelay(site: SiteId, origin: SiteId): boolean {
    return (this.#rights.get(site) ?? []).some(({ relay }) => relay.some((pattern) => matchesPattern(pattern, origin)));
  }
}

/** One entry must allow all of it; the reason is the step that left none. */
function narrowed(
  rights: readonly Rights[],
  steps: readonly (readonly [Refusal, (rights: Rights) => boolean])[],
): Refusal | undefined {
  if (rights.length === 0) return 'site';
  let left = rights;
  for (const [reason, allows] of steps) {
    left = left.filter(allows);
    if (left.length === 0) return reason;
  }
  return undefined;
}

/** An address, or a prefix as a whole, inside one of these. */
function covers(prefixes: readonly Prefix[], text: string): boolean {
  const { address, length } = parsePrefix(text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`);
  return prefixes.some((prefix) => prefix.length <= length && prefixContains(prefix, address));
}

function rightsOf(entry: AuthorisationEntry): Rights {
  return {
    site: entry.site,
    routerIds: new Set(entry.routerIds),
    families: new Set(entry.families),
    services: entry.services.map(parsePrefix),
    names: entry.names,
    locators: entry.locators.map(parsePrefix),
    prefixes: entry.prefixes.map(parsePrefix),
    relay: entry.relay,
  };
}
