// News of a family wait for their time, losses do not, and the newest is what is told: in a domain of one hub.
import { beforeEach, expect, test } from 'vitest';
import type { SessionMessage } from '../session/message.ts';
import { computeRows } from '../session/update-rows.ts';
import { Domain, instanceAddress, SERVICE } from './domain.fixture.ts';

/** Longer than several report intervals, which are a second. */
const PACE_MS = 5000;
let domain: Domain;
let told: { readonly atMs: number; readonly message: SessionMessage }[];

beforeEach(() => {
  told = [];
  const onSend = (from: string, to: string, message: SessionMessage) => {
    if (from === 'hub-0' && to === 's-1' && message.type === 'UPDATE')
      told.push({ atMs: domain.simulation.atMs, message });
  };
  const pacing = `pacing: { service: ${PACE_MS}ms, compute: ${PACE_MS}ms, link-state: 0ms }`;
  domain = new Domain({ sites: 3, hubs: 1, hubPeer: pacing, onSend });
  domain.start();
  domain.simulation.run(15_000);
  told.length = 0;
});

const report = (inFlight: number, arrivalRate: number) => {
  domain.report(0, { inFlight, arrivalRate });
  domain.simulation.run(1000);
};
const states = () =>
  told.flatMap(({ atMs, message }) =>
    message.type === 'UPDATE' && message.compute
      ? computeRows(message.compute).map(({ state }) => ({ atMs, state }))
      : [],
  );

test('the first leaves at once, the next together after the interval, and only the newest of each', () => {
  const from = domain.simulation.atMs;
  for (let i = 1; i <= 3; i++) report(0, 10 * i);
  expect(states().map(({ state }) => state.arrivalRate)).toEqual([10]);
  expect(states()[0]!.atMs - from).toBeLessThan(5);
  domain.simulation.run(PACE_MS);
  expect(states().map(({ state }) => state.arrivalRate)).toEqual([10, 30]);
  const waited = states()[1]!.atMs - states()[0]!.atMs;
  expect(waited).toBeGreaterThanOrEqual(0.75 * PACE_MS);
  expect(waited).toBeLessThanOrEqual(PACE_MS + 5);
});

test('a fall to a lower band passes, and so does a withdrawal', () => {
  report(0, 10);
  told.length = 0;
  report(60, 990);
  expect(states()).toHaveLength(1);
  expect(states()[0]!.state.score).toBeLessThan(4);
  domain.simulation.post('s-0', {
    type: 'instance-health',
    service: SERVICE,
    contactInstance: instanceAddress(0),
    ok: true,
    reason: '',
  });
  told.length = 0;
  domain.simulation.post('s-0', { type: 'stop', text: 'bye' });
  domain.simulation.run(700);
  const withdrawn = told.filter(
    ({ message }) => message.type === 'UPDATE' && (message.service?.withdrawn.length ?? 0) > 0,
  );
  expect(withdrawn).toHaveLength(1);
});
