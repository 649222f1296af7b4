import { describe, expect, test } from 'vitest';
import { createLogLimiter, mayRepeat } from './log-limiter.ts';

describe('what repeats', () => {
  function limited(maxKeys?: number) {
    const lines: [object, string][] = [];
    const log = (fields: object, text: string) => void lines.push([fields, text]);
    let atMs = 0;
    const limiter = createLogLimiter(
      { debug: log, info: log, warn: log, error: log },
      { intervalMs: 1000, now: () => atMs, ...(maxKeys === undefined ? {} : { maxKeys }) },
    );
    return { lines, limiter, at: (ms: number) => (atMs = ms) };
  }

  test('is said at once, then once an interval with the number left out', () => {
    const { lines, limiter, at } = limited();
    for (const ms of [0, 10, 20, 999, 1000, 1500, 2100]) {
      at(ms);
      limiter.say('flap eth1', 'warn', { ms }, 'link flaps');
    }
    expect(lines.map(([fields]) => fields)).toEqual([
      { ms: 0 },
      { ms: 1000, suppressed: 3 },
      { ms: 2100, suppressed: 1 },
    ]);
  });

  test('about one thing does not silence another', () => {
    const { lines, limiter } = limited();
    limiter.say('a', 'warn', {}, 'a');
    limiter.say('b', 'warn', {}, 'b');
    limiter.say('a', 'warn', {}, 'a');
    expect(lines).toHaveLength(2);
  });

  test('is remembered in bounded memory: the key longest unheard of goes first', () => {
    const { lines, limiter } = limited(2);
    for (const key of ['a', 'b', 'a', 'c', 'a', 'b']) limiter.say(key, 'info', {}, key);
    expect(lines.map(([, text]) => text)).toEqual(['a', 'b', 'c', 'b']);
  });
});

test('a warning may repeat, and a NOTIFICATION that is nobody’s fault; other news may not', () => {
  expect(mayRepeat('warn', 'path down')).toBe(true);
  expect(mayRepeat('info', 'received NOTIFICATION 6/5: peer is idle')).toBe(true);
  expect(mayRepeat('info', 'path up')).toBe(false);
  expect(mayRepeat('error', 'sent NOTIFICATION 2/3')).toBe(false);
});
