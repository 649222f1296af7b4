// Reads a recording, packed by gzip or not, as far as it goes: a daemon that was killed, or a copy that broke off, leaves
// half a line at its end.
import { readFileSync } from 'node:fs';
import { constants, gunzipSync } from 'node:zlib';

export interface Recording {
  /** Whole lines. */
  readonly lines: readonly string[];
  /** Number of the line that is cut, and left out; undefined: none is. */
  readonly cutLine: number | undefined;
}

/** Throws what `node:fs` and `node:zlib` throw. */
export function readRecording(file: string): Recording {
  const lines = unpacked(readFileSync(file)).toString('utf8').split('\n');
  const last = lines.at(-1)!;
  if (last === '' || isWhole(last)) return { lines, cutLine: undefined };
  return { lines: lines.slice(0, -1), cutLine: lines.length };
}

function unpacked(bytes: Buffer): Buffer {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  // What has no end yet is given up to where it breaks off.
  return gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH });
}

function isWhole(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}
