// The scheduling priority of a session of processes. Linux shares the processors among sessions first (autogroups) and among
// their processes second, so a nice value alone changes nothing against other sessions.
import { writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';

/** Sets the nice value of this process and of its session; false where that is not allowed or not known. */
export function setSessionPriority(nice: number): boolean {
  try {
    setPriority(nice);
    writeFileSync('/proc/self/autogroup', String(nice));
    return true;
  } catch {
    return false;
  }
}
