// Rows of `show services`, `show rib`, `show instances`, and the record behind `explain`.

import { isEligible } from '../../decision/candidates.ts';
import { decide } from '../../decision/decide.ts';
import type { Candidate, Decision, RankedCandidate } from '../../decision/decision.ts';
import type { ComputeState } from '../../model/compute-state.ts';
import type { RouterId, ServiceId, SiteId } from '../../model/identity.ts';
import { routeKeyText } from '../../model/service-route.ts';
import { matchText } from '../../model/traffic-match.ts';
import type {
  ComputeStateView,
  ExplainCandidate,
  ExplainView,
  InstanceView,
  RibRow,
  ServiceView,
} from '../../model/view.ts';
import { entryAt, entryOf, type RouteEntry } from '../../rib/route-entry.ts';
import { LOCAL } from '../../rib/route-table.ts';
import { computeSpf, type SpfNode } from '../../topology/spf.ts';
import { explicitPathTo } from '../explicit-paths.ts';
import { isAdvertised, isJudged } from '../instances.ts';
import { planFor } from '../segment-lists.ts';
import type { RouterState, Steered } from '../state.ts';
import { asKept, candidates, decisionInput } from '../steering.ts';
import { wallMs } from '../turn.ts';
import { pathNames } from './peers.ts';
import { entryViews } from './segments.ts';

export function serviceRows(state: RouterState): ServiceView[] {
  const { services } = state.table;
  const known = [...services.used()].map((number) => services.text(number));
  const ids = new Set([...known, ...state.classes.keys()]);
  return [...ids].sort().flatMap((service) => {
    const classes = state.classes.get(service) ?? [];
    return classes.length === 0
      ? [serviceRow(state, service, undefined)]
      : classes.map((it) => serviceRow(state, service, it));
  });
}

function serviceRow(state: RouterState, service: ServiceId, steered: Steered | undefined): ServiceView {
  const decision = steered?.decision;
  const ranked = decision?.ranked ?? [];
  const weights = ranked
    .filter((it) => it.weight > 0)
    .sort((a, b) => b.weight - a.weight || (a.key < b.key ? -1 : 1))
    .map((it) => ({
      contactInstance: instanceOf(it.key),
      instanceName: it.attributes.instanceName,
      site: it.attributes.site,
      weight: it.weight,
    }));
  return {
    service,
    name: serviceName(state, service),
    steered: steered !== undefined,
    class: steered?.class.name ?? '',
    classify: steered === undefined ? [] : rulesOf(state, steered),
    strategy: steered?.class.strategy ?? '',
    affinity: steered?.class.affinity ?? '',
    candidates: state.table.rowsOf(service).length,
    eligible: ranked.filter(isEligible).length,
    weights,
    change: decision?.change ?? '',
    changedAtMs: steered === undefined ? 0 : wallMs(state, steered.changedAtMs),
    decisions: steered?.decisions ?? 0,
  };
}

/** What the service's classifier says of the class. */
function rulesOf(state: RouterState, { service, name, class: { name: own } }: Steered): string[] {
  const rules = state.config.steering.services.find((it) => it.service === service)?.classify ?? [];
  return rules.filter((rule) => rule.class === (name === '' ? own : name)).map((rule) => matchText(rule.match));
}

export function serviceName(state: RouterState, service: ServiceId): string {
  for (const row of state.table.rowsOf(service)) return state.table.bestAttributes(row).serviceName;
  for (const instance of state.instances.values())
    if (instance.config.service === service) return instance.config.serviceName;
  return state.config.steering.services.find((it) => it.service === service)?.name ?? '';
}

export function ribRows(state: RouterState): RibRow[] {
  return [...state.table.rows()]
    .map((row) => entryAt(state.table, row))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map((entry) => ribRow(state, entry));
}

