import { describe, expect, it } from 'vitest';
import {
  asScore,
  bandOf,
  bottleneckScore,
  computeScore,
  minMaxScore,
  scoreToCostUs,
  serviceScore,
  sigmoidScore,
} from './score.ts';

describe('score', () => {
  it.each([
    [-3, 0],
    [0.49, 0],
    [0.5, 1],
    [9.5, 10],
    [42, 10],
    [Number.POSITIVE_INFINITY, 10],
    [Number.NaN, 0],
  ])('rounds half up and clamps %d to %d', (raw, score) => {
    expect(asScore(raw)).toBe(score);
  });

  it('has the bands of the metric definition', () => {
    const bands = Array.from({ length: 11 }, (_, score) => bandOf(asScore(score)));
    expect(bands.join(' ')).toBe('low low low low medium medium medium medium high high high');
  });

  it('scales either way round', () => {
    expect(minMaxScore(25, { worst: 0, best: 100 })).toBe(3);
    expect(minMaxScore(25, { worst: 100, best: 0 })).toBe(8);
    expect(sigmoidScore(100, { midpoint: 100, steepness: -0.1 })).toBe(5);
    expect(sigmoidScore(130, { midpoint: 100, steepness: -0.1 })).toBe(0);
  });

  it.each([
    [0, 10],
    [0.7, 10],
    [0.8, 8],
    [0.9, 5],
    [0.97, 3],
    [1.1, 1],
    [5, 1],
  ])('gives utilisation %d the compute score %d: a serving instance is never 0', (utilisation, score) => {
    expect(computeScore(utilisation)).toBe(score);
  });

  it('gives stretch a service score and takes the bottleneck', () => {
    expect(serviceScore(10_000, 10_000)).toBe(10);
    expect(serviceScore(50_000, 10_000)).toBe(5);
    expect(bottleneckScore(asScore(9), asScore(4))).toBe(4);
  });

  it('falls in cost as the score rises', () => {
    const table = [1e6, 5e5, 2e5, 1e5, 5e4, 4e4, 3e4, 2e4, 1e4, 5e3, 1e3];
    const costs = table.map((_, score) => scoreToCostUs(asScore(score), table));
    expect(costs).toEqual(table);
    expect(scoreToCostUs(asScore(10), [7])).toBe(7);
  });
});
