// The configuration of a scratch router: two sites that have a service in common with its own contact instance, whose load
// comes by reports, and a hub that listens.
import type { RouterConfig } from '../../lib/config/config.ts';
import { parseConfig } from '../../lib/config/parse.ts';
import { invariant } from '../../lib/errors.ts';
import { COMMON_SERVICE, linkAddress } from './updates.ts';

export const ROUTER_ID = '192.0.2.1';
export const SITES = ['north', 'south'];
export const LISTENER = 'hub';
/** Reports of one contact instance are no closer in life (lib/metric), and a storm of decisions is held back. */
export const REPORT_GAP_MS = 300;
const INSTANCE = `instances: [ { name: own, service: common, address: "fd00:51::1", metrics: { kind: push }, report-interval: ${REPORT_GAP_MS}ms } ]`;

export function scratchConfig(): RouterConfig {
  const peers = [...SITES, LISTENER].map(
    (name, i) =>
      `  - { name: ${name}, address: "${linkAddress(i, 2)}", passive: true, pacing: { service: 0s, compute: 0s, link-state: 0s } }`,
  );
  const links = SITES.map(
    (_, i) =>
      `  - { name: eth${i}, neighbour: 192.0.2.${i + 2}, delay: 1ms, local-address: "${linkAddress(i, 1)}", remote-address: "${linkAddress(i, 2)}" }`,
  );
  const parsed = parseConfig(
    [
      'name: rehearsal',
      'site: rehearsal',
      `router-id: ${ROUTER_ID}`,
      'security: plaintext',
      `services: { common: "${COMMON_SERVICE}" }`,
      'srv6: { locator: "5f00:0:1::/48" }',
      'fib: { kind: memory }',
      'stamp: { enabled: false }',
      'protocol: { report-rate: { per-second: 1000000, burst: 1000000 } }',
      INSTANCE,
      'classes: [ { name: quick, strategy: least-loaded, hysteresis: 0%, hold: 0s } ]',
      'steering: { blackout: 0s, services: [ { service: common, class: quick } ] }',
      'links:',
      ...links,
      'peers:',
      ...peers,
    ].join('\n'),
  );
  invariant(parsed.ok, `the rehearsal has a configuration that is wrong: ${JSON.stringify(parsed)}`);
  return parsed.config;
}
