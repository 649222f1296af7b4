import { expect, test } from 'vitest';
import type { FibResult } from '../../lib/fib/fib.ts';
import type { RouterEvent } from '../../lib/router/event.ts';
import { reportTimes, Stages } from './stages.ts';

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
  stages.programmed('compute', event.atMs, reportTimes(event), 102, result);
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
