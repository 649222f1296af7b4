import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import {
  absolute,
  allowedProcessors,
  choice,
  comparison,
  interleave,
  median,
  NO_BOUND,
  percentile,
  round,
  table,
} from './report.ts';

describe('reports', () => {
  it('know the processors that they may use', () => {
    const allowed = allowedProcessors();
    expect(allowed).toHaveLength(availableParallelism());
    expect([...new Set(allowed)].sort((a, b) => a - b)).toEqual(allowed);
  });

  it('take medians and percentiles between ranks', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(percentile([10, 20, 30, 40, 50], 99)).toBeCloseTo(49.6);
    expect(percentile([], 50)).toBeNaN();
  });

  it('let the sides take turns at going first', async () => {
    const order: string[] = [];
    const side = (name: string) => () => order.push(name);
    const rounds = await interleave(3, side('ours'), side('peer'));
    expect(order).toEqual(['ours', 'peer', 'peer', 'ours', 'ours', 'peer']);
    expect(rounds).toHaveLength(3);
  });

  it('judge the median of the ratios, not the ratio of the medians', () => {
    const row = { id: 'x', what: 'x', unit: '1/s', peerName: 'C', method: '' };
    const rounds = [
      { ours: 100, peer: 100 },
      { ours: 10, peer: 20 },
      { ours: 90, peer: 100 },
    ];
    expect(comparison({ ...row, better: 'higher', target: 0.85 }, rounds)).toMatchObject({
      ours: 90,
      peer: 100,
      ratio: 0.9,
      pass: true,
    });
    expect(comparison({ ...row, better: 'lower', target: 0.85 }, rounds)).toMatchObject({ pass: false });
    expect(absolute({ ...row, ours: 5, better: 'lower', target: 5 })).toMatchObject({ pass: true });
  });

  it('choose rows by a piece of their ids', () => {
    const bench = { summary: '', ids: ['end', 'usid-end', 'dt6'], run: () => Promise.reject(new Error('not run')) };
    const chosen = (only?: string) => bench.ids.filter(choice(bench, only));
    expect([chosen(), chosen('end'), chosen('usid')]).toEqual([bench.ids, ['end', 'usid-end'], ['usid-end']]);
    expect(() => choice(bench, 'x')).toThrow('no row has "x" in its id: end, usid-end, dt6');
    const { ids, ...whole } = bench;
    expect(choice(whole, undefined)('any')).toBe(true);
    expect(() => choice(whole, 'end')).toThrow('--only does not go with it');
  });

  it('round to what the figure is worth', () => {
    expect([round(123456.7), round(0.123456), round(12.345)]).toEqual([123457, 0.123, 12.3]);
  });

  it('print a table with the verdict of each row', () => {
    const row = {
      id: 'x.1',
      what: 'things',
      unit: '1/s',
      ours: 5,
      better: 'higher',
      target: 6,
      pass: false,
      method: '',
    } as const;
    expect(table({ bench: 'x', machine: 'm', rows: [row] })).toMatch(/^x\.1 +things +5 +- +1\/s +- +>= 6 +FAIL$/m);
    const unbound = absolute({ ...row, better: 'lower', target: NO_BOUND });
    expect(table({ bench: 'x', machine: 'm', rows: [unbound] })).toMatch(/^x\.1 +things +5 +- +1\/s +- +-$/m);
    expect(JSON.parse(JSON.stringify(unbound))).toMatchObject({ ours: 5, target: null, pass: true });
  });
});
