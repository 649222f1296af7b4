import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type DemoDocument, documentFaults } from './document.ts';

/** Printed by `scripts/demo --json` on a machine of two cores. */
const recorded = (): DemoDocument => JSON.parse(readFileSync(join(import.meta.dirname, 'fixture/run.json'), 'utf8'));

describe('the document of a real run', () => {
  test('has the shape that DESIGN section 14 promises', () => {
    expect(documentFaults(recorded())).toEqual([]);
  });

  test('tells the whole story in its order', () => {
    expect(recorded().phases.map(({ name }) => name)).toEqual(['steady', 'busy', 'relieved', 'path', 'cut', 'return']);
  });

  test('counts flows, latency and lists that were there', () => {
    const { phases, latencyUs, segmentLists, wallSeconds } = recorded();
    for (const { requests, newFlows } of phases) {
      const [asked, opened] = [requests, newFlows].map((counts) => Object.values(counts).reduce((a, b) => a + b, 0));
      expect(opened).toBeGreaterThan(0);
      expect(asked).toBeGreaterThanOrEqual(opened!);
    }
    expect(latencyUs['receive-to-kernel']!.n).toBeGreaterThan(0);
    expect(segmentLists.every(({ list, service }) => list.length > 0 && service === 'web')).toBe(true);
    expect(wallSeconds).toBeLessThan(60);
  });
});

describe('the check', () => {
  test.each([
    ['a missing key', (it: DemoDocument) => ({ ...it, leftOut: undefined }), 'leftOut'],
    ['a key that nobody promised', (it: DemoDocument) => ({ ...it, extra: 1 }), 'extra'],
    [
      'a count that is no number',
      (it: DemoDocument) => ({ ...it, phases: [{ ...it.phases[0], requests: { sv1: '12' } }] }),
      'phases.0.requests.sv1',
    ],
    [
      'a negative outage',
      (it: DemoDocument) => ({ ...it, phases: [{ ...it.phases[0], resumedAfterMs: -1 }] }),
      'phases.0.resumedAfterMs',
    ],
    [
      'an empty segment list',
      (it: DemoDocument) => ({ ...it, segmentLists: [{ ...it.segmentLists[0], list: [] }] }),
      'list',
    ],
    ['a text', () => 'document', '(root)'],
  ])('refuses %s and names it', (_what, damage, place) => {
    expect(documentFaults(damage(recorded())).join('\n')).toContain(place);
  });
});
