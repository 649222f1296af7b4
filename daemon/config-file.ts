// The text of a configuration file. What is no text is said here, in one line: the parser would stumble over every byte of it.
import { isUtf8 } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { CodedError } from '../lib/errors.ts';

/** Rejects with the error of the file system, or with `CodedError` `config-not-text`, whose message names file and byte offset. */
export async function readConfigText(file: string): Promise<string> {
  return configText(await readFile(file), file);
}

/** As `readConfigText`, of what was read from `file`. */
export function configText(bytes: Buffer, file: string): string {
  const text = bytes.toString('utf8');
  const nul = bytes.indexOf(0);
  const malformed = isUtf8(bytes) ? -1 : firstMalformed(bytes, text);
  if (nul < 0 && malformed < 0) return text;
  const atNul = nul >= 0 && (malformed < 0 || nul < malformed);
  const offset = atNul ? nul : malformed;
  const what = atNul ? 'NUL' : `0x${bytes[offset]!.toString(16)}, not UTF-8`;
  throw new CodedError('config-not-text', `${file}: is not a text file: at byte offset ${offset} is ${what}`, {
    offset,
  });
}

/** Offset of the first byte that the decoder put U+FFFD in place of; up to it text and bytes are the same. */
function firstMalformed(bytes: Buffer, text: string): number {
  let offset = 0;
  for (let from = 0; ; ) {
    const at = text.indexOf('\ufffd', from);
    offset += Buffer.byteLength(text.slice(from, at));
    if (bytes.toString('latin1', offset, offset + 3) !== '\xef\xbf\xbd') return offset;
    offset += 3;
    from = at + 1;
  }
}

/** Why a file cannot be read, for people. */
export function readFault(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EACCES':
      return 'permission denied';
    case 'EISDIR':
      return 'is a directory';
    default:
      return error.message;
  }
}
