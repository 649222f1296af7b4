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
  /** Spreads new flows. */
  readonly decide: string;
  /** Hash → learn chain: all that a change of weights touches. */
  readonly split: string;
}

/** `svc_fd00_cafe__80`: canonical text stays readable, and no two addresses share it. */
export function serviceChains(service: string): ServiceChains {
  const main = `svc_${service.replaceAll(/[:.]/g, '_')}`;
  return { main, finish: `${main}_finish`, decide: `${main}_decide`, split: `${main}_split` };
}

/** Marks a new flow and learns it. */
export function learnChain(slot: number): string {
  return `learn_${slot}`;
}

/** Running flows of a contact instance. */
export function liveSet(slot: number): string {
  return `live_${slot}`;
}

/** TCP flows that said FIN or RST: late segments still find their contact instance. */
export function closingSet(slot: number): string {
  return `closing_${slot}`;
}

/** The slot of a live set's name; undefined for other names. */
export function slotOfLiveSet(name: string): number | undefined {
  const match = /^live_(\d+)$/.exec(name);
  return match ? Number(match[1]) : undefined;
}

/** True for the name of a service's split map. */
export function isSplitMap(name: string): boolean {
  return name.startsWith('svc_') && name.endsWith('_split');
}

/** The slot of a learn chain's name; undefined for other names. */
export function slotOfLearnChain(name: string): number | undefined {
  const match = /^learn_(\d+)$/.exec(name);
  return match ? Number(match[1]) : undefined;
}
