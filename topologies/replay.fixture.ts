// Recordings of a real run of a topology replayed through the router core: the decisions and the end state must be those on
// file. CFND_REWRITE=1 rewrites the expectation after a wanted change.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { createRouter, handle } from '../lib/router/handle.ts';
import { decodeLine, encodeLine } from '../lib/router/record.ts';
import { fibRows } from '../lib/router/view/fib.ts';
import { pathRows } from '../lib/router/view/peers.ts';
import { serviceRows } from '../lib/router/view/services.ts';

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
    const lines = gunzipSync(readFileSync(join(folder, file)))
      .toString('utf8')
      .trimEnd()
      .split('\n');
    const expectedFile = join(folder, file.replace('.events.jsonl.gz', '.expected.json'));

    test('leads to the decisions and the end state on file', () => {
      const actual = JSON.parse(JSON.stringify(run(lines).expectation)) as Expectation;
      if (process.env.CFND_REWRITE === '1') writeFileSync(expectedFile, `${JSON.stringify(actual, null, 1)}\n`);
      expect(actual).toEqual(JSON.parse(readFileSync(expectedFile, 'utf8')));
    });

    test('gives the same effects twice, byte for byte', () => {
      expect(run(lines).effects).toEqual(run(lines).effects);
    });
  });
}

function run(lines: readonly string[]): { expectation: Expectation; effects: string[] } {
  const router = createRouter();
  const effects: string[] = [];
  const counts: Record<string, number> = {};
  const decisions: string[] = [];
  let events = 0;
  for (const [index, text] of lines.entries()) {
    const line = decodeLine(text, index + 1);
    if (!('event' in line)) continue;
    events++;
    const out = handle(router, line.event);
    effects.push(encodeLine({ effects: out }));
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
    effects,
  };
}
