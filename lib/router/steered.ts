// The classes of the services that this router steers, as its configuration has them: each decides for itself.
import type { RouterConfig } from '../config/config.ts';
import type { ServiceId } from '../model/identity.ts';
import { QUIET } from '../time/debounce.ts';
import type { Steered } from './state.ts';

/** `name` empty: the service's own class. */
export function classKey(service: ServiceId, name: string): string {
  return name === '' ? service : `${service} ${name}`;
}

/** By service: its own class first, then each class that its classifier names. Empty without the role C-PS. */
export function createSteered(config: RouterConfig, atMs: number): Map<ServiceId, readonly Steered[]> {
  const classes = new Map<ServiceId, readonly Steered[]>();
  if (!config.roles.includes('c-ps')) return classes;
  for (const { service, class: own, classify } of config.steering.services) {
    const named = new Set(classify.map((rule) => rule.class).filter((name) => name !== own));
    const all = ['', ...named].flatMap((name): Steered[] => {
      const found = config.steering.classes.find((it) => it.name === (name === '' ? own : name));
      if (found === undefined) return [];
      return [
        {
          key: classKey(service, name),
          service,
          name,
          class: found,
          decision: undefined,
          programmed: new Map(),
          spread: undefined,
          debounce: QUIET,
          timerAtMs: Number.POSITIVE_INFINITY,
          timerCause: 'start',
          decisions: 0,
          firstAtMs: Number.POSITIVE_INFINITY,
          changedAtMs: atMs,
        },
      ];
    });
    classes.set(service, all);
  }
  return classes;
}
