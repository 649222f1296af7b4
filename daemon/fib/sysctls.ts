// Brings kernel settings to the values of lib/fib/sysctl-table.ts: reads first, writes only what differs, and tells what
// it could not. A setting that the kernel does not have is told too.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import type { FibCapability } from '../../lib/fib/fib.ts';
import type { SysctlSetting } from '../../lib/fib/sysctl-table.ts';

/** One remark for each setting that is not in force; empty when all are. Never throws. */
export function applySysctls(settings: readonly SysctlSetting[], netns?: string): FibCapability[] {
  const remarks: FibCapability[] = [];
  for (const { name, value, why } of settings) {
    try {
      if (readSysctl(name, netns) !== value) writeSysctl(name, value, netns);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'failed';
      remarks.push({ name: `sysctl ${name}`, available: false, remark: `cannot set ${value} (${code}): ${why}` });
    }
  }
  return remarks;
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

function sysctlPath(name: string): string {
  return `/proc/sys/${name.replaceAll('.', '/')}`;
}

/** /proc/sys shows the namespace of whoever reads it; only tests program another one than their own. */
function inNamespace(netns: string, command: readonly string[]): string {
  const path = netns.includes('/') ? netns : `/run/netns/${netns}`;
  return execFileSync('nsenter', [`--net=${path}`, ...command], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
