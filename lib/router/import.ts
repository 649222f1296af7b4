// How one peer's words are taken (Adj-RIB-In to Loc-RIB): loops and leaks are out, the downstream mark is kept, and import
// policy has its say. Judged an attribute set at a time where the service does not count. Pure but for what it remembers.
import type { RouterId, ServiceId, SiteId } from '../model/identity.ts';
import type { ServiceAttributes } from '../model/service-route.ts';
import type { Policy } from '../policy/policy.ts';
import type { Negotiated } from '../session/peer-contract.ts';
import { markReceived } from '../session/roles.ts';

/** Why a route that was announced is not used. */
export type Untaken = 'loop' | 'observer' | 'leak' | 'policy' | 'damped';

export interface ImportOwner {
  readonly site: SiteId;
  readonly routerId: RouterId;
}

export class ImportRules {
  readonly policy: Policy | undefined;
  readonly #own: ImportOwner;
  readonly #peer: string;
  readonly #negotiated: Negotiated;
  /** Sets with the mark, by the set without: equal announcements stay equal objects. */
  readonly #marked = new WeakMap<ServiceAttributes, ServiceAttributes>();

  constructor(own: ImportOwner, peer: string, negotiated: Negotiated, policy: Policy | undefined) {
    this.#own = own;
    this.#peer = peer;
    this.#negotiated = negotiated;
    this.policy = policy;
  }

  /** The same peer's words, under another policy. */
  under(policy: Policy | undefined): ImportRules {
    return new ImportRules(this.#own, this.#peer, this.#negotiated, policy);
  }

  /** Whether the verdict depends on more than the attributes. */
  get looksAtService(): boolean {
    return this.policy?.looksAtService === true;
  }

  /** The attributes under which the route is used, or why it is not. `service` counts only where it is looked at. */
  judge(service: ServiceId, raw: ServiceAttributes): ServiceAttributes | Untaken {
    // RFC 4271 9.1.2 (own AS in the path) and RFC 4456 section 8 (own id in the CLUSTER_LIST).
    if (raw.sitePath.includes(this.#own.site) || raw.clusterList.includes(this.#own.routerId)) return 'loop';
    const { remote, relation } = this.#negotiated;
    if (remote.peerRole === 'observer') return 'observer';
    const mark = markReceived(relation, raw.onlyToDownstream, remote.routerId);
    if (mark === 'leak') return 'leak';
    const attributes = mark === raw.onlyToDownstream ? raw : this.#withMark(raw, mark);
    if (this.policy === undefined) return attributes;
    const outcome = this.policy.apply({ service, attributes, peer: this.#peer });
    return outcome.accepted ? outcome.attributes : 'policy';
  }

  #withMark(raw: ServiceAttributes, mark: RouterId | ''): ServiceAttributes {
    const known = this.#marked.get(raw);
    if (known !== undefined) return known;
    const made = { ...raw, onlyToDownstream: mark };
    this.#marked.set(raw, made);
    return made;
  }
}
