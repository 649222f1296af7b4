// A row of the table as text and objects, for whoever looks at few of them: decisions, views, the admin API. The hot path
// between wire, table and peers never makes one.
import type { ComputeState } from '../model/compute-state.ts';
import { numberToRouterId, type PeerName, routerIdToNumber, type ServiceId } from '../model/identity.ts';
import { type RouteKey, routeKeyText, type ServiceAttributes } from '../model/service-route.ts';
import { addressesToWords, wordsToAddress } from '../net/address-words.ts';
import type { RouteTable } from './route-table.ts';

/** What the table says of a route now; a copy. */
export interface RouteEntry {
  readonly row: number;
  readonly key: string;
  readonly route: RouteKey;
  /** Who says the version in use; '' is this router. */
  readonly best: PeerName;
  readonly attributes: ServiceAttributes;
  /** The version in use waits for its source to come back (RFC 4724). */
  readonly stale: boolean;
  readonly state: ComputeState | undefined;
  readonly stateReceivedAtMs: number;
  /** Who brought the state; undefined without one. */
  readonly stateFrom: PeerName | undefined;
}

const scratch = new Uint32Array(4);

/** Key of a row in use; remembered where the service is watched, because decisions ask again and again. */
export function keyAt(table: RouteTable, row: number): { readonly key: string; readonly route: RouteKey } {
  const known = table.texts.get(row);
  if (known !== undefined) return known;
  const service = table.service(row);
  table.copyInstance(row, scratch, 0);
  const route = {
    service: table.services.text(service),
    contactInstance: wordsToAddress(scratch, 0),
    originator: numberToRouterId(table.originator(row)),
  };
  const made = { key: routeKeyText(route), route };
  if (table.services.isWatched(service)) table.texts.set(row, made);
  return made;
}

/** Row of a key, or -1. */
export function rowOf(table: RouteTable, { service, contactInstance, originator }: RouteKey): number {
  const words = addressesToWords([service, contactInstance]);
  return table.find(words, 0, words, 4, routerIdToNumber(originator));
}

/** Row of a key, made if need be; the caller announces it. */
export function rowFor(table: RouteTable, { service, contactInstance, originator }: RouteKey): number {
  const words = addressesToWords([service, contactInstance]);
  return table.intern(words, 0, words, 4, routerIdToNumber(originator));
}

/** The row must be in use. */
export function entryAt(table: RouteTable, row: number): RouteEntry {
  const { key, route } = keyAt(table, row);
  const state = table.states.get(row);
  return {
    row,
    key,
    route,
    best: table.sources.name(table.bestSource(row)),
    attributes: table.bestAttributes(row),
    stale: table.isBestStale(row),
    state,
    stateReceivedAtMs: table.states.receivedAtMs(row),
    stateFrom: state && table.sources.name(table.states.from(row)),
  };
}

/** Entry of a key's text (`routeKeyText`); undefined when it is none, or not known. */
export function entryOf(table: RouteTable, key: string): RouteEntry | undefined {
  const [service, contactInstance, originator] = key.split(' ');
  if (service === undefined || contactInstance === undefined || originator === undefined) return undefined;
  const row = rowOf(table, { service, contactInstance, originator });
  return row < 0 ? undefined : entryAt(table, row);
}

/** Routes of one service, in no order that means anything. */
export function entriesOf(table: RouteTable, service: ServiceId): RouteEntry[] {
  return table.rowsOf(service).map((row) => entryAt(table, row));
}
