// What the world refuses now and may do in a moment is tried again, with growing pauses.
import { setTimeout as pause } from 'node:timers/promises';
import { CodedError } from '../../lib/errors.ts';

/** Between one try and the next: the first, and the longest. */
const PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 250;

/** What `act` resolves to at last: where it rejects with a `CodedError` it is tried again as long as `goesOn`. */
export async function patiently<T>(act: () => Promise<T>, goesOn: (error: CodedError) => boolean): Promise<T> {
  for (let pauseMs = PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * pauseMs)) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof CodedError && goesOn(error))) throw error;
    }
    await pause(pauseMs);
  }
}
