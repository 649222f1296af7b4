// Drains that end: of an own contact instance when its SID is silent, of one elsewhere when no flow of this ingress is left,
// of either when its time is up.
import { beforeEach, describe, expect, test } from 'vitest';
import { parseConfig } from '../config/parse.ts';
import type { RouterEventBody } from './event.ts';
import { Simulation } from './simulation.fixture.ts';
import { drainRows, flowRows } from './view/flows.ts';

const WEB = 'fd00:cafe::80';
const CONTACT = 'fd00:4::80';

let simulation: Simulation;
/** What the forwarding planes would count. */
let flows: number | undefined;
let packets: number;

beforeEach(() => {
  simulation = new Simulation();
  const common = (name: string, id: number, far: number) => `
name: ${name}
site: site-${name}
router-id: 10.0.0.${id}
security: plaintext
services: { web: "${WEB}" }
srv6: { locator: "5f00:0:${id}::/48" }
links: [ { name: e1, neighbour: 10.0.0.${far}, local-address: "fd00:1::${id}", remote-address: "fd00:1::${far}" } ]
peers: [ { name: ${name === 'in' ? 'eg' : 'in'}, address: "fd00:1::${far}" } ]`;
  const texts = [
    `${common('in', 1, 4)}\nsteering: { services: [ { service: web } ], blackout: 0s }`,
    `${common('eg', 4, 1)}\ninstances: [ { name: sv4, service: web, address: "${CONTACT}", sid: "5f00:0:4:80::", metrics: { kind: push }, valid-for: 600s } ]`,
  ];
  for (const text of texts) {
    const parsed = parseConfig(text);
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
    simulation.add(parsed.config);
  }
  for (const name of ['in', 'eg']) simulation.start(name);
  simulation.run(400);
  simulation.post('eg', {
    type: 'instance-report',
    service: WEB,
    contactInstance: CONTACT,
    report: { wallMs: 1_790_000_000_000 + simulation.atMs, workers: 4, workTimeUs: 4000, inFlight: 0, arrivalRate: 10 },
  });
  simulation.run(1600);
  flows = 3;
  packets = 100;
  simulation.onMeasure = (name, slots, sids) => {
    simulation.later(0.1, () =>
      simulation.post(name, {
        type: 'drains-measured',
        flows: flows === undefined ? [] : slots.map((slot) => [slot, flows!] as const),
        packets: sids.map((sid) => [sid, packets] as const),
      }),
    );
  };
});

const drain = (name: string, bounds: Partial<Extract<RouterEventBody, { type: 'drain' }>> = {}) =>
  simulation.post(name, { type: 'drain', service: WEB, contactInstance: CONTACT, drain: true, ...bounds });
const state = (name: string) => simulation.node(name).router.state!;
const row = (name: string) => drainRows(state(name))[0];

describe('of a contact instance elsewhere', () => {
  test('ends when this ingress has no flow there any more, and says how many are left until then', () => {
    drain('in');
    simulation.run(1100);
    expect(row('in')).toMatchObject({ local: false, state: 'draining', flows: 3, instanceName: 'sv4' });
    expect(flowRows(state('in'), new Map())[0]).toMatchObject({ weight: 0, state: 'draining' });
    flows = 0;
    simulation.run(1100);
    expect(row('in')).toMatchObject({ state: 'drained', flows: 0 });
    // Nothing is asked any more; undone, it takes flows again.
    flows = 7;
    simulation.run(3000);
    expect(row('in')).toMatchObject({ state: 'drained', flows: 0 });
    drain('in', { drain: false });
    simulation.run(2000);
    expect(row('in')).toBeUndefined();
    expect(flowRows(state('in'), new Map())[0]).toMatchObject({ weight: 1000, state: '' });
  });

  test('ends when its time is up, with what is left', () => {
    drain('in', { timeoutMs: 2500 });
    simulation.run(2100);
    expect(row('in')).toMatchObject({ state: 'draining', flows: 3 });
    simulation.run(1100);
    expect(row('in')).toMatchObject({ state: 'timed-out', flows: 3 });
    expect(simulation.node('in').logs.join('\n')).toContain('drain timed out');
  });

  test('waits for its time where flows are not counted', () => {
    flows = undefined;
    drain('in');
    simulation.run(5000);
    expect(row('in')).toMatchObject({ state: 'draining' });
    expect(row('in')).not.toHaveProperty('flows');
  });
});

describe('of an own contact instance', () => {
  const offered = () => state('in').table.rowsOf(WEB).length;

  test('is withdrawn once its SID has been silent, and offered again when the drain is undone', () => {
    drain('eg', { quietMs: 3000 });
    for (let i = 0; i < 5; i++) {
      packets++;
      simulation.run(1000);
    }
    expect(row('eg')).toMatchObject({ local: true, state: 'draining' });
    expect(offered()).toBe(1);
    simulation.run(4200);
    expect(row('eg')).toMatchObject({ state: 'drained' });
    expect(offered()).toBe(0);
    drain('eg', { drain: false });
    simulation.run(500);
    expect(offered()).toBe(1);
    expect(row('eg')).toBeUndefined();
  });

  test('is withdrawn when its time is up, although packets still come', () => {
    drain('eg', { timeoutMs: 3000 });
    for (let i = 0; i < 5; i++) {
      packets++;
      simulation.run(1000);
    }
    expect(row('eg')).toMatchObject({ state: 'timed-out' });
    expect(offered()).toBe(0);
  });
});
