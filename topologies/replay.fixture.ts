// Recordings of a real run of a topology replayed through the router core: the effects must be those of that run, byte for
// byte, and the decisions and the end state those on file, where people can read them. After a wanted change CFND_REWRITE=1
// rewrites both. The events stay: where a run of today would have others, a timer that is new for instance, record it anew.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { createRouter, handle } from '../lib/router/handle.ts';
import { decodeLine, encodeLine } from '../lib/router/record.ts';
import { replay } from '../lib/router/replay.ts';
import { fibRows } from '../lib/router/view/fib.ts';
import { pathRows } from '../lib/router/view/peers.ts';
import { serviceRows } from '../lib/router/view/services.ts';
import { readRecording } from '../scripts/replays/recording.ts';

const rewrites = process.env.CFND_REWRITE === '1';

interface Expectation {
  readonly events: number;
  readonly effects: Readonly<Record<string, number>>;
  /** Each outcome of a decision that differs from the one before, in order. */
  readonly decisions: readonly string[];
  readonly services: unknown;
  readonly paths: unknown;
  readonly fib: readonly string[];
}

/** The replay tests of a topology's folder. */
export function testReplays(topology: string): void {
  const folder = join(topology, 'recordings');
  const recordings = readdirSync(folder).filter((file) => file.endsWith('.events.jsonl.gz'));
  describe.each(recordings)('%s', (file) => {
    if (rewrites) rewriteEffects(join(folder, file));
    const { lines, cutLine } = readRecording(join(folder, file));
    const expectedFile = join(folder, file.replace('.events.jsonl.gz', '.expected.json'));

    test('leads to the decisions and the end state on file', () => {
      const actual = JSON.parse(JSON.stringify(run(lines).expectation)) as Expectation;
      if (rewrites) writeFileSync(expectedFile, `${JSON.stringify(actual, null, 1)}\n`);
      expect(actual).toEqual(JSON.parse(readFileSync(expectedFile, 'utf8')));
    });

    test('leads to the effects that were recorded, byte for byte', () => {
      const outcome = replay(lines);
      expect(outcome.difference).toBeUndefined();
      expect(cutLine).toBeUndefined();
      expect(lines.filter((line) => line !== '')).toHaveLength(2 * outcome.events);
    });
  });
}

function rewriteEffects(file: string): void {
  const { lines } = readRecording(file);
  const text = `${run(lines).recording.join('\n')}\n`;
  // Packed again only where something changed: another zlib packs differently.
  if (text !== lines.join('\n')) writeFileSync(file, gzipSync(text, { level: 9 }));
}

function run(lines: readonly string[]): { expectation: Expectation; recording: string[] } {
  const router = createRouter();
  const recording: string[] = [];
  const counts: Record<string, number> = {};
  const decisions: string[] = [];
  let events = 0;
  for (const [index, text] of lines.entries()) {
    if (text === '') continue;
    const line = decodeLine(text, index + 1);
    if (!('event' in line)) continue;
    events++;
    const out = handle(router, line.event);
    recording.push(text, encodeLine({ effects: out }));
    for (const effect of out) {
      counts[effect.type] = (counts[effect.type] ?? 0) + 1;
      if (effect.type === 'log' && effect.text === 'decision changed')
        decisions.push(`${effect.fields.change} ${effect.fields.weights}`);
    }
  }
  const state = router.state!;
  const fib = fibRows(state).map((row) => `${row.state} ${row.object}`);
  return {
    expectation: { events, effects: counts, decisions, services: serviceRows(state), paths: pathRows(state), fib },
    recording,
  };
}
