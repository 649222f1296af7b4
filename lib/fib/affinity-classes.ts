// A service seen as its classes: itself first, under the empty name, then those that its classifier names. Everything
// that differs from class to class is asked here, so that nobody else treats the service itself as a special case.
import {
  classNames,
  clientSet,
  closingSet,
  keepChain,
  learnChain,
  liveSet,
  recentClientSet,
  recentSet,
  serviceChains,
  shareSet,
} from './affinity-names.ts';
import type { AffinityClass, AffinityInstance, AffinityService } from './fib.ts';

export type NamedClass = AffinityClass & { readonly name: string };

/** The service itself under the empty name, then its classes in their order. */
export function classesOf(service: AffinityService): readonly NamedClass[] {
  return [{ ...service, name: '' }, ...(service.classes ?? [])];
}

/** Instances of all classes; slots among them are unique. */
export function instancesOf(service: AffinityService): readonly AffinityInstance[] {
  if (service.classes === undefined) return service.instances;
  return classesOf(service).flatMap((one) => one.instances);
}

/** False: nftables has nothing to do for it, because a resilient group does all. */
export function leavesTrace(service: AffinityService): boolean {
  return service.mode !== 'bucket' || (service.classes ?? []).length > 0;
}

/** The service with each class' instances replaced by what `change` makes of them. */
export function mapInstances(
  service: AffinityService,
  change: (instance: AffinityInstance) => AffinityInstance,
): AffinityService {
  const instances = service.instances.map(change);
  if (service.classes === undefined) return { ...service, instances };
  return {
    ...service,
    instances,
    classes: service.classes.map((it) => ({ ...it, instances: it.instances.map(change) })),
  };
}

/** Names of the sets in which a class remembers what one slot has. */
export function setsOf({ mode }: AffinityClass, slot: number): string[] {
  return learnedSets(mode, slot).map(({ name }) => name);
}

function learnedSets(mode: AffinityClass['mode'], slot: number): ServiceParts['sets'] {
  if (mode === 'client')
    return [clientSet(slot), recentClientSet(slot)].map((name) => ({ name, key: 'client' }) as const);
  if (mode !== 'flow') return [];
  const flows = [liveSet(slot), closingSet(slot)].map((name) => ({ name, key: 'flow' }) as const);
  return [...flows, { name: recentSet(slot), key: 'raw-flow' }];
}

/** Sets of the instances that have failed. */
export function forgottenSets(service: AffinityService): string[] {
  if (!instancesOf(service).some(({ failed }) => failed)) return [];
  return classesOf(service).flatMap((one) =>
    one.instances.filter((instance) => instance.failed).flatMap(({ slot }) => setsOf(one, slot)),
  );
}

/** Everything of a service in our table that has a name, but for its entry in the services' map. */
export interface ServiceParts {
  readonly sets: readonly { readonly name: string; readonly key: 'flow' | 'raw-flow' | 'client' | 'share' }[];
  readonly chains: readonly string[];
  readonly counters: readonly string[];
}

export function partsOf(service: AffinityService): ServiceParts {
  const { main, finish, classes } = serviceChains(service.service);
  const all = classesOf(service);
  const names = all.map(({ name }) => classNames(service.service, name));
  const learn = all.flatMap(({ name, instances }) =>
    instances.map(({ slot }) => learnChain(service.service, slot, name)),
  );
  const keep = all.flatMap(({ name, mode, instances }) =>
    mode === 'flow' || mode === 'client' ? instances.map(({ slot }) => keepChain(service.service, slot, name)) : [],
  );
  const decide = names.map((it) => it.decide);
  const shares = all.flatMap(({ instances }) =>
    instances.map(({ slot }) => ({ name: shareSet(slot), key: 'share' }) as const),
  );
  return {
    sets: [
      ...all.flatMap(({ mode, instances }) => instances.flatMap(({ slot }) => learnedSets(mode, slot))),
      ...shares,
    ],
    chains: [main, finish, ...(all.length > 1 ? [classes] : []), ...decide, ...learn, ...keep],
    counters: names.map(({ counter }) => counter),
  };
}
