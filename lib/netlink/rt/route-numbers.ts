// Numbers of struct rtmsg and its attributes that writing and reading routes share (linux/rtnetlink.h).

/** RTA_*. */
export const RouteAttribute = {
  destination: 1,
  device: 4,
  gateway: 5,
  priority: 6,
  metrics: 8,
  multipath: 9,
  table: 15,
  via: 18,
  encapType: 21,
  encap: 22,
  nexthopId: 30,
} as const;

/** Inside RTA_METRICS. */
export const RTAX_MTU = 2;

export const UNICAST = 1;
/** RTN_*: the kinds we write. */
export const ROUTE_TYPES: Readonly<Record<string, number>> = {
  unicast: 1,
  local: 2,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
};
