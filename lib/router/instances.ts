// Contact instances of our own: feeds samples and health checks to the C-SMA (lib/metric/agent.ts), announces a route
// once its SID is programmed and the instance is healthy, withdraws it when not, and publishes the state that matters.
import type { LocalInstanceConfig, RouterConfig } from '../config/config.ts';
import { type AgentOutcome, createAgent, due, health, type Moment, observe, push } from '../metric/agent.ts';
import type { SidAdvertisement } from '../model/link-state.ts';
import { routeKeyText, type ServiceAttributes } from '../model/service-route.ts';
import { ADDRESS_WORDS, addressesToWords } from '../net/address-words.ts';
import { entriesOf, rowFor } from '../rib/route-entry.ts';
import { LOCAL_SOURCE } from '../rib/route-table.ts';
import { type DrainMeasures, drainsMeasured, forgetDrain, watchDrain } from './drains.ts';
import type { RouterEvent } from './event.ts';
import { isInForce } from './fib-plan.ts';
import { prefixOfSid } from './locators.ts';
import { ownState } from './routes.ts';
import { rowChanged, withdrawRow } from './row-change.ts';
import type { Instance, RouterState } from './state.ts';
import { log, setTimer, viewChanged, wallMs } from './turn.ts';

export function instanceKey(service: string, contactInstance: string): string {
  return `${service} ${contactInstance}`;
}

export function createInstance(
  config: LocalInstanceConfig,
  router: RouterConfig,
  egress: SidAdvertisement,
  now: Moment,
): Instance {
  const { service, contactInstance } = config;
  return {
    key: instanceKey(service, contactInstance),
    route: { service, contactInstance, originator: router.routerId },
    words: addressesToWords([service, contactInstance]),
    config,
    agent: createAgent(config, now),
    healthSinceMs: now.atMs,
    drained: false,
    retired: false,
    attributes: attributesOf(config, router, egress),
    lastError: '',
  };
}

export type InstanceEvent = Extract<
  RouterEvent,
  { type: 'instance-sample' | 'instance-sample-failed' | 'instance-health' | 'instance-report' | 'drain' }
>;

export function instanceEvent(state: RouterState, event: InstanceEvent): void {
  const instance = state.instances.get(instanceKey(event.service, event.contactInstance));
  if (instance === undefined) {
    if (event.type === 'drain') drainRemote(state, event);
    return;
  }
  viewChanged(state, 'instances');
  switch (event.type) {
    case 'instance-sample':
      take(state, instance, observe(instance.agent, event.sample));
      return;
    case 'instance-report':
      take(state, instance, push(instance.agent, { ...event.report, atMs: state.atMs }));
      return;
    case 'instance-sample-failed':
      if (instance.lastError !== event.reason)
        log(state, 'warn', 'metrics source failed', { ...names(instance), reason: event.reason });
      instance.lastError = event.reason;
      return;
    case 'instance-health':
      if (!event.ok) instance.lastError = event.reason;
      take(state, instance, health(instance.agent, { ...now(state), ok: event.ok, reason: event.reason }));
      return;
    case 'drain':
      setDrain(state, instance, event.drain);
      watchOwn(state, instance, event);
      return;
    default:
      event satisfies never;
  }
}

export function agentTimer(instance: Instance): string {
  return `agent/${instance.key}`;
}

export function agentDue(state: RouterState, instance: Instance): void {
  take(state, instance, due(instance.agent, now(state)));
}

/** Announces, or stops announcing, as health, SID and the start allow; called whenever one of them changed. */
export function advertiseInstances(state: RouterState): void {
  for (const instance of state.instances.values()) advertise(state, instance);
}

/** The first verdict on every instance is in, good or bad: End-of-RIB would otherwise take it away (RFC 4724 4.1). */
export function instancesSettled(state: RouterState): boolean {
  return [...state.instances.values()].every(isJudged);
}

/** False until the first check and, where it passed, the first sample. */
export function isJudged({ agent }: Instance): boolean {
  return agent.reason !== 'no-check' && agent.reason !== 'no-sample';
}

export function isAdvertised(state: RouterState, instance: Instance): boolean {
  return state.table.says(ownRow(state, instance), LOCAL_SOURCE);
}

/** Its row in the table, or -1. */
function ownRow({ table, routerNumber }: RouterState, { words }: Instance): number {
  return table.find(words, 0, words, ADDRESS_WORDS, routerNumber);
}

