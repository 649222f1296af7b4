// Brings kernel settings to the values of lib/fib/sysctl-table.ts: reads first, writes only what differs, and tells what
// it could not. A setting that the kernel does not have is told too.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import type { FibCapability } from '../../lib/fib/fib.ts';
import type { SysctlSetting } from '../../lib/fib/sysctl-table.ts';

/** What is not in force, one remark a cause (a read-only /proc/sys is one thing to say); empty: all are. Never throws. */
export function applySysctls(settings: readonly SysctlSetting[], netns?: string): FibCapability[] {
  const unset = new Map<string, string[]>();
  for (const { name, value, why } of settings) {
    try {
      if (readSysctl(name, netns) !== value) writeSysctl(name, value, netns);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'failed';
      unset.set(code, [...(unset.get(code) ?? []), `${name}=${value} (${why})`]);
    }
  }
  return [...unset].map(([code, which]) => ({
    name: `sysctl ${code}`,
    available: false,
    remark: `cannot set ${which.join(', ')}`,
  }));
}

/** Throws the file system's error when the kernel has no such setting. */
export function readSysctl(name: string, netns?: string): string {
  const path = sysctlPath(name);
  if (netns === undefined) return readFileSync(path, 'utf8').trim();
  return inNamespace(netns, ['cat', path]).trim();
}

export function writeSysctl(name: string, value: string, netns?: string): void {
  const path = sysctlPath(name);
  if (netns === undefined) writeFileSync(path, value);
  else inNamespace(netns, ['sh', '-c', `printf %s ${value} > ${path}`]);
}

/** As sysctl(8): dots and slashes change places. */
function sysctlPath(name: string): string {
  return `/proc/sys/${name.replaceAll(/[./]/g, (separator) => (separator === '.' ? '/' : '.'))}`;
}

/** /proc/sys shows the namespace of whoever reads it; only tests program another one than their own. */
function inNamespace(netns: string, command: readonly string[]): string {
  const path = netns.includes('/') ? netns : `/run/netns/${netns}`;
  return execFileSync('nsenter', [`--net=${path}`, ...command], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
