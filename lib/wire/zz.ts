import { numberToRouterId } from '../model/identity.ts';
import { bytesToAddress } from '../net/address.ts';
import { decodeFrame, encodeFrame } from './frame.ts';

const score = (n: number) => n as never;
const make = (n: number) => {
  const addr = (i: number, p: number) =>
    bytesToAddress(Uint8Array.of(0xfd, p, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, i >> 16, i >> 8, i));
  const r = Array.from({ length: n }, (_, i) => i);
  const svc = {
    attributeSets: Array.from({ length: 4 }, (_, i) => ({
      egressSid: addr(i, 9),
      sidStructure: { block: 32, node: 16, function: 16, argument: 0 },
      behaviour: 18,
      sitePath: ['site-1'],
      clusterList: [],
      site: 'site-1',
      serviceName: 'x',
      instanceName: 'y',
      classes: ['a'],
      capabilities: [],
      region: 'r',
      residency: [],
      priceMicros: 5,
      carbon: 1,
      energy: 2,
      securityLevel: 1,
      preference: 100,
      drain: false,
      validForMs: 1,
    })),
    handle: r.map((i) => i + 1),
    service: r.map((i) => addr(i % 50, 1)),
    contactInstance: r.map((i) => addr(i, 2)),
    originator: r.map((i) => numberToRouterId(0x0a000001 + (i % 64))),
    attributeSet: r.map((i) => i % 4),
    withdrawn: [],
  };
  const cmp = {
    handle: r.map((i) => i + 1),
    state: r.map((i) => ({
      sequence: 1.7e12 + i,
      score: score(i % 11),
      computeScore: score(5),
      serviceScore: score(i % 7),
      serviceTimeUs: 300 + ((i * 37) % 90000),
      workTimeUs: 4000 + i,
      spareCapacity: i % 100,
      inFlight: i % 20,
      arrivalRate: i % 300,
      workers: 8,
      source: 'measured' as const,
      statistic: 'mean' as const,
      windowMs: 1000,
      measuredAtMs: 1.7e12 + (i % 100),
      validForMs: 180000,
    })),
  };
  return { service: { type: 'UPDATE' as const, service: svc }, compute: { type: 'UPDATE' as const, compute: cmp } };
};
for (const n of [1, 100, 1000])
  for (const kind of ['service', 'compute'] as const) {
    const m = make(n)[kind];
    const per = Math.round(100000 / n);
    const e: number[] = [],
      d: number[] = [];
    let b = encodeFrame(m);
    for (let round = 0; round < 9; round++) {
      let t = process.hrtime.bigint();
      for (let i = 0; i < per; i++) b = encodeFrame(m);
      let z = process.hrtime.bigint();
      e.push(Number(z - t) / per / n);
      t = process.hrtime.bigint();
      for (let i = 0; i < per; i++) decodeFrame(b);
      z = process.hrtime.bigint();
      d.push(Number(z - t) / per / n);
    }
    const med = (a: number[]) =>
      a
        .slice(2)
        .sort((x, y) => x - y)[3]!
        .toFixed(0);
    console.log(kind, n, 'bytes/route', (b.length / n).toFixed(1), 'enc', med(e), 'dec', med(d));
  }