function take(state: RouterState, instance: Instance, outcome: AgentOutcome): void {
  const wasJudged = isJudged(instance);
  instance.agent = outcome.agent;
  if (outcome.rejected) {
    const { reason, detail } = outcome.rejected;
    if (instance.lastError !== reason) log(state, 'warn', 'sample rejected', { ...names(instance), reason, detail });
    instance.lastError = reason;
  }
  if (outcome.health || isJudged(instance) !== wasJudged) {
    const { healthy, reason, checks } = instance.agent;
    instance.healthSinceMs = state.atMs;
    if (healthy) instance.lastError = '';
    const text = healthy ? 'contact instance healthy' : 'contact instance unhealthy';
    log(state, healthy ? 'info' : 'warn', text, {
      ...names(instance),
      ...(!healthy && { reason, detail: checks.detail }),
    });
    advertise(state, instance);
  }
  if (outcome.report) ownState(state, ownRow(state, instance), outcome.report);
  if (Number.isFinite(outcome.dueAtMs)) setTimer(state, agentTimer(instance), outcome.dueAtMs);
}

function advertise(state: RouterState, instance: Instance): void {
  const { table } = state;
  // DESIGN section 11: program before advertising.
  const offered = instance.agent.healthy && !instance.retired && !state.leaving && isInForce(state, sidKey(instance));
  if (!offered) {
    const row = ownRow(state, instance);
    if (row >= 0) withdrawRow(state, LOCAL_SOURCE, row);
    return;
  }
  const row = rowFor(table, instance.route);
  const set = table.sets.intern(instance.attributes);
  rowChanged(state, row, table.announce(row, LOCAL_SOURCE, set, 0));
  const reported = instance.agent.reported;
  if (reported !== undefined) ownState(state, row, reported);
}

function setDrain(state: RouterState, instance: Instance, drain: boolean): void {
  if (instance.drained === drain) return;
  instance.drained = drain;
  instance.attributes = { ...instance.attributes, drain };
  log(state, 'info', drain ? 'draining' : 'undrained', names(instance));
  advertise(state, instance);
}

/** Asks everyone to send no new flows; false when there is nobody who would. */
export function drainAll(state: RouterState): boolean {
  const advertised = [...state.instances.values()].filter((instance) => isAdvertised(state, instance));
  for (const instance of advertised) setDrain(state, instance, true);
  return advertised.length > 0;
}

type DrainEvent = Extract<RouterEvent, { type: 'drain' }>;

function watchOwn(state: RouterState, instance: Instance, event: DrainEvent): void {
  const key = routeKeyText(instance.route);
  if (event.drain) return watchDrain(state, { ...event, key, sid: sidKey(instance).slice('local-sid '.length) });
  forgetDrain(state, key);
  if (!instance.retired) return;
  instance.retired = false;
  advertise(state, instance);
}

/** What is left of drains was measured; own contact instances whose drain is over are withdrawn. */
export function drainMeasured(state: RouterState, measures: DrainMeasures): void {
  for (const { service, contactInstance, sid } of drainsMeasured(state, measures)) {
    const instance = state.instances.get(instanceKey(service, contactInstance));
    if (sid === undefined || instance === undefined) continue;
    instance.retired = true;
    advertise(state, instance);
    viewChanged(state, 'instances');
  }
}

/** Drain asked of an ingress: it only stops sending new flows from here. */
function drainRemote(state: RouterState, event: DrainEvent): void {
  const { service, contactInstance, drain } = event;
  for (const entry of entriesOf(state.table, service)) {
    if (entry.route.contactInstance !== contactInstance) continue;
    if (drain) watchDrain(state, { ...event, key: entry.key });
    else forgetDrain(state, entry.key);
    if (state.excluded.has(entry.key) === drain) continue;
    if (drain) state.excluded.add(entry.key);
    else state.excluded.delete(entry.key);
    log(state, 'info', drain ? 'excluded here' : 'exclusion ended', { service, contactInstance });
    rowChanged(state, entry.row, 'changed');
  }
}

function sidKey({ attributes: { egressSid: sid, sidStructure: structure } }: Instance): string {
  return `local-sid ${prefixOfSid({ sid, structure })}`;
}

function attributesOf(
  config: LocalInstanceConfig,
  router: RouterConfig,
  { sid, structure, behaviour }: SidAdvertisement,
): ServiceAttributes {
  return {
    egressSid: sid,
    sidStructure: structure,
    behaviour,
    sitePath: [],
    clusterList: [],
    communities: [],
    onlyToDownstream: '',
    site: router.site,
    serviceName: config.serviceName,
    instanceName: config.instanceName,
    classes: config.classes,
    capabilities: config.capabilities,
    region: config.region,
    residency: config.residency,
    priceMicros: config.priceMicros,
    carbon: config.carbon,
    energy: config.energy,
    securityLevel: config.securityLevel,
    preference: config.preference,
    drain: false,
    validForMs: config.validForMs,
  };
}

function now(state: RouterState): Moment {
  return { atMs: state.atMs, wallMs: wallMs(state, state.atMs) };
}

function names(instance: Instance): Record<string, string> {
  return { service: instance.config.service, instance: instance.config.instanceName };
}
