// UPDATE columns from rows and back, and the JSON form of an UPDATE: texts instead of words, objects instead of numbers.
// Off the hot path: recordings, tests and whoever wants to look at a message use it, the router core does not.
import type { ComputeState } from '../model/compute-state.ts';
import { numberToRouterId, routerIdToNumber } from '../model/identity.ts';
import type { RouteKey, ServiceAttributes } from '../model/service-route.ts';
import { rowsToStates, statesToRows } from '../model/state-row.ts';
import { addressesToWords, wordsToAddresses } from '../net/address-words.ts';
import type { ComputeUpdate, ServiceUpdate, UpdateMessage } from './message.ts';

export interface ServiceRow extends RouteKey {
  readonly handle: number;
  /** undefined: the set was malformed. */
  readonly attributes: ServiceAttributes | undefined;
}

/** Sets are told apart by identity. */
export function serviceUpdate(rows: readonly ServiceRow[], withdrawn: readonly number[] = []): ServiceUpdate {
  const sets = [...new Set(rows.map((row) => row.attributes))].filter((set) => set !== undefined);
  return {
    attributeSets: sets,
    handle: Uint32Array.from(rows, (row) => row.handle),
    service: addressesToWords(rows.map((row) => row.service)),
    contactInstance: addressesToWords(rows.map((row) => row.contactInstance)),
    originator: Uint32Array.from(rows, (row) => routerIdToNumber(row.originator)),
    attributeSet: Int32Array.from(rows, ({ attributes }) => (attributes ? sets.indexOf(attributes) : -1)),
    withdrawn: Uint32Array.from(withdrawn),
  };
}

export function serviceRows(update: ServiceUpdate): ServiceRow[] {
  const services = wordsToAddresses(update.service);
  const instances = wordsToAddresses(update.contactInstance);
  return Array.from(update.handle, (handle, row) => ({
    handle,
    service: services[row]!,
    contactInstance: instances[row]!,
    originator: numberToRouterId(update.originator[row]!),
    attributes: update.attributeSets[update.attributeSet[row]!],
  }));
}

export interface ComputeRow {
  readonly handle: number;
  readonly state: ComputeState;
}

export function computeUpdate(rows: readonly ComputeRow[]): ComputeUpdate {
  return { handle: Uint32Array.from(rows, (row) => row.handle), state: statesToRows(rows.map((row) => row.state)) };
}

export function computeRows(update: ComputeUpdate): ComputeRow[] {
  const states = rowsToStates(update.state);
  return Array.from(update.handle, (handle, row) => ({ handle, state: states[row]! }));
}

/** An UPDATE as recordings hold it; the columns stay columns, their elements become texts and plain numbers. */
export interface PlainUpdate extends Omit<UpdateMessage, 'service' | 'compute'> {
  readonly service?: {
    readonly attributeSets: readonly ServiceAttributes[];
    readonly handle: readonly number[];
    readonly service: readonly string[];
    readonly contactInstance: readonly string[];
    readonly originator: readonly string[];
    readonly attributeSet: readonly number[];
    readonly withdrawn: readonly number[];
  };
  readonly compute?: { readonly handle: readonly number[]; readonly state: readonly ComputeState[] };
}

export function toPlainUpdate({ type, service, compute, ...rest }: UpdateMessage): PlainUpdate {
  return {
    type,
    ...(service && {
      service: {
        attributeSets: service.attributeSets,
        handle: [...service.handle],
        service: wordsToAddresses(service.service),
        contactInstance: wordsToAddresses(service.contactInstance),
        originator: Array.from(service.originator, numberToRouterId),
        attributeSet: [...service.attributeSet],
        withdrawn: [...service.withdrawn],
      },
    }),
    ...(compute && { compute: { handle: [...compute.handle], state: rowsToStates(compute.state) } }),
    ...rest,
  };
}

/** Throws `CodedError` `bad-address` when an address is none. */
export function fromPlainUpdate({ type, service, compute, ...rest }: PlainUpdate): UpdateMessage {
  return {
    type,
    ...(service && {
      service: {
        attributeSets: service.attributeSets,
        handle: Uint32Array.from(service.handle),
        service: addressesToWords(service.service),
        contactInstance: addressesToWords(service.contactInstance),
        originator: Uint32Array.from(service.originator, routerIdToNumber),
        attributeSet: Int32Array.from(service.attributeSet),
        withdrawn: Uint32Array.from(service.withdrawn),
      },
    }),
    ...(compute && { compute: { handle: Uint32Array.from(compute.handle), state: statesToRows(compute.state) } }),
    ...rest,
  };
}
