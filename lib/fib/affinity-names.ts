// Names inside our nftables table. They are derived, never stored: a restarted daemon finds the learned flows of a
// slot by its name alone. Refuses to know rules.
import { addressFamily } from '../net/address.ts';

/** Our only table; nothing in any other is ever touched. */
export const AFFINITY_TABLE = 'cfnd_affinity';
export const AFFINITY_TABLE_SPEC = `inet ${AFFINITY_TABLE}`;

/** Base chain at prerouting: sends packets to services on to the chain of their service. */
export const CLASSIFY_CHAIN = 'classify';

/** Address → chain of the service. */
export function serviceMap(service: string): 'services4' | 'services6' {
  return addressFamily(service) === 'ipv6' ? 'services6' : 'services4';
}

export interface ServiceChains {
  readonly main: string;
  /** Moves closing TCP flows from the live to the closing set. */
  readonly finish: string;
  /** Tells the class of a new flow; only where there are classes. */
  readonly classes: string;
}

/** `svc_fd00_cafe__80`: canonical text stays readable, and no two addresses share it. */
function mainChain(service: string): string {
  return `svc_${service.replaceAll(/[:.]/g, '_')}`;
}

export function serviceChains(service: string): ServiceChains {
  const main = mainChain(service);
  return { main, finish: `${main}_finish`, classes: `${main}_classes` };
}

export interface ClassNames {
  /** Spreads new flows of the class. */
  readonly decide: string;
  /** Counts what was decided: flows, clients or packets, as the mode has it. */
  readonly counter: string;
}

/** `name` empty: the service itself. */
export function classNames(service: string, name: string): ClassNames {
  const main = mainChain(service);
  const suffix = suffixOf(name);
  return { decide: `${main}_decide${suffix}`, counter: `${main}_new${suffix}` };
}

/** Marks a new flow and, where the mode has it so, learns it. */
export function learnChain(service: string, slot: number, name: string): string {
  return `${mainChain(service)}_learn_${slot}${suffixOf(name)}`;
}

/** Marks what is known of a contact instance, and notes that it was seen. */
export function keepChain(service: string, slot: number, name: string): string {
  return `${mainChain(service)}_keep_${slot}${suffixOf(name)}`;
}

/** Slot and class of a learn chain of the service; undefined for other chains. */
export function ofLearnChain(service: string, chain: string): { slot: number; name: string } | undefined {
  const prefix = `${mainChain(service)}_learn_`;
  const match = chain.startsWith(prefix) ? /^(\d+)(?:_(.+))?$/.exec(chain.slice(prefix.length)) : null;
  return match ? { slot: Number(match[1]), name: match[2] ?? '' } : undefined;
}

/** Class of a decide chain of the service, empty for its own; undefined for other chains. */
export function ofDecideChain(service: string, chain: string): string | undefined {
  const own = classNames(service, '').decide;
  if (chain === own) return '';
  return chain.startsWith(`${own}_`) ? chain.slice(own.length + 1) : undefined;
}

/** Numbers of a contact instance, as many as its weight: all that a change of weights touches. */
export function shareSet(slot: number): string {
  return `share_${slot}`;
}

/** Running flows of a contact instance. */
export function liveSet(slot: number): string {
  return `live_${slot}`;
}

/** TCP flows that said FIN or RST: late segments still find their contact instance. */
export function closingSet(slot: number): string {
  return `closing_${slot}`;
}

/** Clients of a contact instance. */
export function clientSet(slot: number): string {
  return `client_${slot}`;
}

/** Running flows of a contact instance that were noted a moment ago. */
export function recentSet(slot: number): string {
  return `recent_${slot}`;
}

/** The same of clients. */
export function recentClientSet(slot: number): string {
  return `recent_client_${slot}`;
}

/** The slot of a set of running flows or of clients; undefined for other names. */
export function slotOfLearnedSet(name: string): number | undefined {
  const match = /^(?:live|client)_(\d+)$/.exec(name);
  return match ? Number(match[1]) : undefined;
}

/** True for the name of a share. */
export function isShareSet(name: string): boolean {
  return /^share_\d+$/.test(name);
}

function suffixOf(name: string): string {
  return name === '' ? '' : `_${name}`;
}