function ribRow(state: RouterState, entry: RouteEntry): RibRow {
  const { attributes } = entry;
  const ranked = state.steered.get(entry.route.service)?.decision?.ranked.find((it) => it.key === entry.key);
  const node = state.spf.get(entry.route.originator);
  const roundTripUs = entry.best === LOCAL ? 0 : node && node.delayUs + node.reverseDelayUs;
  return {
    service: entry.route.service,
    serviceName: attributes.serviceName,
    contactInstance: entry.route.contactInstance,
    instanceName: attributes.instanceName,
    originator: entry.route.originator,
    site: attributes.site,
    from: entry.best === LOCAL ? 'local' : entry.best,
    drain: attributes.drain || state.excluded.has(entry.key),
    egressSid: attributes.egressSid,
    weight: ranked?.weight ?? 0,
    verdict: ranked?.verdict ?? '',
    quarantine: state.quarantine.get(entry.row)?.reason ?? '',
    ...(roundTripUs !== undefined && { roundTripUs }),
    ...(ranked?.cost && { costUs: ranked.cost.total }),
    ...(entry.state && { state: stateView(state, asKept(entry.state, attributes), entry.stateReceivedAtMs) }),
  };
}

function stateView(state: RouterState, compute: ComputeState, receivedAtMs: number): ComputeStateView {
  return {
    score: compute.score,
    computeScore: compute.computeScore,
    serviceScore: compute.serviceScore,
    serviceTimeUs: compute.serviceTimeUs,
    workTimeUs: compute.workTimeUs,
    spareCapacity: compute.spareCapacity,
    inFlight: compute.inFlight,
    arrivalRate: compute.arrivalRate,
    workers: compute.workers,
    source: compute.source,
    sequence: compute.sequence,
    receivedAtMs: wallMs(state, receivedAtMs),
    validForMs: compute.validForMs,
    stale: state.atMs - receivedAtMs > compute.validForMs,
  };
}

export function instanceRows(state: RouterState): InstanceView[] {
  return [...state.instances.values()].map((instance) => {
    const { config } = instance;
    const entry = entryOf(state.table, routeKeyText(instance.route));
    const unchecked = config.health.kind === 'none';
    const health = !isJudged(instance) ? 'unknown' : !instance.agent.healthy ? 'down' : unchecked ? 'unchecked' : 'up';
    return {
      service: config.service,
      serviceName: config.serviceName,
      contactInstance: config.contactInstance,
      instanceName: config.instanceName,
      nexthop: config.nexthop,
      sid: instance.attributes.egressSid,
      health,
      healthSinceMs: wallMs(state, instance.healthSinceMs),
      drained: instance.drained,
      advertised: isAdvertised(state, instance),
      source: config.metrics.kind,
      ...(entry?.state && { state: stateView(state, entry.state, entry.stateReceivedAtMs) }),
      lastError: instance.lastError,
    };
  });
}

export type Explained = { readonly view: ExplainView } | { readonly refused: string };

/** The record of the last decision; with `fromSite`, the decision that site would take on what we know. */
export function explainService(
  state: RouterState,
  service: ServiceId,
  fromSite?: SiteId,
  className?: string,
): Explained {
  const called = serviceName(state, service);
  const text = called === '' ? `service ${service}` : `service ${called} (${service})`;
  const classes = state.classes.get(service) ?? [];
  const steered = className === undefined ? classes[0] : classes.find((it) => it.class.name === className);
  if (className !== undefined && classes.length > 0 && steered === undefined) {
    const known = classes.map((it) => it.class.name).join(', ');
    return { refused: `${text} has no class ${className} here; its classes: ${known}` };
  }
  if (fromSite === undefined || fromSite === state.config.site) {
    if (steered === undefined) return { refused: `${text} is not steered here` };
    if (steered.decision === undefined)
      return { refused: `nothing is decided for ${text} yet: this router still waits for what its peers know` };
    return { view: explainView(state, steered, steered.decision, state.config.site, state.config.routerId, state.spf) };
  }
  if (steered === undefined) return { refused: `${text} has no class here, so ${fromSite}'s is unknown` };
  const root = [...state.lsdb.nodes.values()].find((node) => node.site === fromSite)?.originator;
  if (root === undefined) return { refused: `site ${fromSite} is not in the link state` };
  const spf = computeSpf(state.lsdb.nodes, root);
  const { incumbent: _incumbent, memory: _memory, ...input } = decisionInput(state, steered);
  const decision = decide({ ...input, candidates: input.candidates.map((it) => seenFrom(it, spf)) });
  // Who told that site is known there only.
  return { view: explainView(state, steered, decision, fromSite, root, spf) };
}

