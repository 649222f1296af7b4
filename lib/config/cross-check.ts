// What one option says about another: SIDs lie inside the locator, names are unique, ranges of kernel ids do not
// overlap. Runs over what is valid on its own (sections, entries of lists); a check whose inputs are missing is skipped.
import { addressFamily, parsePrefix, prefixContains } from '../net/address.ts';
import { ownAddresses } from './build.ts';
import { checkClasses, checkClassifier } from './check-classes.ts';
import { checkPeerProtocol, checkPolicies } from './check-protocol.ts';
import { checkHmac, checkLocators, checkSrv6 } from './check-srv6.ts';
import { ask, type Check, type Finding, type IsComplete, type Report, unique, unknownName } from './finding.ts';
import type { ConfigPath } from './locate.ts';
import type { Sections } from './schema.ts';
import { resolveService } from './service-name.ts';
import { sidFault } from './sid-fault.ts';

/** Nexthop groups, and member nexthops, that one router may hold. */
export const ID_RANGE = 1_000_000;

/** Runs every check; findings are in no particular order. */
export function crossCheck(file: Partial<Sections>, isComplete: IsComplete = () => true): Finding[] {
  const findings: Finding[] = [];
  const error: Report = (path, message) => findings.push({ severity: 'error', path, message });
  const warn: Report = (path, message) => findings.push({ severity: 'warning', path, message });
  for (const check of CHECKS) ask(() => check(file, error, warn, isComplete));
  return findings;
}

const checkSecurity: Check = ({ security, tls, admin }, error, warn) => {
  if (security === 'mutual-tls' && tls === undefined) error(['security'], 'mutual-tls needs the section tls');
  if (security === 'plaintext' && admin?.listen !== undefined)
    error(['admin', 'listen'], 'the admin API is served over the network with mutual-tls only');
  if (security === 'plaintext' && tls !== undefined) warn(['tls'], 'is not used: security is plaintext');
};

const checkClocks: Check = ({ 'clock-skew': skew }, error) => {
  if (skew !== undefined && skew.quarantine !== 0 && skew.quarantine < skew.warn)
    error(['clock-skew', 'quarantine'], 'must not be below warn (0s: any date is believed)');
};

const checkAuthorisation: Check = (file, error, warn) => {
  const { authorisation, security, site, 'router-id': routerId } = file;
  if (authorisation === undefined) return;
  if (security === 'mutual-tls' && authorisation.length === 0)
    warn(['security'], 'with mutual-tls nobody may originate anything without entries in authorisation');
  const owners = new Map<string, string>();
  for (const [i, entry] of authorisation.entries()) {
    for (const [j, id] of entry['router-ids'].entries()) {
      const owner = owners.get(id) ?? entry.site;
      owners.set(id, owner);
      if (owner !== entry.site) error(['authorisation', i, 'router-ids', j], `belongs to site ${owner} above`);
      if (id === routerId && site !== undefined && entry.site !== site)
        error(['authorisation', i, 'router-ids', j], 'is our own router id, but the site is not ours');
    }
  }
};

const checkLinks: Check = ({ links, 'router-id': routerId }, error) => {
  if (links === undefined) return;
  unique(
    links,
    (link) => link.name,
    (i) => ['links', i, 'name'],
    'link',
    error,
  );
  unique(
    links,
    (link) => link['local-address'],
    (i) => ['links', i, 'local-address'],
    'local address',
    error,
  );
  for (const [i, link] of links.entries()) {
    ask(() => {
      if (link.neighbour === routerId) error(['links', i, 'neighbour'], 'is our own router id');
    });
    ask(() => {
      if (link['local-address'] === link['remote-address'])
        error(['links', i, 'remote-address'], 'is also the local address');
      if (link['local-address'].includes(':') !== link['remote-address'].includes(':')) {
        error(['links', i, 'remote-address'], 'is of another address family than the local address');
      }
    });
  }
};

const checkPeers: Check = ({ peers, links, listen }, error, _warn, isComplete) => {
  if (peers === undefined) return;
  unique(
    peers,
    (peer) => peer.name,
    (i) => ['peers', i, 'name'],
    'peer',
    error,
  );
  unique(
    peers,
    (peer) => peer.address,
    (i) => ['peers', i, 'address'],
    'peer address',
    error,
  );
  const own = () => new Set([listen?.address, ...(links ?? []).map((link) => link['local-address'])]);
  for (const [i, peer] of peers.entries()) {
    ask(() => {
      if (own().has(peer.address)) error(['peers', i, 'address'], `${peer.address} is our own address`);
    });
    ask(() => {
      if (new Set(peer.families).size < peer.families.length) error(['peers', i, 'families'], 'names a family twice');
    });
    ask(() => {
      if (peer.link === undefined || links === undefined || !isComplete('links')) return;
      const names = links.map((link) => link.name);
      if (!names.includes(peer.link)) error(['peers', i, 'link'], unknownName('link', peer.link, names));
    });
  }
};

const checkServices: Check = ({ services, srv6 }, error) => {
  if (services === undefined) return;
  const names = Object.keys(services);
  unique(
    names,
    (name) => services[name]!,
    (i) => ['services', names[i]!],
    'service address',
    error,
  );
  if (srv6 === undefined) return;
  for (const name of names) {
    const inside = [srv6.locator, ...srv6.locators.map(({ prefix }) => prefix)].find((prefix) =>
      prefixContains(parsePrefix(prefix), services[name]!),
    );
    if (inside !== undefined) {
      error(['services', name], `lies inside the locator ${inside}: packets to it would loop`);
    }
  }
};

