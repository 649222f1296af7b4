import { expect, test } from 'vitest';
import { busyShare, excuse, whenCalm } from './bystanders.ts';

const stat = (busy: number, idle: number, iowait = 0) =>
  `cpu  ${busy} 0 0 ${idle} ${iowait} 0 0 0 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n`;

test('busy is what is neither idle nor waiting for a disk, steal included', () => {
  expect(busyShare(stat(100, 100), stat(175, 125))).toBe(0.75);
  expect(busyShare(stat(0, 0), stat(1, 0, 9))).toBe(0.1);
  expect(busyShare('cpu  0 0 0 0 0 0 0 0 0 0\n', 'cpu  0 0 0 5 0 0 0 5 0 0\n')).toBe(0.5);
  expect(busyShare(stat(1, 1), stat(1, 1))).toBe(0);
});

/** A machine that is busy in so many samples and then idle. */
function machine(busySamples: number) {
  let readings = 0;
  return async () => {
    const busy = Math.min(readings, busySamples);
    return stat(10 * busy, 10 * (readings++ - busy));
  };
}

test('a calm machine is not waited for, and nothing is said of it', async () => {
  const said: string[] = [];
  const options = { signal: new AbortController().signal, say: (line: string) => void said.push(line), sampleMs: 1 };
  expect(await whenCalm({ ...options, read: machine(0) })).toBe(0);
  expect(said).toEqual([]);
});

test('a busy one is waited for until it is calm, and that is said once', async () => {
  const said: string[] = [];
  const options = { signal: new AbortController().signal, say: (line: string) => void said.push(line), sampleMs: 1 };
  expect(await whenCalm({ ...options, read: machine(5) })).toBe(0);
  expect(said).toEqual(['other work has 100 % of the processors: waiting for it, 30 s at most']);
});

test('one that stays busy is begun on in the end', async () => {
  const options = { signal: new AbortController().signal, say: () => {}, sampleMs: 1, patienceMs: 20 };
  expect(await whenCalm({ ...options, read: machine(Number.POSITIVE_INFINITY) })).toBe(1);
});

test('only a run that began beside other work and did not hold is excused', () => {
  const claims = (held: boolean) => [{ claim: 'no flow breaks', held, seen: '' }];
  expect(excuse({ othersShare: 0.9, claims: claims(false) })).toContain('other work had 90 % of the processors');
  expect(excuse({ othersShare: 0.9, claims: claims(true) })).toBe('');
  expect(excuse({ othersShare: 0.1, claims: claims(false) })).toBe('');
});
