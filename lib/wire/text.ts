// Text fields: written when not empty, read with a bound, lists with a bound on both.
import type { Cursor } from './cursor.ts';
import { MAX_NAME_BYTES } from './limits.ts';
import type { FrameWriter } from './writer.ts';

const SITE = /^[a-z0-9-]{1,63}$/;

/** True for the form that lib/model/identity.ts fixes for site names. */
export const isSite = (text: string): boolean => SITE.test(text);

/** Writes a text field of the given tag unless it is empty (proto3 default). */
export function writeText(writer: FrameWriter, tag: number, text: string): void {
  if (text !== '') writer.uint32(tag).string(text);
}

export function writeTexts(writer: FrameWriter, tag: number, texts: readonly string[]): void {
  for (const text of texts) writer.uint32(tag).string(text);
}

/** Appends one element of a repeated text field; more than `most` elements are a fault. */
export function takeListText(cursor: Cursor, list: string[], most: number): void {
  const text = cursor.text(MAX_NAME_BYTES);
  if (list.length >= most) throw cursor.fault(`list of more than ${most}`);
  list.push(text);
}

/** Reads a site name; anything else than the fixed form is a fault. */
export function takeSite(cursor: Cursor): string {
  const text = cursor.text(MAX_NAME_BYTES);
  if (!isSite(text)) throw cursor.fault(`not a site name: ${JSON.stringify(text)}`);
  return text;
}

/** The longest prefix of whole characters that fits `maxBytes` of UTF-8. */
export function clipUtf8(text: string, maxBytes: number): string {
  if (text.length * 3 <= maxBytes) return text;
  let bytes = 0;
  let clipped = '';
  for (const character of text) {
    const point = character.codePointAt(0)!;
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x1_0000 ? 3 : 4;
    if (bytes > maxBytes) return clipped;
    clipped += character;
  }
  return clipped;
}
