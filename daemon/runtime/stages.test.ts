import { expect, test } from 'vitest';
import type { FibResult } from '../../lib/fib/fib.ts';
import type { Family } from '../../lib/model/identity.ts';
import type { RouterEvent } from '../../lib/router/event.ts';
import type { SessionMessage, UpdateMessage } from '../../lib/session/message.ts';
import { announcer, update } from '../rehearsal/updates.ts';
import { Stages } from './stages.ts';

const result: FibResult = {
  failures: [],
  put: 1,
  removed: 0,
  requestedAtMs: 103,
  netlinkDoneAtMs: 107,
  affinityDoneAtMs: 108,
};
const event: RouterEvent = { atMs: 100, type: 'timer', timer: 'decide' };

test('the way of a change is told stage by stage, to its read-back', () => {
  const stages = new Stages();
  stages.programmed('compute', event.atMs, stages.reportTimes(event), 102, result);
  stages.readBack(result, 110);
  const ms = Object.fromEntries([...stages.quantiles()].map(([stage, { p50 }]) => [stage, Math.round(p50 / 1000)]));
  expect(ms).toEqual({
    'receive-to-decide': 2,
    'decide-to-request': 1,
    'request-to-ack': 4,
    'decide-to-netlink': 5,
    'netlink-to-affinity': 1,
    'receive-to-kernel': 8,
    'kernel-to-read-back': 2,
  });
});

test('of many changes in a moment one is read back, and none that failed or has no kernel', () => {
  const stages = new Stages();
  expect(stages.wantsReadBack(1000, { ...result, failures: [{ key: 'k', code: 'EINVAL', text: '' }] })).toBe(false);
  expect(stages.wantsReadBack(1000, { ...result, netlinkDoneAtMs: 0 })).toBe(false);
  expect([1000, 1001, 1049, 1050, 1051].map((atMs) => stages.wantsReadBack(atMs, result))).toEqual([
    true,
    false,
    false,
    true,
    false,
  ]);
});

test('a report is timed when it is news: not those of a table, of a new route, or of what was asked for again', () => {
  const site = announcer(0, 'north');
  const said = (fields: { announce?: boolean; endOfRib?: readonly Family[] } = {}): UpdateMessage => ({
    ...update(site, 0, 1, { sequence: 1, announce: fields.announce === true, wallMs: 4000 }),
    ...(fields.endOfRib && { endOfRib: fields.endOfRib }),
  });
  const refresh = (phase: 'begin' | 'end'): SessionMessage => ({ type: 'ROUTE-REFRESH', family: 'compute', phase });
  const stages = new Stages();
  const timed = (message: SessionMessage, connection = 1): number => {
    const heard: RouterEvent = { atMs: 100, type: 'message', peer: 'north', connection, message };
    const { length } = stages.reportTimes(heard);
    stages.observe(heard);
    return length;
  };
  expect(timed(said())).toBe(0);
  expect(timed(said({ endOfRib: ['service'] }))).toBe(0);
  expect(timed(said({ endOfRib: ['compute'] }))).toBe(0);
  expect(timed(said())).toBe(1);
  expect(timed(said({ announce: true }))).toBe(0);
  timed(refresh('begin'));
  expect(timed(said())).toBe(0);
  timed(refresh('end'));
  expect(timed(said())).toBe(1);
  expect(timed(said(), 2)).toBe(0);
  expect(stages.quantiles().has('report-to-receive')).toBe(true);
});
