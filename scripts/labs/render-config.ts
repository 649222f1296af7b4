// Renders the configuration of each router's daemon from a topology: sessions hop by hop over every fabric link, STAMP on
// the same links, SRv6 identity, and for an egress its contact instances. Only what differs from the daemon's defaults.
import { stringify } from 'yaml';
import { canonicalPrefix } from '../../lib/net/address.ts';
import { formatDelay } from './impairment.ts';
import { linksOf, routersOf, type Topology, type TopologyRouter, type TopologyService } from './topology.ts';

/** Lab pace: a probe is cheap here, and a demonstration should not wait. */
const HEALTH_PROBE = { interval: '100ms', timeout: '500ms', rise: 3, fall: 3 };
const BLACKOUT = '1s';
/** A delay that rises is believed when the lowest of this time has risen. */
const STAMP_WINDOW = '2s';

/** The text of `configs/<router>.yaml`; with certificates in this folder of the node, with mutual TLS. */
export function renderConfig(topology: Topology, router: TopologyRouter, certificates?: string): string {
  const peers = new Map(routersOf(topology).map((peer) => [peer.name, peer]));
  const fabric = linksOf(topology, router.name).flatMap(({ link, local, remote }) => {
    const peer = peers.get(remote.node);
    return peer === undefined ? [] : [{ link, local, remote, peer }];
  });
  const instances = topology.services.flatMap((service) => instancesBehind(service, router));
  const config = {
    name: router.name,
    site: router.site,
    'router-id': router.routerId,
    domain: topology.domain,
    roles: rolesOf(router),
    ...(certificates === undefined ? { security: 'plaintext' } : securityOf(topology, router, certificates)),
    listen: { address: '::', port: topology.ports.session },
    services: Object.fromEntries(topology.services.map((service) => [service.name, service.id])),
    srv6: {
      locator: router.locator,
      structure: topology.srv6.structure,
      'end-sid': router.endSid,
      source: router.loopback,
      device: topology.srv6.device,
      ...(router.locators.length === 0 ? {} : { locators: router.locators.map(locatorOf) }),
    },
    links: fabric.map(({ link, local, remote, peer }) => ({
      name: local.interface,
      neighbour: peer.routerId,
      'local-address': withoutLength(local.address),
      'remote-address': withoutLength(remote.address),
      delay: formatDelay(Math.max(1, link.delayUs)),
    })),
    stamp: { port: topology.ports.stamp, window: STAMP_WINDOW },
    peers: fabric.map(({ remote, peer }) => ({
      name: peer.name,
      address: withoutLength(remote.address),
      port: topology.ports.session,
    })),
    // Its daemons share few processors, which their first seconds need for other things.
    rehearsal: false,
    prefixes: [`${router.loopback}/128`, ...router.prefixes],
    ...(instances.length === 0 ? {} : { instances }),
    ...(router.role === 'ingress' ? { classes: classesOf(topology), steering: steeringOf(topology) } : {}),
  };
  const head = `# ${router.name} of ${topology.name}. Rendered from topologies/${topology.name}/topology.json by scripts/render.\n`;
  return head + stringify(config, { lineWidth: 120, flowCollectionPadding: true });
}

/** Default deny: each site its own routers, services and SIDs; transit sites pass on what others said. */
function securityOf(topology: Topology, router: TopologyRouter, certificates: string): object {
  const file = (name: string): string => `${certificates}/${name}`;
  return {
    security: 'mutual-tls',
    tls: {
      certificate: file(`${router.name}.pem`),
      key: file(`${router.name}.key`),
      authorities: file('ca.pem'),
    },
    authorisation: routersOf(topology).map((one) => ({
      site: one.site,
      'router-ids': [one.routerId],
      services: topology.services
        .filter((service) => service.instances.some((instance) => instance.egress === one.name))
        .map((service) => canonicalPrefix(`${service.id}/128`)),
      locators: [one.locator, ...one.locators.map(({ prefix }) => prefix)],
      prefixes: [`${one.loopback}/128`, ...one.prefixes],
      relay: one.role === 'core' ? ['*'] : [],
    })),
  };
}

/** RFC 10053 section 3: every router measures and forwards; agents of services sit at the egress, selectors at the ingress. */
function rolesOf(router: TopologyRouter): string[] {
  const own = { ingress: ['c-ps'], core: [], egress: ['c-sma'] }[router.role];
  return ['c-nma', 'forwarder', ...own];
}

function instancesBehind(service: TopologyService, router: TopologyRouter): object[] {
  return service.instances
    .filter((instance) => instance.egress === router.name)
    .map((instance) => ({
      name: instance.host,
      service: service.name,
      address: instance.contactInstance,
      ...(instance.sid === undefined ? {} : { sid: instance.sid }),
      classes: [service.class],
      metrics: { kind: 'prometheus', url: `http://[${instance.contactInstance}]:${service.metricsPort}/metrics` },
      health: { kind: 'http', url: `http://[${instance.contactInstance}]:${service.port}/healthz`, ...HEALTH_PROBE },
    }));
}

function locatorOf({ prefix, behaviour, csidBits }: TopologyRouter['locators'][number]): object {
  return { prefix, behaviour, ...(csidBits === undefined ? {} : { 'csid-bits': csidBits }) };
}

function classesOf(topology: Topology): object[] {
  return [...new Set(topology.services.map((service) => service.class))].map((name) => ({ name }));
}

function steeringOf(topology: Topology): object {
  return {
    services: topology.services.map((service) => ({ service: service.name, class: service.class })),
    blackout: BLACKOUT,
  };
}

function withoutLength(address: string): string {
  return address.split('/')[0] ?? '';
}
