import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ServiceCounts } from './service-counts.ts';

const LIMITS = { services: 3, instancesPerService: 4, warnPercent: 75 };
const words = (service: number) => Uint32Array.of(0, 0, 0, 0, 0xfd00_0000, 0, 0, service);

test('counts what the last word under each handle leaves, whatever came before', () => {
  const step = fc.record({ handle: fc.nat(9), service: fc.nat(4), forget: fc.boolean(), truncate: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const counts = new ServiceCounts(LIMITS);
      const model = new Map<number, number>();
      for (const { handle, service, forget, truncate } of steps) {
        const after = new Map(model);
        if (forget) after.delete(handle);
        else after.set(handle, service);
        const sizes = sizesOf(after);
        if (!forget) {
          const count = sizes.get(service)!;
          const grows = model.get(handle) !== service;
          const tooMany = count > LIMITS.instancesPerService || (count === 1 && sizes.size > LIMITS.services);
          expect(counts.refuses(handle, words(service), 4)).toBe(grows && tooMany);
          if (truncate && grows && tooMany) continue;
        }
        if (forget) counts.forget(handle);
        else counts.announce(handle, words(service), 4);
        model.clear();
        for (const [key, value] of after) model.set(key, value);
        expect(counts.services).toBe(sizes.size);
        expect(counts.near).toBe([...sizes.values()].filter((size) => size >= 3).length);
        expect(counts.beyond).toBe([...sizes.values()].filter((size) => size > 4).length);
      }
    }),
  );
});

function sizesOf(model: ReadonlyMap<number, number>): Map<number, number> {
  const sizes = new Map<number, number>();
  for (const service of model.values()) sizes.set(service, (sizes.get(service) ?? 0) + 1);
  return sizes;
}
