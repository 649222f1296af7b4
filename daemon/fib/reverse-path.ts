// The reverse-path filter of IPv4 (RFC 3704) on links of the domain: what leaves a tunnel here came in by a link that has
// no IPv4 address and is not the way back, so strict and loose filters alike drop it. Only our own links are touched;
// what an operator said for all interfaces stands, and is told.
import type { FibCapability } from '../../lib/fib/fib.ts';
import { readSysctl, writeSysctl } from './sysctls.ts';

const NAME = 'ipv4-from-tunnels';

/** Switches the filter off on `links` that are there; a row when IPv4 would still be dropped. Never throws. */
export function relaxReversePath(links: readonly string[], netns?: string): FibCapability[] {
  const kept: string[] = [];
  for (const link of links) {
    // In a sysctl's name the dot of an interface is written as a slash.
    const setting = `net.ipv4.conf.${link.replaceAll('.', '/')}.rp_filter`;
    try {
      if (readSysctl(setting, netns) !== '0') writeSysctl(setting, '0', netns);
    } catch (error) {
      // A link that is not there yet is seen to when it comes.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') kept.push(link);
    }
  }
  if (kept.length > 0)
    return [
      { name: NAME, available: false, remark: `IPv4 is dropped by rp_filter of ${kept.join(', ')}: set it to 0` },
    ];
  const overall = overallFilter(netns);
  if (overall === '0') return [{ name: NAME, available: true, remark: '' }];
  const remark = `IPv4 is dropped by net.ipv4.conf.all.rp_filter=${overall}: set it to 0, and where it is wanted by interface`;
  return [{ name: NAME, available: false, remark }];
}

function overallFilter(netns: string | undefined): string {
  try {
    return readSysctl('net.ipv4.conf.all.rp_filter', netns);
  } catch {
    return 'unknown';
  }
}
