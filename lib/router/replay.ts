// Runs a recording through a fresh router and compares what it asks for with what was recorded, byte for byte.
import { createRouter, handle, type Router } from './handle.ts';
import { decodeLine, encodeLine } from './record.ts';

export interface ReplayOutcome {
  readonly events: number;
  readonly effects: number;
  /** First difference; absent: none. Lines count from 1. */
  readonly difference?: { readonly line: number; readonly expected: string; readonly actual: string };
  /** State after the last event, for what-if questions. */
  readonly router: Router;
}

/** Throws `CodedError` `bad-recording`. A last line cut short by a crash is left out. */
export function replay(lines: readonly string[]): ReplayOutcome {
  const router = createRouter();
  let events = 0;
  let effects = 0;
  let asked = '';
  for (const [index, text] of lines.entries()) {
    if (text === '') continue;
    if (index === lines.length - 1 && !text.endsWith('}')) break;
    const line = decodeLine(text, index + 1);
    if ('event' in line) {
      events++;
      const out = handle(router, line.event);
      effects += out.length;
      asked = encodeLine({ effects: out });
    } else if (asked !== text) {
      return { events, effects, difference: { line: index + 1, expected: text, actual: asked }, router };
    }
  }
  return { events, effects, router };
}
