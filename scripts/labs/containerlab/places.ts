// Where the containerlab engine keeps what it may keep between runs: everything lies in the project's `.cache`, which
// git ignores and which may be deleted at any time while no lab runs.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

/** The project's root directory. */
export const projectRoot = join(import.meta.dirname, '..', '..', '..');

/** `.cache/<parts>`, its parent directories made. */
export function cachePath(...parts: readonly string[]): string {
  const path = join(projectRoot, '.cache', ...parts);
  mkdirSync(join(path, '..'), { recursive: true });
  return path;
}
