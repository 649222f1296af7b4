// UPDATEs for peers that share an export policy and have read the same: rows are looked up, judged and put into columns
// once, and each peer gets the same message. Only who said a row of it gets its own, because nobody hears his own words.
import type { RouterId } from '../model/identity.ts';
import type { NodeAdvertisement } from '../model/link-state.ts';
import type { ServiceAttributes } from '../model/service-route.ts';
import { stateNumbers } from '../model/state-buffers.ts';
import { STATE_NUMBERS } from '../model/state-row.ts';
import { ADDRESS_WORDS } from '../net/address-words.ts';
import { type ComputeUpdate, type ServiceUpdate, type UpdateMessage, updateOf } from '../session/message.ts';
import type { AdjRibOut } from './adj-rib-out.ts';
import type { RouteTable } from './route-table.ts';

export interface ExportView {
  /** What export policy lets the group hear of a row that is in use; undefined: nothing, withdraw it. */
  attributes(row: number): ServiceAttributes | undefined;
  readonly nodes: Pick<ReadonlyMap<RouterId, NodeAdvertisement>, 'get'>;
}

/** `index`: of the peer among those that were given. */
export type Deliver = (peer: AdjRibOut, update: UpdateMessage, index: number) => void;

const NOBODY = -1;

export class UpdateBatch {
  readonly #table: RouteTable;
  readonly #max: number;
  /** Rows taken for one batch, and what they came to; used again for the next. */
  readonly #routes: Uint32Array;
  readonly #attributes: (ServiceAttributes | undefined)[];
  /** 1: the row's state waits in the log and comes by itself. */
  readonly #ahead: Uint8Array;
  readonly #states: Uint32Array;
  #routeCount = 0;
  #stateCount = 0;
  readonly #said = new Set<number>();

  /** At most `max` rows of each family are taken into one UPDATE. */
  constructor(table: RouteTable, max: number) {
    this.#table = table;
    this.#max = max;
    this.#routes = new Uint32Array(max);
    this.#attributes = new Array<ServiceAttributes | undefined>(max).fill(undefined);
    this.#ahead = new Uint8Array(max);
    this.#states = new Uint32Array(max);
  }

