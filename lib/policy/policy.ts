// Import and export policy (RFC 4271 9.1.1, 9.1.3; RFC 8212 in spirit): ordered rules, each with conditions, changes and a
// verdict. Pure: the same route from the same peer has the same outcome. It knows neither RIBs nor sessions.
import type { PolicyChange, PolicyConfig, PolicyRule } from '../config/config.ts';
import type { PeerName, ServiceId } from '../model/identity.ts';
import type { ServiceAttributes } from '../model/service-route.ts';
import { failedCondition } from './match.ts';

/** Outcomes remembered for one attribute set; a peer that makes up services must not grow it for ever. */
const MAX_KNOWN = 4096;

/** What a rule may look at. */
export interface PolicyRoute {
  readonly service: ServiceId;
  readonly attributes: ServiceAttributes;
  /** The peer it came from (import) or goes to (export). */
  readonly peer: PeerName;
}

export interface PolicyOutcome {
  readonly accepted: boolean;
  /** As changed by the rules; the same object when nothing changed, and one object for all routes that shared one. */
  readonly attributes: ServiceAttributes;
  /** Rule that gave the verdict; `otherwise`: none did. */
  readonly by: string;
}

/** What became of each rule, in order, up to the one that decided. */
export interface PolicyStep {
  readonly rule: string;
  /** `matched`, or the first condition that did not hold. */
  readonly result: string;
}

/** A policy ready for use. Outcomes are remembered an attribute set, because thousands of routes share one. */
export class Policy {
  readonly config: PolicyConfig;
  /** Whether the outcome depends on more than the attributes. */
  readonly looksAtService: boolean;
  readonly looksAtPeer: boolean;
  readonly #known = new WeakMap<ServiceAttributes, Map<string, PolicyOutcome>>();
  readonly #changed = new WeakMap<ServiceAttributes, Map<string, ServiceAttributes>>();

  constructor(config: PolicyConfig) {
    this.config = config;
    this.looksAtService = config.rules.some((rule) => rule.match.services.length > 0);
    this.looksAtPeer = config.rules.some((rule) => rule.match.peers.length > 0);
  }

  apply(route: PolicyRoute): PolicyOutcome {
    const key = `${this.looksAtService ? route.service : ''} ${this.looksAtPeer ? route.peer : ''}`;
    let known = this.#known.get(route.attributes);
    if (known === undefined) this.#known.set(route.attributes, (known = new Map()));
    const remembered = known.get(key);
    if (remembered !== undefined) return remembered;
    if (known.size >= MAX_KNOWN) known.clear();
    const outcome = this.#evaluate(route, undefined);
    known.set(key, outcome);
    return outcome;
  }

  /** The outcome with the way that led to it: for `cfnctl policy test`. */
  explain(route: PolicyRoute): PolicyOutcome & { readonly steps: readonly PolicyStep[] } {
    const steps: PolicyStep[] = [];
    return { ...this.#evaluate(route, steps), steps };
  }

  #evaluate(route: PolicyRoute, steps: PolicyStep[] | undefined): PolicyOutcome {
    const applied: number[] = [];
    for (const [index, rule] of this.config.rules.entries()) {
      // Later rules see what earlier ones changed, as in a route map with `continue`.
      const failed = failedCondition(rule.match, { ...route, attributes: this.#change(route.attributes, applied) });
      steps?.push({ rule: rule.name, result: failed ?? 'matched' });
      if (failed !== undefined) continue;
      applied.push(index);
      if (rule.verdict !== 'continue') return this.#outcome(route, applied, rule.verdict === 'accept', rule.name);
    }
    return this.#outcome(route, applied, this.config.otherwise === 'accept', 'otherwise');
  }

  #outcome(route: PolicyRoute, applied: readonly number[], accepted: boolean, by: string): PolicyOutcome {
    return { accepted, attributes: accepted ? this.#change(route.attributes, applied) : route.attributes, by };
  }

  /** One object for each attribute set and each sequence of rules: an UPDATE carries each set once. */
  #change(attributes: ServiceAttributes, applied: readonly number[]): ServiceAttributes {
    const rules = applied.map((index) => this.config.rules[index]!).filter((rule) => changesAnything(rule));
    if (rules.length === 0) return attributes;
    const key = applied.join(',');
    let made = this.#changed.get(attributes);
    if (made === undefined) this.#changed.set(attributes, (made = new Map()));
    let changed = made.get(key);
    if (changed === undefined)
      made.set(key, (changed = rules.reduce((set, rule) => change(set, rule.set), attributes)));
    return changed;
  }
}

function changesAnything({ set }: PolicyRule): boolean {
  return (
    set.preference !== undefined ||
    set.drain !== undefined ||
    set.addCommunities.length > 0 ||
    set.removeCommunities.length > 0
  );
}

/** Entries of a list on the wire (session.proto). */
const MAX_COMMUNITIES = 64;

function change(attributes: ServiceAttributes, set: PolicyChange): ServiceAttributes {
  const kept = attributes.communities.filter((it) => !set.removeCommunities.includes(it));
  const added = set.addCommunities.filter((it) => !kept.includes(it));
  return {
    ...attributes,
    ...(set.preference !== undefined && { preference: set.preference }),
    ...(set.drain !== undefined && { drain: set.drain }),
    communities: [...kept, ...added].slice(0, MAX_COMMUNITIES),
  };
}
