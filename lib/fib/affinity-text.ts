// An affinity service as a text: equal for services that steer alike, and, without the weights, for services whose rules
// are the same. For comparison only.
import { matchText } from '../model/traffic-match.ts';
import { classesOf, leavesTrace, type NamedClass } from './affinity-classes.ts';
import { WEIGHT_TOTAL } from './affinity-weights.ts';
import type { AffinityService } from './fib.ts';

/** Whole seconds, at least one: the grain in which the kernel's tools report set timeouts. */
export function timeoutSeconds(timeoutMs: number): number {
  return Math.max(1, Math.ceil(timeoutMs / 1000));
}

/**
 * What was seen is noted at most once in an eighth of the idle timeout, since to renew an entry costs as much as to look one
 * up; for that long is an entry of those that were noted.
 */
export function recentSeconds(idleTimeoutMs: number): number {
  return Math.ceil(timeoutSeconds(idleTimeoutMs) / 8);
}

/** How long a noted flow or client is kept: so that it is at least the idle timeout from the last packet on. */
export function keptSeconds(idleTimeoutMs: number): number {
  return timeoutSeconds(idleTimeoutMs) + recentSeconds(idleTimeoutMs);
}

/** The idle timeout of `keptSeconds`, in milliseconds; 0 of 0. */
export function idleTimeoutOf(keptMs: number): number {
  return Math.floor((keptMs * 8) / 9000) * 1000;
}

/** `failed` is an act, not a state, and left out. */
export function affinityText(service: AffinityService, part: 'all' | 'structure' = 'all'): string {
  // What leaves nothing in nftables is alike.
  if (!leavesTrace(service)) return `affinity ${service.service} none`;
  const [own, ...named] = classesOf(service).map((one) => classText(one, part));
  const rules = (service.classifier ?? []).map((rule) => `${matchText(rule.match)} -> ${rule.class}`);
  return `affinity ${service.service} ${[own, ...named.sort()].join(' | ')} [${rules.join('; ')}]`;
}

/** True when nothing but weights differs: the rules of one are the rules of the other. */
export function sameStructure(a: AffinityService, b: AffinityService): boolean {
  return a === b || differInWeightsOnly(a, b) || affinityText(a, 'structure') === affinityText(b, 'structure');
}

/**
 * The usual change, told without texts: it is on the way from a load report to the kernel. True: the service is as sound as it
 * was, and its weights are. False may still be alike.
 */
export function differInWeightsOnly(a: AffinityService, b: AffinityService): boolean {
  if (a.mode !== 'flow' || b.mode !== 'flow' || a.service !== b.service) return false;
  if (a.classes !== b.classes || a.classifier !== b.classifier) return false;
  if (a.idleTimeoutMs !== b.idleTimeoutMs || a.closingTimeoutMs !== b.closingTimeoutMs) return false;
  if (a.clientBits !== b.clientBits || a.mark !== b.mark || a.instances.length !== b.instances.length) return false;
  let sum = 0;
  for (let i = 0; i < b.instances.length; i++) {
    const { slot, mark, weight } = b.instances[i]!;
    if (slot !== a.instances[i]!.slot || mark !== a.instances[i]!.mark) return false;
    if (!Number.isInteger(weight) || weight < 0) return false;
    sum += weight;
  }
  return sum === 0 || sum === WEIGHT_TOTAL;
}

function classText(one: NamedClass, part: 'all' | 'structure'): string {
  const { name, mode, instances, idleTimeoutMs, closingTimeoutMs, clientBits, mark } = one;
  // Without instances there is no rule that tells the modes apart: the main table has the packets of the service's own class.
  if (mode !== 'bucket' && instances.length === 0) return `${name} ${name === '' ? 'bucket main' : 'nobody'}`;
  if (mode === 'bucket') return `${name} bucket ${mark ?? 'main'}`;
  const shares = instances.map((it) => `${it.slot}:${it.mark}${part === 'all' ? `=${it.weight}` : ''}`).sort();
  if (mode === 'none') return `${name} hash ${shares.join(',')}`;
  if (mode === 'client')
    return `${name} client/${clientBits ?? 'all'} ${shares.join(',')} ${timeoutSeconds(idleTimeoutMs)}`;
  return `${name} flow ${shares.join(',')} ${timeoutSeconds(idleTimeoutMs)}/${timeoutSeconds(closingTimeoutMs)}`;
}
