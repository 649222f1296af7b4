// Rows of `show flows` and `show drains`: what affinity holds, and what is left of drains.
import type { DrainView, FlowView } from '../../model/view.ts';
import { entryOf } from '../../rib/route-entry.ts';
import type { RouterState } from '../state.ts';
import { wallMs } from '../turn.ts';
import { serviceName } from './services.ts';

/** `counts`: by slot, as the forwarding plane counts them. */
export function flowRows(state: RouterState, counts: ReadonlyMap<number, number>): FlowView[] {
  return [...state.classes.values()].flat().flatMap((steered) =>
    [...steered.programmed].map(([key, { slot, failedAtMs }]): FlowView => {
      const { service, class: serviceClass, decision } = steered;
      const attributes = entryOf(state.table, key)?.attributes;
      return {
        service,
        serviceName: serviceName(state, service),
        class: serviceClass.name,
        contactInstance: contactInstanceOf(key),
        instanceName: attributes?.instanceName ?? '',
        site: attributes?.site ?? '',
        slot,
        weight: failedAtMs === undefined ? (decision?.weights[key] ?? 0) : 0,
        flows: counts.get(slot) ?? 0,
        state:
          failedAtMs === undefined ? (state.drains.get(key)?.phase ?? (attributes?.drain ? 'draining' : '')) : 'failed',
      };
    }),
  );
}

export function drainRows(state: RouterState): DrainView[] {
  return [...state.drains].map(([key, drain]): DrainView => {
    const { service, contactInstance, sid, sinceMs, deadlineMs, movedAtMs, flows, packets, phase } = drain;
    return {
      service,
      serviceName: serviceName(state, service),
      contactInstance,
      instanceName:
        entryOf(state.table, key)?.attributes.instanceName ??
        state.instances.get(`${service} ${contactInstance}`)?.config.instanceName ??
        '',
      local: sid !== undefined,
      state: phase,
      sinceMs: wallMs(state, sinceMs),
      deadlineMs: Number.isFinite(deadlineMs) ? wallMs(state, deadlineMs) : 0,
      ...(flows !== undefined && { flows }),
      ...(sid !== undefined && packets !== undefined && { silentMs: Math.round(state.atMs - movedAtMs) }),
    };
  });
}

function contactInstanceOf(key: string): string {
  return key.split(' ')[1] ?? '';
}
