// What a lab of real daemons is made of, by names: routers, links, hosts, and each router's addresses and configuration.

export const SERVICE = 'fd00:cafe::80';

export interface LabPlan {
  /** Router names; the n-th has router id 10.0.0.n and locator 5f00:0:n::/48. */
  readonly routers: readonly string[];
  readonly links: readonly (readonly [string, string])[];
  /** Client behind this router. */
  readonly clientOf?: string;
  /** Service host `sv<n>` behind each of these routers, by number n. */
  readonly hosts?: Readonly<Record<string, number>>;
  /** Added to, or in place of, options of a router. */
  readonly options?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Late test packets and keepalives are forgiven for seconds, where a test is not about how soon they are missed. */
  readonly patient?: boolean;
  /** Of host n. */
  readonly instanceOptions?: Readonly<Record<number, Readonly<Record<string, unknown>>>>;
}

/** client - in - core1 - eg1 - sv1 and in - core2 - eg2 - sv2, with core1 - core2; site 1 is preferred while it is idle. */
export const TWO_SITES: LabPlan = {
  routers: ['in', 'core1', 'core2', 'eg1', 'eg2'],
  links: [
    ['in', 'core1'],
    ['in', 'core2'],
    ['core1', 'core2'],
    ['core1', 'eg1'],
    ['core2', 'eg2'],
  ],
  clientOf: 'in',
  hosts: { eg1: 1, eg2: 2 },
  // 300 ms of cost: more than a busy machine adds to what is measured of either.
  instanceOptions: { 1: { preference: 300 } },
};

/** A router's configuration; `socket`: where its admin API listens. */
export function configOf(plan: LabPlan, name: string, socket: string): Record<string, unknown> {
  const { routers, links, clientOf, hosts = {}, options = {}, instanceOptions = {}, patient = false } = plan;
  const id = (router: string) => routers.indexOf(router) + 1;
  const sides = links.flatMap(([a, b], i) => {
    if (a === name) return [{ far: b, own: `fd00:ffff:${i}::1`, other: `fd00:ffff:${i}::2` }];
    return b === name ? [{ far: a, own: `fd00:ffff:${i}::2`, other: `fd00:ffff:${i}::1` }] : [];
  });
  const host = hosts[name];
  return {
    name,
    site: `site-${name}`,
    'router-id': `10.0.0.${id(name)}`,
    security: 'plaintext',
    rehearsal: false,
    services: { web: SERVICE },
    admin: { socket },
    srv6: { locator: `5f00:0:${id(name)}::/48` },
    links: sides.map(({ far, own, other }) => ({
      name: far,
      neighbour: `10.0.0.${id(far)}`,
      delay: '1ms',
      'local-address': own,
      'remote-address': other,
    })),
    peers: sides.map(({ far, other }) => ({ name: far, address: other, ...(patient && { 'hold-time': '10s' }) })),
    ...(patient && { stamp: { 'detect-multiplier': 50 } }),
    prefixes: [
      ...(name === clientOf ? ['2001:db8:c::/64'] : []),
      ...(host === undefined ? [] : [`fd00:5${host}::/64`]),
    ],
    ...(host !== undefined && { instances: [{ ...instance(host, id(name)), ...instanceOptions[host] }] }),
    ...(name === clientOf && {
      classes: [{ name: 'interactive', hold: '300ms', 'idle-timeout': '1m' }],
      steering: { services: [{ service: 'web', class: 'interactive' }], blackout: '1s' },
    }),
    ...options[name],
  };
}

function instance(n: number, router: number): Record<string, unknown> {
  return {
    name: `sv${n}`,
    service: 'web',
    address: `fd00:5${n}::10`,
    sid: `5f00:0:${router}:100::`,
    metrics: { kind: 'prometheus', url: `http://[fd00:5${n}::10]:9100/metrics` },
    health: { kind: 'http', url: `http://[fd00:5${n}::10]:9100/healthz`, interval: '100ms', timeout: '500ms' },
  };
}
