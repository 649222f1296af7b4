// One line of a recording: an event that went in, or the effects that came out. JSON with one addition, because JSON has
// no infinity and a class without a bound has one: numbers that JSON cannot say are wrapped.
import { CodedError } from '../errors.ts';
import type { RouterEffect } from './effect.ts';
import type { RouterEvent } from './event.ts';

export type RecordLine = { readonly event: RouterEvent } | { readonly effects: readonly RouterEffect[] };

const WRAPPED = '$number';

export function encodeLine(line: RecordLine): string {
  return JSON.stringify(line, (_key, value: unknown) =>
    typeof value === 'number' && !Number.isFinite(value) ? { [WRAPPED]: String(value) } : value,
  );
}

/** Throws `CodedError` `bad-recording` with the line's number. */
export function decodeLine(text: string, lineNumber: number): RecordLine {
  try {
    const value: unknown = JSON.parse(text, revive);
    if (typeof value === 'object' && value !== null && ('event' in value || 'effects' in value))
      return value as RecordLine;
  } catch {
    // Said below, in one place, with the line.
  }
  throw badLine(lineNumber);
}

function badLine(lineNumber: number): CodedError {
  return new CodedError('bad-recording', `line ${lineNumber}: not an event or a list of effects`, { line: lineNumber });
}

function revive(_key: string, part: unknown): unknown {
  if (typeof part !== 'object' || part === null) return part;
  if (WRAPPED in part) return Number((part as Record<string, unknown>)[WRAPPED]);
  // Attribute sets recorded before these existed.
  if ('sitePath' in part && !('communities' in part)) return { ...part, communities: [], onlyToDownstream: '' };
  return part;
}
