// Kernel settings that forwarding needs, and why. Only the table; the shell compares, writes what differs, and reports
// what it may not write (a container's /proc/sys is read-only).

export interface SysctlSetting {
  readonly name: string;
  readonly value: string;
  readonly why: string;
}

export const FORWARDING_SYSCTLS: readonly SysctlSetting[] = [
  { name: 'net.ipv6.conf.all.forwarding', value: '1', why: 'a router forwards' },
  { name: 'net.ipv4.conf.all.forwarding', value: '1', why: 'a router forwards' },
  { name: 'net.ipv6.conf.all.seg6_enabled', value: '1', why: 'segment routing headers are processed' },
  { name: 'net.ipv6.conf.default.seg6_enabled', value: '1', why: 'the same for interfaces to come' },
  { name: 'net.ipv4.nexthop_compat_mode', value: '0', why: 'a nexthop change must not notify once a route' },
  { name: 'net.ipv6.fib_multipath_hash_policy', value: '1', why: 'flows, not hosts, spread over equal paths' },
  { name: 'net.ipv4.fib_multipath_hash_policy', value: '1', why: 'flows, not hosts, spread over equal paths' },
  { name: 'net.ipv6.conf.all.keep_addr_on_down', value: '1', why: 'a link that comes back has its addresses' },
  { name: 'net.ipv6.conf.default.keep_addr_on_down', value: '1', why: 'the same for interfaces to come' },
];
