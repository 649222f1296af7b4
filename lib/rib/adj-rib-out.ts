// What one peer is to hear: the keys whose newest value has not been sent yet, and the handles under which it knows the
// rest. State is conflated per key, so a slow peer costs one slot a key and reads only the newest (DESIGN section 4).

import type { ComputeState } from '../model/compute-state.ts';
import type { Family, RouterId } from '../model/identity.ts';
import type { NodeAdvertisement } from '../model/link-state.ts';
import type { RouteKey, ServiceAttributes } from '../model/service-route.ts';
import { HandleAllocator } from '../session/handles.ts';
import type { ServiceUpdate, UpdateMessage } from '../session/message.ts';

/** What export policy lets the peer see of a route now; undefined: nothing, withdraw it. */
export interface Exported {
  readonly route: RouteKey;
  readonly attributes: ServiceAttributes;
  readonly state: ComputeState | undefined;
}

export interface ExportView {
  route(key: string): Exported | undefined;
  node(router: RouterId): NodeAdvertisement | undefined;
}

interface Advertised {
  /** undefined: to be sent again. */
  attributes: ServiceAttributes | undefined;
  sequence: number;
}

export class AdjRibOut {
  readonly families: ReadonlySet<Family>;
  readonly #advertised = new Map<string, Advertised>();
  readonly #pendingRoutes = new Set<string>();
  readonly #pendingStates = new Set<string>();
  readonly #pendingNodes = new Set<RouterId>();
  readonly #pendingEndOfRib = new Set<Family>();
  readonly #handles = new HandleAllocator<string>();

  constructor(families: Iterable<Family>) {
    this.families = new Set(families);
  }

  get advertisedCount(): number {
    return this.#advertised.size;
  }

  get pendingCount(): number {
    return this.#pendingRoutes.size + this.#pendingStates.size + this.#pendingNodes.size + this.#pendingEndOfRib.size;
  }

  isAdvertised(key: string): boolean {
    return this.#advertised.has(key);
  }

  routeChanged(key: string): void {
    if (this.families.has('service')) this.#pendingRoutes.add(key);
  }

  stateChanged(key: string): void {
    if (this.families.has('compute')) this.#pendingStates.add(key);
  }

  nodeChanged(router: RouterId): void {
    if (this.families.has('link-state')) this.#pendingNodes.add(router);
  }

  /** Marks the set of these families complete once everything pending is out; families not negotiated are passed over. */
  endOfRib(families: readonly Family[]): void {
    for (const family of families) if (this.families.has(family)) this.#pendingEndOfRib.add(family);
  }

  /** What was sent counts as unsent: the next drain repeats it under the same handles (route refresh). */
  forget(): void {
    for (const known of this.#advertised.values()) {
      known.attributes = undefined;
      known.sequence = -1;
    }
  }

  /** Drains at most `maxRows` changes into one UPDATE; undefined when nothing is pending. End-of-RIB comes last. */
  next(view: ExportView, maxRows: number): UpdateMessage | undefined {
    // Keys that turn out to be of no interest to this peer cost a round, not a message.
    while (this.pendingCount > 0) {
      const update = this.#drain(view, { rows: maxRows });
      if (update !== undefined) return update;
    }
    return undefined;
  }

  #drain(view: ExportView, budget: { rows: number }): UpdateMessage | undefined {
    const service = this.#drainRoutes(view, budget);
    const compute = this.#drainStates(view, budget);
    const nodes = this.#drainNodes(view, budget);
    const complete = this.#pendingRoutes.size + this.#pendingStates.size + this.#pendingNodes.size === 0;
    const endOfRib = complete ? [...this.#pendingEndOfRib] : [];
    if (complete) this.#pendingEndOfRib.clear();
    if (service === undefined && compute.handle.length === 0 && nodes.length === 0 && endOfRib.length === 0)
      return undefined;
    return {
      type: 'UPDATE',
      ...(service && { service }),
      ...(compute.handle.length > 0 && { compute }),
      ...(nodes.length > 0 && { linkState: { nodes } }),
      ...(endOfRib.length > 0 && { endOfRib }),
    };
  }

  #drainRoutes(view: ExportView, budget: { rows: number }): ServiceUpdate | undefined {
    const sets = new Map<ServiceAttributes, number>();
    const handle: number[] = [];
    const routes: RouteKey[] = [];
    const attributeSet: number[] = [];
    const withdrawn: number[] = [];
    for (const key of this.#pendingRoutes) {
      if (budget.rows-- <= 0) break;
      this.#pendingRoutes.delete(key);
      const exported = view.route(key);
      const known = this.#advertised.get(key);
      if (exported === undefined) {
        if (known === undefined) continue;
        withdrawn.push(this.#handles.release(key)!);
        this.#advertised.delete(key);
        this.#pendingStates.delete(key);
        continue;
      }
      if (known?.attributes === exported.attributes) continue;
      this.#advertised.set(key, { attributes: exported.attributes, sequence: known?.sequence ?? -1 });
      if (exported.state !== undefined) this.stateChanged(key);
      const index = sets.get(exported.attributes) ?? sets.size;
      sets.set(exported.attributes, index);
      handle.push(this.#handles.assign(key));
      routes.push(exported.route);
      attributeSet.push(index);
    }
    if (handle.length === 0 && withdrawn.length === 0) return undefined;
    return {
      attributeSets: [...sets.keys()],
      handle,
      service: routes.map((route) => route.service),
      contactInstance: routes.map((route) => route.contactInstance),
      originator: routes.map((route) => route.originator),
      attributeSet,
      withdrawn,
    };
  }

  #drainStates(view: ExportView, budget: { rows: number }): { handle: number[]; state: ComputeState[] } {
    const handle: number[] = [];
    const state: ComputeState[] = [];
    for (const key of this.#pendingStates) {
      if (budget.rows-- <= 0) break;
      this.#pendingStates.delete(key);
      const known = this.#advertised.get(key);
      const newest = view.route(key)?.state;
      if (known === undefined || newest === undefined || newest.sequence <= known.sequence) continue;
      known.sequence = newest.sequence;
      handle.push(this.#handles.assign(key));
      state.push(newest);
    }
    return { handle, state };
  }

  #drainNodes(view: ExportView, budget: { rows: number }): NodeAdvertisement[] {
    const nodes: NodeAdvertisement[] = [];
    for (const router of this.#pendingNodes) {
      if (budget.rows-- <= 0) break;
      this.#pendingNodes.delete(router);
      const node = view.node(router);
      if (node !== undefined) nodes.push(node);
    }
    return nodes;
  }
}
