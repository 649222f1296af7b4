// Programs that benches start: whether they are there, before a run that would end without them or measure something else.
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where programs of root are that a PATH may lack; the daemon looks there as well. */
const SBIN = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** Those of `names` that are in no directory of `path`. */
export function missingPrograms(names: readonly string[], path = defaultPath()): string[] {
  const directories = path.split(delimiter).filter((directory) => directory !== '');
  return names.filter((name) => !directories.some((directory) => isExecutable(join(directory, name))));
}

/** Throws one line that names what is missing and what brings it. */
export function needPrograms(names: readonly string[], path?: string): void {
  const missing = missingPrograms(names, path);
  if (missing.length > 0)
    throw new Error(`${missing.join(', ')} ${missing.length > 1 ? 'are' : 'is'} missing: run scripts/setup first`);
}

function defaultPath(): string {
  return [process.env.PATH ?? '', ...SBIN].join(delimiter);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
