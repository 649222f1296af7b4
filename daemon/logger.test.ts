import { describe, expect, test } from 'vitest';
import { createLogLimiter } from './log-limiter.ts';
import { createLogger, formatLogLine } from './logger.ts';

function captured(options: { level: string; pretty: boolean; colour?: boolean }) {
  const lines: string[] = [];
  return {
    lines,
    log: createLogger({ name: 'e1', colour: false, ...options, write: (text) => void lines.push(text) }),
  };
}

describe('the log', () => {
  test('is one JSON object a line for machines, with router, level and time in words', () => {
    const { lines, log } = captured({ level: 'info', pretty: false });
    log.warn({ peer: 'c1' }, 'session down');
    log.debug('not said at this level');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0]!)).toEqual({
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      router: 'e1',
      peer: 'c1',
      msg: 'session down',
    });
  });

  test('is a line of text with its facts behind for people', () => {
    const { lines, log } = captured({ level: 'info', pretty: true });
    log.info({ peer: 'c1', reason: 'hold timer expired', after: 3 }, 'session down');
    log.info('stopped');
    expect(lines.map((line) => line.slice(13))).toEqual([
      'info  session down  peer=c1 reason="hold timer expired" after=3\n',
      'info  stopped\n',
    ]);
  });

  test('keeps the stack of an error', () => {
    const { lines, log } = captured({ level: 'info', pretty: true });
    log.error({ error: new Error('boom') }, 'internal error');
    expect(lines[0]).toMatch(/internal error {2}error=\n {2}Error: boom\n {6}at /);
  });

  test('colours only when told to', () => {
    const line = JSON.stringify({ level: 'warn', time: '2026-01-02T03:04:05.678Z', msg: 'x' });
    expect(formatLogLine(line, true)).toBe('03:04:05.678 \x1b[33mwarn \x1b[0m x\n');
    expect(formatLogLine(line, false)).toBe('03:04:05.678 warn  x\n');
  });

  test('takes an unknown level for info', () => {
    expect(captured({ level: 'loud', pretty: false }).log.level).toBe('info');
  });
});

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