function seenFrom(candidate: Candidate, spf: ReadonlyMap<RouterId, SpfNode>): Candidate {
  const { distance: _ours, ...rest } = candidate;
  const node = spf.get(candidate.route.originator);
  return node ? { ...rest, distance: { roundTripUs: node.delayUs + node.reverseDelayUs, path: node.path } } : rest;
}

function explainView(
  state: RouterState,
  steered: Steered,
  decision: Decision,
  site: SiteId,
  root: RouterId,
  spf: ReadonlyMap<RouterId, SpfNode>,
): ExplainView {
  const { class: serviceClass, service } = steered;
  const known = new Map(candidates(state, steered).map((it) => [it.key, it]));
  return {
    service,
    serviceName: serviceName(state, service),
    site,
    assumed: root !== state.config.routerId,
    atMs: wallMs(state, decision.atMs),
    class: serviceClass.name,
    strategy: serviceClass.strategy,
    affinity: serviceClass.affinity,
    hysteresisPercent: serviceClass.hysteresisPercent,
    holdMs: serviceClass.holdMs,
    change: decision.change,
    best: decision.best === '' ? '' : instanceOf(decision.best),
    incumbentSinceMs: wallMs(state, decision.incumbent.sinceMs),
    ...(decision.incumbent.challengedSinceMs !== undefined && {
      challengedSinceMs: wallMs(state, decision.incumbent.challengedSinceMs),
    }),
    candidates: decision.ranked.map((ranked) => ({
      ...explainCandidate(state, ranked, known.get(ranked.key), root, spf),
      explicit: root === state.config.routerId ? explicitText(state, steered, ranked) : '',
    })),
  };
}

function explainCandidate(
  state: RouterState,
  ranked: RankedCandidate,
  known: Candidate | undefined,
  root: RouterId,
  spf: ReadonlyMap<RouterId, SpfNode>,
): Omit<ExplainCandidate, 'explicit'> {
  const entry = entryOf(state.table, ranked.key);
  const originator = entry?.route.originator ?? ranked.key.split(' ')[2] ?? '';
  const path = ranked.path.length > 0 ? ranked.path : (spf.get(originator)?.path ?? []);
  const plan = planFor(state, path, ranked.attributes);
  return {
    contactInstance: instanceOf(ranked.key),
    instanceName: ranked.attributes.instanceName,
    site: ranked.attributes.site,
    originator,
    from: entry === undefined || root !== state.config.routerId ? '' : entry.best === LOCAL ? 'local' : entry.best,
    weight: ranked.weight,
    verdict: ranked.verdict,
    ...(ranked.cost && {
      cost: {
        totalUs: ranked.cost.total,
        roundTripUs: ranked.cost.roundTripUs,
        serviceTimeUs: ranked.cost.serviceTimeUs,
        priceUs: ranked.cost.priceUs,
        carbonUs: ranked.cost.carbonUs,
        preferenceUs: ranked.cost.preferenceUs,
      },
    }),
    ...(known?.state && entry && { state: stateView(state, known.state, entry.stateReceivedAtMs) }),
    path: pathNames(state, path),
    segments: plan.segments,
    entries: entryViews(state, plan.entries),
    overheadBytes: plan.bytes,
    plan: plan.reason,
  };
}

/** What became of the way that the class names to there; empty: it names none. */
function explicitText(state: RouterState, steered: Steered, { key }: RankedCandidate): string {
  const outcome = explicitPathTo(state, steered.class, key.split(' ')[2] ?? '');
  return outcome === undefined ? '' : 'fault' in outcome ? outcome.fault : 'taken';
}

function instanceOf(key: string): string {
  return key.split(' ')[1] ?? '';
}
