import { describe, expect, it } from 'vitest';
import { affinityText, differInWeightsOnly, sameStructure } from './affinity-text.ts';
import type { AffinityInstance, AffinityService } from './fib.ts';
import { objectFault } from './object-fault.ts';

const instance = (slot: number, weight: number): AffinityInstance => ({
  slot,
  mark: 0x100 + slot,
  weight,
  failed: false,
});
const service: AffinityService = {
  kind: 'affinity',
  service: 'fd00:cafe::80',
  mode: 'flow',
  instances: [instance(1, 400), instance(2, 600)],
  idleTimeoutMs: 300_000,
  closingTimeoutMs: 2000,
};
const weighed = (...instances: AffinityInstance[]): AffinityService => ({ ...service, instances });

describe('services that differ in weights only', () => {
  it.each([
    ['other weights', weighed(instance(1, 0), instance(2, 1000))],
    ['none', weighed(instance(1, 0), instance(2, 0))],
    ['a failed instance', weighed({ ...instance(1, 0), failed: true }, instance(2, 1000))],
  ])('are told at once, and are sound: %s', (_, other) => {
    expect(differInWeightsOnly(service, other)).toBe(true);
    expect(affinityText(other, 'structure')).toBe(affinityText(service, 'structure'));
    expect(objectFault(other)).toBeUndefined();
  });

  it.each([
    ['weights that do not sum to the whole', weighed(instance(1, 400), instance(2, 601))],
    ['a weight below 0', weighed(instance(1, -1), instance(2, 1001))],
    ['half a weight', weighed(instance(1, 0.5), instance(2, 999.5))],
  ])('are left to the check of the whole: %s', (_, other) => {
    expect(differInWeightsOnly(service, other)).toBe(false);
    expect(objectFault(other)).toBeDefined();
  });

  it.each<[string, AffinityService]>([
    ['an instance more', weighed(instance(1, 400), instance(2, 600), instance(3, 0))],
    ['another slot', weighed(instance(1, 400), { ...instance(2, 600), slot: 3 })],
    ['another mark', weighed(instance(1, 400), { ...instance(2, 600), mark: 0x103 })],
    ['another timeout', { ...service, idleTimeoutMs: 60_000 }],
    ['another address', { ...service, service: 'fd00:cafe::81' }],
    ['another mode', { ...service, mode: 'none' }],
  ])('are not those with %s', (_, other) => {
    expect(differInWeightsOnly(service, other)).toBe(false);
    expect(sameStructure(service, other)).toBe(false);
  });
});
