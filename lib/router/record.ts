// One line of a recording: an event that went in, or the effects that came out. JSON with two additions. Numbers that JSON
// cannot say are wrapped, because a class without a bound has an infinite one. Columns of an UPDATE are texts and objects
// here (lib/session/update-rows.ts), so that a recording can be read by people and is worth keeping across layouts.
import { CodedError } from '../errors.ts';
import type { SessionMessage } from '../session/message.ts';
import { fromPlainUpdate, type PlainUpdate, toPlainUpdate } from '../session/update-rows.ts';
import type { RouterEffect } from './effect.ts';
import type { RouterEvent } from './event.ts';

export type RecordLine = { readonly event: RouterEvent } | { readonly effects: readonly RouterEffect[] };

const WRAPPED = '$number';

export function encodeLine(line: RecordLine): string {
  return JSON.stringify(line, (key, value: unknown) => {
    if (typeof value === 'number' && !Number.isFinite(value)) return { [WRAPPED]: String(value) };
    return key === 'message' && isUpdate(value) ? toPlainUpdate(value) : value;
  });
}

/** Throws `CodedError` `bad-recording` with the line's number. */
export function decodeLine(text: string, lineNumber: number): RecordLine {
  try {
    const value: unknown = JSON.parse(text, revive);
    if (typeof value === 'object' && value !== null) {
      if ('effects' in value) return value as RecordLine;
      if ('event' in value) return { event: withColumns((value as { event: RouterEvent }).event) };
    }
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

function withColumns(event: RouterEvent): RouterEvent {
  if (event.type !== 'message' || event.message.type !== 'UPDATE') return event;
  const plain: unknown = event.message;
  return { ...event, message: fromPlainUpdate(plain as PlainUpdate) };
}

function isUpdate(value: unknown): value is Extract<SessionMessage, { type: 'UPDATE' }> {
  return typeof value === 'object' && value !== null && (value as { type?: unknown }).type === 'UPDATE';
}
