// Runs a recording through a fresh router and compares what it asks for with what was recorded, byte for byte.
import { createRouter, handle, type Router } from './handle.ts';
import { decodeLine, encodeLine } from './record.ts';

export interface ReplayOutcome {
  readonly events: number;
  /** Those compared: none where none were recorded. */
  readonly effects: number;
  /** First difference; absent: none. Lines count from 1. `expected` is empty where the recording has no effects of an event. */
  readonly difference?: { readonly line: number; readonly expected: string; readonly actual: string };
  /** State after the last event, for what-if questions. */
  readonly router: Router;
}

/**
 * Throws `CodedError` `bad-recording`. Each event is followed by its effects: without them there is nothing to agree with, save
 * after the last event, where a crash may have come first. A last line that it cut short is left out.
 */
export function replay(lines: readonly string[]): ReplayOutcome {
  const router = createRouter();
  let events = 0;
  let effects = 0;
  /** What the last event led to, until the recording has said what it led to then. */
  let asked: string | undefined;
  for (const [index, text] of lines.entries()) {
    if (text === '') continue;
    if (index === lines.length - 1 && !text.endsWith('}')) break;
    const line = decodeLine(text, index + 1);
    if ('event' in line) {
      if (asked !== undefined)
        return { events, effects, difference: { line: index + 1, expected: '', actual: asked }, router };
      events++;
      asked = encodeLine({ effects: handle(router, line.event) });
    } else {
      if (asked !== text) {
        return { events, effects, difference: { line: index + 1, expected: text, actual: asked ?? '' }, router };
      }
      effects += line.effects.length;
      asked = undefined;
    }
  }
  return { events, effects, router };
}