  /**
   * Takes what waits for `peers`, which are of one group and level with the first, and hands each its UPDATE: the same
   * object where it is the same message. False when nothing waited; what nobody may hear costs a call without an UPDATE.
   */
  next(peers: readonly AdjRibOut[], view: ExportView, deliver: Deliver): boolean {
    const leader = peers[0];
    if (leader?.hasDue !== true) return false;
    this.#take(peers, leader, view);
    for (const peer of peers) {
      if (peer === leader) continue;
      this.#table.routeLog.follow(peer.routes, leader.routes);
      this.#table.stateLog.follow(peer.states, leader.states);
    }
    const others = peers.filter((peer) => !this.#said.has(peer.source));
    const shared = others.length > 0 ? this.#compose(others, NOBODY, leader.repeatedFrom) : undefined;
    for (const [index, peer] of peers.entries()) {
      const rows = this.#said.has(peer.source) ? this.#compose([peer], peer.source, leader.repeatedFrom) : shared!;
      const update = peer.hasExtras ? withExtras(rows, peer, view, this.#max) : rows;
      if (update.service || update.compute || update.linkState || update.endOfRib) deliver(peer, update, index);
    }
    return true;
  }

  #take(peers: readonly AdjRibOut[], leader: AdjRibOut, view: ExportView): void {
    const table = this.#table;
    const said = this.#said;
    said.clear();
    // Who hears nothing of all this needs no UPDATE of its own for not hearing its own words.
    let isHeard = peers.some((peer) => peer.advertised.size > 0);
    this.#routeCount = leader.takeRoutes(this.#routes, this.#max);
    for (let i = 0; i < this.#routeCount; i++) {
      const row = this.#routes[i]!;
      const used = table.isUsed(row);
      const attributes = used ? view.attributes(row) : undefined;
      this.#attributes[i] = attributes;
      if (attributes === undefined) continue;
      isHeard = true;
      this.#ahead[i] = table.stateLog.isAhead(leader.states, row) ? 1 : 0;
      said.add(table.bestSource(row));
    }
    this.#stateCount = leader.takeStates(this.#states, this.#max);
    if (!isHeard) this.#stateCount = 0;
    for (let i = 0; i < this.#stateCount; i++)
      if (table.states.has(this.#states[i]!)) said.add(table.states.from(this.#states[i]!));
  }

  /** Columns for `peers`, who are not to hear what `silent` said, and note of what they know now. */
  #compose(peers: readonly AdjRibOut[], silent: number, repeatedFrom: number): UpdateMessage {
    const table = this.#table;
    const withCompute = peers[0]!.families.has('compute');
    const told: number[] = [];
    const withdrawn: number[] = [];
    const states: number[] = [];
    for (let i = 0; i < this.#routeCount; i++) {
      const row = this.#routes[i]!;
      let differs = false;
      if (this.#attributes[i] === undefined || table.bestSource(row) === silent) {
        for (const peer of peers) differs = peer.advertised.delete(row) || differs;
        if (differs) withdrawn.push(row + 1);
        continue;
      }
      told.push(i);
      for (const peer of peers) differs = peer.advertised.add(row) || differs;
      // Its state passed by before the peer knew the route.
      if (withCompute && (differs || i >= repeatedFrom) && this.#ahead[i] === 0 && table.states.has(row))
        states.push(row);
    }
    for (let i = 0; i < this.#stateCount; i++) {
      const row = this.#states[i]!;
      if (table.states.has(row) && peers.some((peer) => peer.advertised.has(row))) states.push(row);
    }
    const service = told.length + withdrawn.length > 0 ? this.#serviceColumns(told, withdrawn) : undefined;
    const heard = silent === NOBODY ? states : states.filter((row) => table.states.from(row) !== silent);
    const compute = heard.length > 0 ? this.#computeColumns(heard) : undefined;
    return updateOf(service, compute);
  }

  #serviceColumns(told: readonly number[], withdrawn: readonly number[]): ServiceUpdate {
    const table = this.#table;
    const rows = told.length;
    const update = {
      handle: new Uint32Array(rows),
      service: new Uint32Array(rows * ADDRESS_WORDS),
      contactInstance: new Uint32Array(rows * ADDRESS_WORDS),
      originator: new Uint32Array(rows),
      attributeSet: new Int32Array(rows),
      withdrawn: Uint32Array.from(withdrawn),
    };
    const sets = new Map<ServiceAttributes, number>();
    let last: ServiceAttributes | undefined;
    let index = -1;
    for (let i = 0; i < rows; i++) {
      const row = this.#routes[told[i]!]!;
      const attributes = this.#attributes[told[i]!]!;
      if (attributes !== last) {
        last = attributes;
        index = sets.get(attributes) ?? sets.size;
        sets.set(attributes, index);
      }
      update.handle[i] = row + 1;
      table.services.copyWords(table.service(row), update.service, i * ADDRESS_WORDS);
      table.copyInstance(row, update.contactInstance, i * ADDRESS_WORDS);
      update.originator[i] = table.originator(row);
      update.attributeSet[i] = index;
    }
    const { handle, service, contactInstance, originator, attributeSet } = update;
    const attributeSets = [...sets.keys()];
    return { attributeSets, handle, service, contactInstance, originator, attributeSet, withdrawn: update.withdrawn };
  }

  #computeColumns(rows: readonly number[]): ComputeUpdate {
    const handle = new Uint32Array(rows.length);
    const state = stateNumbers(rows.length * STATE_NUMBERS);
    for (let i = 0; i < rows.length; i++) {
      handle[i] = rows[i]! + 1;
      this.#table.states.copy(rows[i]!, state, i * STATE_NUMBERS);
    }
    return { handle, state };
  }
}

/** Link state and markers go with whatever rows there are. */
function withExtras(update: UpdateMessage, peer: AdjRibOut, view: ExportView, max: number): UpdateMessage {
  const nodes = peer.takeNodes(view.nodes, max);
  const endOfRib = peer.takeEndOfRib();
  return {
    ...update,
    ...(nodes.length > 0 && { linkState: { nodes } }),
    ...(endOfRib.length > 0 && { endOfRib }),
  };
}
