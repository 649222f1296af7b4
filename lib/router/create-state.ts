// What a router is before anything has happened: its configuration, links, instances and peers, and empty tables.
import { completeConfig } from '../config/complete.ts';
import { routerIdToNumber } from '../model/identity.ts';
import { Policy } from '../policy/policy.ts';
import { mix } from '../rib/hash-index.ts';
import { RouteTable } from '../rib/route-table.ts';
import { UpdateBatch } from '../rib/update-batch.ts';
import { Authorisation } from '../security/authorise.ts';
import { SidBook } from '../segment/sid-book.ts';
import { initialPeer } from '../session/peer.ts';
import { QUIET } from '../time/debounce.ts';
import { Lsdb } from '../topology/lsdb.ts';
import { allotEgressSids } from './egress-sids.ts';
import type { RouterEvent } from './event.ts';
import { NO_EXPIRY } from './expiry.ts';
import { createExplicitPaths } from './explicit-paths.ts';
import { RETRY_MIN_MS } from './fib-plan.ts';
import { ROWS_PER_UPDATE } from './flush.ts';
import { createInstance } from './instances.ts';
import { needsAdjacency } from './link-facts.ts';
import { sortLocators } from './locators.ts';
import { retainedSlots } from './slots.ts';
import type { RouterState } from './state.ts';
import { createSteered } from './steered.ts';

type StartEvent = Extract<RouterEvent, { type: 'start' }>;

/** Fresh state; nothing is done yet (`begin`). */
export function createState(event: StartEvent): RouterState {
  const config = completeConfig(event.config);
  const { served } = sortLocators(config, event.capabilities);
  const now = { atMs: event.atMs, wallMs: event.wallMs };
  const table = new RouteTable(seedOf(event.bootId));
  const state: RouterState = {
    config,
    bootId: event.bootId,
    routerNumber: routerIdToNumber(config.routerId),
    startedAtMs: event.atMs,
    wallOriginMs: event.wallMs - event.atMs,
    atMs: event.atMs,
    effects: [],
    capabilities: event.capabilities,
    table,
    batch: new UpdateBatch(table, ROWS_PER_UPDATE),
    flush: {
      wanted: false,
      armed: false,
      atMs: Number.NEGATIVE_INFINITY,
      changes: 0,
      turns: 0,
      seed: seedOf(event.bootId),
      paceAtMs: 0,
      told: [],
      settled: true,
    },
    sweeps: [],
    expiry: { ...NO_EXPIRY },
    reimports: [],
    sourceSites: [],
    exportGroups: new Map(),
    digests: { waiting: [], run: undefined },
    onward: new WeakMap(),
    peers: new Map(),
    links: new Map(),
    locators: served,
    lsdb: new Lsdb(),
    sids: new SidBook(),
    plans: new WeakMap(),
    explicit: createExplicitPaths(),
    nodeReceivedAtMs: new Map(),
    nodeSaidAtMs: new Map(),
    nodeAgeTimerAtMs: Number.POSITIVE_INFINITY,
    nodeFrom: new Map(),
    nodesFrom: new Map(),
    authorisation: config.authorisation && new Authorisation(config.authorisation, config.site),
    quarantine: new Map(),
    spf: new Map(),
    spfDebounce: QUIET,
    spfPending: false,
    ownNode: undefined,
    instances: new Map(),
    steered: new Map(),
    classes: createSteered(config, event.atMs),
    slots: new Map(),
    retainedSlots: retainedSlots(event.retained, config.fib),
    fib: {
      phase: 'awaiting',
      owners: new Map(),
      put: new Map(),
      remove: new Map(),
      cause: 'start',
      failed: new Map(),
      inFlight: new Map(),
      nextRequest: 1,
      retryPauseMs: RETRY_MIN_MS,
      failures: 0,
      drift: { missing: 0, different: 0, stale: 0 },
    },
    accessMtu: undefined,
    mtuChanged: true,
    addressesChanged: true,
    policies: new Map(config.policies.map((policy) => [policy.name, new Policy(policy)])),
    raw: [],
    flaps: new Map(),
    flapsForgivenAtMs: Number.NEGATIVE_INFINITY,
    dampingAtMs: Number.POSITIVE_INFINITY,
    reportBuckets: new Map(),
    heldReports: new Map(),
    reportsAtMs: Number.POSITIVE_INFINITY,
    skewed: new Set(),
    duplicates: new Map(),
    contested: false,
    heardSequence: 0,
    outdone: 0,
    retained: event.retained.length > 0,
    ready: false,
    announced: false,
    stopping: false,
    leaving: false,
    excluded: new Set(),
    drains: new Map(),
  };
  for (const link of config.links) {
    const { delayUs } = link;
    const measured = { delayMinUs: delayUs, delayAvgUs: delayUs, delayVariationUs: 0, loss: 0 };
    // What forwards since an earlier life was adjacent then: its neighbours may be restarting as well.
    const needs = needsAdjacency(config, link.name);
    const retained = needs && event.retained.length > 0;
    state.links.set(link.name, {
      config: link,
      mtu: undefined,
      kernelUp: undefined,
      pathUp: undefined,
      adjacent: retained || !needs,
      retained,
      ...measured,
    });
  }
  const egressSids = allotEgressSids(config, served, event.retained);
  for (const [i, instance] of config.instances.entries()) {
    const created = createInstance(instance, config, egressSids[i]!, now);
    state.instances.set(created.key, created);
  }
  for (const peer of config.peers) {
    state.peers.set(peer.name, {
      config: peer,
      fsm: initialPeer(),
      session: undefined,
      source: table.sources.number(peer.name),
      retention: { phase: 'none', untilMs: 0 },
      lastImports: undefined,
      longLivedMs: 0,
      subscription: peer.subscription,
      importPolicy: peer.importPolicy,
      exportPolicy: peer.exportPolicy,
      mismatches: 0,
      remote: undefined,
      formerBootIds: [],
      refusals: new Map(),
      toldRefusals: new Set(),
      refusedInSession: 0,
      lastRefusal: '',
      sinceMs: event.atMs,
      messagesIn: 0,
      messagesOut: 0,
      flaps: 0,
      lastError: '',
      lastErrorAtMs: 0,
      dialFailure: undefined,
    });
  }
  for (const steered of [...state.classes.values()].flat()) state.steered.set(steered.key, steered);
  for (const service of state.classes.keys()) table.services.watch(service);
  return state;
}

/** A number that peers cannot know beforehand: keys of routes are spread by it. */
function seedOf(bootId: string): number {
  let seed = 0;
  for (let i = 0; i < bootId.length; i++) seed = mix(seed, bootId.charCodeAt(i));
  return seed;
}