const checkInstances: Check = ({ instances, services, srv6, roles }, error, warn) => {
  if (instances === undefined) return;
  unique(
    instances,
    (instance) => instance.name,
    (i) => ['instances', i, 'name'],
    'instance',
    error,
  );
  unique(
    instances,
    (instance) => instance.sid,
    (i) => ['instances', i, 'sid'],
    'SID',
    error,
  );
  if (services !== undefined) {
    const key = (entry: (typeof instances)[number]) => `${resolveService(entry.service, services)} ${entry.address}`;
    unique(instances, key, (i) => ['instances', i, 'address'], 'service and address', error);
  }
  for (const [i, instance] of instances.entries()) {
    ask(() => checkReference(services, instance.service, ['instances', i, 'service'], error));
    ask(() => {
      if (srv6 === undefined || instance.sid === undefined) return;
      const fault =
        sidFault(instance.sid, srv6) ??
        (instance.sid === ownAddresses(srv6).endSid ? `${instance.sid} is the end-sid of the router` : undefined);
      if (fault !== undefined) error(['instances', i, 'sid'], fault);
    });
    ask(() => {
      const address = services && resolveService(instance.service, services);
      if (address !== undefined && instance.address === address)
        error(['instances', i, 'address'], 'must be the unicast address of the contact instance, not the service');
    });
    ask(() => {
      const address = services && resolveService(instance.service, services);
      const nexthop = instance.nexthop ?? instance.address;
      if (address === undefined || addressFamily(address) === addressFamily(nexthop)) return;
      const path = instance.nexthop === undefined ? 'address' : 'nexthop';
      error(['instances', i, path], `${nexthop} is of another address family than the service ${address}`);
    });
    ask(() => {
      if (instance['valid-for'] >= 2 * instance['report-interval']) return;
      error(['instances', i, 'valid-for'], 'must be at least twice report-interval, or state expires between reports');
    });
    ask(() => {
      if (roles !== undefined && !roles.includes('c-sma'))
        warn(['instances', i], 'is never advertised: this router has not the role c-sma');
      if (instance.health.kind === 'none' && instance.metrics.kind === 'push')
        warn(['instances', i], 'no health check: its death shows only when its state expires (valid-for)');
    });
  }
};

const checkSteering: Check = ({ steering, classes, services }, error, _warn, isComplete) => {
  if (steering === undefined) return;
  ask(() => {
    if (steering.debounce.min > steering.debounce.max) error(['steering', 'debounce'], 'min is longer than max');
  });
  if (services !== undefined) {
    const address = (entry: { readonly service: string }) => resolveService(entry.service, services) ?? entry.service;
    unique(steering.services, address, (i) => ['steering', 'services', i, 'service'], 'service', error);
  }
  for (const [i, entry] of steering.services.entries()) {
    ask(() => checkReference(services, entry.service, ['steering', 'services', i, 'service'], error));
    const names = ['default', ...(classes ?? []).map((one) => one.name)];
    if (classes !== undefined && isComplete('classes') && !names.includes(entry.class)) {
      error(['steering', 'services', i, 'class'], unknownName('class', entry.class, names));
    }
  }
};

const checkFib: Check = ({ fib }, error) => {
  if (fib === undefined) return;
  const base = fib['mark-base'];
  const mask = fib['mark-mask'];
  const lowest = mask & -mask;
  // A slot is added to the base, so the mask must be one run of bits and the base a value of it.
  if (((mask / lowest + 1) & (mask / lowest)) !== 0)
    error(['fib', 'mark-mask'], 'must be one run of bits, for example 0xfff');
  else if (lowest !== 1) error(['fib', 'mark-mask'], 'must start at bit 0: slots are added to mark-base');
  else if (base > mask) error(['fib', 'mark-base'], `does not fit into mark-mask 0x${mask.toString(16)}`);
  // All ones mark packets that are too big.
  else if (mask - base < 256)
    error(['fib', 'mark-base'], 'leaves room for fewer than 256 contact instances in mark-mask');
  else if (fib['rule-priority'] + (mask - base) > 32765) {
    error(['fib', 'rule-priority'], 'plus the number of marks passes 32765, the last before the main table');
  }
  if (Math.abs(fib['group-id-base'] - fib['nexthop-id-base']) < ID_RANGE) {
    error(['fib', 'nexthop-id-base'], `must be at least ${ID_RANGE} away from group-id-base`);
  }
};

const CHECKS: readonly Check[] = [
  checkSecurity,
  checkClocks,
  checkAuthorisation,
  checkSrv6,
  checkHmac,
  checkLocators,
  checkLinks,
  checkPeers,
  checkPeerProtocol,
  checkPolicies,
  checkServices,
  checkInstances,
  checkClasses,
  checkSteering,
  checkClassifier,
  checkFib,
];

function checkReference(
  services: Sections['services'] | undefined,
  text: string,
  path: ConfigPath,
  error: Report,
): void {
  if (services === undefined || resolveService(text, services) !== undefined) return;
  error(path, `${unknownName('service', text, Object.keys(services))} (an address is possible too)`);
}
