// Policies and subscriptions as they are in force with each peer, and what follows when they change: no session is reset,
// what is already here is judged again (soft reconfiguration).

import { Policy } from '../policy/policy.ts';
import { CAPABILITY } from '../session/capabilities.ts';
import type { Subscription } from '../session/message.ts';
import type { Negotiated } from '../session/peer-contract.ts';
import { EVERYTHING, isEverything } from '../session/subscription.ts';
import type { RouterEventBody } from './event.ts';
import { exportGroup } from './export.ts';
import { ImportRules } from './import.ts';
import { reimport } from './reimport.ts';
import type { EstablishedSession, Peer, RouterState } from './state.ts';
import { sweep } from './sweep.ts';
import { log, sendTo, viewChanged } from './turn.ts';

type PoliciesEvent = Extract<RouterEventBody, { type: 'policies' }>;

export function importRules(state: RouterState, peer: Peer, negotiated: Negotiated): ImportRules {
  return new ImportRules(state.config, peer.config.name, negotiated, state.policies.get(peer.importPolicy));
}

/** The peer wants to hear something else: it is told everything anew, and what it no longer wants is withdrawn. */
export function takeSubscription(
  state: RouterState,
  peer: Peer,
  session: EstablishedSession,
  subscription: Subscription,
): void {
  session.subscription = isEverything(subscription) ? undefined : subscription;
  regroup(state, peer, session);
  viewChanged(state, 'peers');
}

/** The configuration was read again: only what differs has consequences. */
export function takePolicies(state: RouterState, event: PoliciesEvent): void {
  const before = state.policies;
  // A policy that is the same keeps what it remembers.
  state.policies = new Map(
    event.policies.map((config) => {
      const known = before.get(config.name);
      return [config.name, known && same(known.config, config) ? known : new Policy(config)];
    }),
  );
  state.exportGroups.clear();
  for (const said of event.peers) {
    const peer = state.peers.get(said.name);
    if (peer !== undefined) attach(state, peer, said, before);
  }
  log(state, 'info', 'policies read again', { policies: [...state.policies.keys()].join(' ') });
  viewChanged(state, 'peers');
}

function attach(
  state: RouterState,
  peer: Peer,
  said: PoliciesEvent['peers'][number],
  before: ReadonlyMap<string, Policy>,
): void {
  const imports = before.get(peer.importPolicy) !== state.policies.get(said.importPolicy);
  const exports = before.get(peer.exportPolicy) !== state.policies.get(said.exportPolicy);
  const hears = !same(peer.subscription, said.subscription);
  peer.importPolicy = said.importPolicy;
  peer.exportPolicy = said.exportPolicy;
  peer.subscription = said.subscription;
  const { session } = peer;
  if (session === undefined) {
    if (imports) rejudgeStale(state, peer);
    return;
  }
  if (exports) regroup(state, peer, session);
  else session.group = exportGroup(state, peer, session.negotiated, session.subscription);
  if (imports) {
    session.imports = importRules(state, peer, session.negotiated);
    reimport(state, peer, session);
  }
  if (hears && session.negotiated.capabilities.includes(CAPABILITY.subscription))
    sendTo(state, peer, session.connection, { type: 'SUBSCRIBE', subscription: said.subscription ?? EVERYTHING });
}

/** What is kept of an absent peer is judged by the new policy too; what was not used before is not kept. */
function rejudgeStale(state: RouterState, peer: Peer): void {
  peer.lastImports = peer.lastImports?.under(state.policies.get(peer.importPolicy));
  sweep(state, peer.source, 'rejudge');
}

function regroup(state: RouterState, peer: Peer, session: EstablishedSession): void {
  session.group = exportGroup(state, peer, session.negotiated, session.subscription);
  session.out.repeat();
  state.flush.wanted = true;
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
