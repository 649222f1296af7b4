import { describe, expect, test } from 'vitest';
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
