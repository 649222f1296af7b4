// From the sections of the file to the values the daemon works with: kebab-case to field names, references resolved,
// defaults that depend on other options filled in. Expects sections that passed their schemas and the cross checks.
import { invariant } from '../errors.ts';
import type { SidStructure } from '../model/service-route.ts';
import { FUNCTION_END } from '../model/sid-functions.ts';
import { addressToBytes, bytesToAddress, parsePrefix } from '../net/address.ts';
import { buildPolicy, buildProtocol, requirePrefixes } from './build-protocol.ts';
import { buildSecurity, peerName } from './build-security.ts';
import type {
  HealthConfig,
  LocalInstanceConfig,
  MetricsSourceConfig,
  PeerConfig,
  RouterConfig,
  ServiceClassConfig,
} from './config.ts';
import { buildLocator } from './locators.ts';
import type { Sections } from './schema.ts';
import { buildMatch } from './schema-classifier.ts';
import { defaultClass } from './schema-services.ts';
import { resolveService } from './service-name.ts';

type FileInstance = Sections['instances'][number];
type FileClass = Sections['classes'][number];

/** Bits of a C-SID's node and function where the file does not say. */
const NODE_BITS = 16;
const FUNCTION_BITS = 16;

/** Structure of a locator of `length` bits when none is said; undefined: it leaves no room for block or function. */
export function defaultStructure(length: number): SidStructure | undefined {
  if (length <= NODE_BITS || length + FUNCTION_BITS > 128) return undefined;
  return { block: length - NODE_BITS, node: NODE_BITS, function: FUNCTION_BITS, argument: 0 };
}

/** The router's own addresses in its locator, said or by default. */
export function ownAddresses(srv6: Sections['srv6']): { readonly endSid: string; readonly source: string } {
  const locator = parsePrefix(srv6.locator);
  const functionBits = (srv6.structure ?? defaultStructure(locator.length))?.function ?? FUNCTION_BITS;
  return {
    endSid: srv6['end-sid'] ?? withNumber(locator.address, Math.min(128, locator.length + functionBits), FUNCTION_END),
    source: srv6.source ?? withNumber(locator.address, 128, 1),
  };
}

/** Adds a number whose last bit is bit `end` (128: the last of the address). */
function withNumber(address: string, end: number, value: number): string {
  const bytes = addressToBytes(address);
  for (let bit = 0; bit < 32; bit++) {
    if (((value >>> bit) & 1) === 1) bytes[(end - 1 - bit) >> 3]! |= 0x80 >> ((end - 1 - bit) & 7);
  }
  return bytesToAddress(bytes);
}

/** Builds the typed configuration; canonical addresses throughout. */
export function buildConfig(file: Sections): RouterConfig {
  const structure = file.srv6.structure ?? defaultStructure(parsePrefix(file.srv6.locator).length);
  invariant(structure !== undefined, 'the structure of the locator was checked');
  const classes = file.classes.some((entry) => entry.name === 'default')
    ? file.classes
    : [defaultClass(), ...file.classes];
  return {
    name: file.name,
    site: file.site,
    routerId: file['router-id'],
    domain: file.domain,
    roles: file.roles,
    listen: {
      address: file.listen.address,
      port: file.listen.port,
      connectionsPerAddress: file.listen['connections-per-address'],
      openWithinMs: file.listen['open-within'],
      sendHoldMs: file.listen['send-hold'],
    },
    security: file.security,
    ...buildSecurity(file),
    admin: { socket: file.admin.socket, ...(file.admin.listen && { listen: file.admin.listen }) },
    ...(file.role && { peerRole: file.role }),
    policies: Object.entries(file.policies).map(([name, policy]) => buildPolicy(name, policy, file.services)),
    protocol: buildProtocol(file),
    peers: file.peers.map((peer) => buildPeer(peer, file)),
    srv6: {
      locator: file.srv6.locator,
      structure,
      ...ownAddresses(file.srv6),
      device: file.srv6.device,
      maxSidDepth: file.srv6['max-sid-depth'],
      ...(file.srv6.hmac && { hmac: buildHmac(file.srv6.hmac) }),
      locators: file.srv6.locators.map(buildLocator),
      compression: file.srv6.compression,
    },
    links: file.links.map((link) => ({
      name: link.name,
      neighbour: link.neighbour,
      localAddress: link['local-address'],
      remoteAddress: link['remote-address'],
      delayUs: link.delay,
      bandwidthBps: link.bandwidth,
      adminGroups: link['admin-groups'],
      srlg: link.srlg,
    })),
    ...(file.border.enabled && { border: { inside: file.border.inside } }),
    ...(file.mtu !== 'off' && { mtu: file.mtu }),
    stamp: {
      // Without the role nobody measures, and a link that waits for STAMP's word would never be announced.
      enabled: file.stamp.enabled && file.roles.includes('c-nma'),
      port: file.stamp.port,
      intervalMs: file.stamp.interval,
      detectMultiplier: file.stamp['detect-multiplier'],
      windowMs: file.stamp.window,
      deadBandPercent: file.stamp['dead-band'].share,
      deadBandUs: file.stamp['dead-band'].delay,
    },
    prefixes: file.prefixes,
    instances: file.instances.map((instance) => buildInstance(instance, file.services)),
    steering: {
      services: file.steering.services.map((entry) => ({
        service: requireService(entry.service, file.services),
        ...(Object.hasOwn(file.services, entry.service) && { name: entry.service }),
        class: entry.class,
        classify: entry.classify.map((rule) => ({ match: buildMatch(rule.match), class: rule.class })),
      })),
      classes: classes.map(buildClass),
      debounce: { minMs: file.steering.debounce.min, maxMs: file.steering.debounce.max },
      blackoutMs: file.steering.blackout,
    },
    fib: {
      kind: file.fib.kind,
      protocol: file.fib.protocol,
      groupIdBase: file.fib['group-id-base'],
      nexthopIdBase: file.fib['nexthop-id-base'],
      tableBase: file.fib['table-base'],
      markBase: file.fib['mark-base'],
      markMask: file.fib['mark-mask'],
      rulePriority: file.fib['rule-priority'],
      verifyIntervalMs: file.fib['verify-interval'],
      underlay: file.fib.underlay,
      ...(file.fib.accelerator !== 'none' && { accelerator: file.fib.accelerator }),
    },
    rehearsal: file.rehearsal,
    rehearseEveryMs: file['rehearse-every'],
    recorder: { file: file.recorder.file ?? '', maxBytes: file.recorder['max-size'] },
    log: file.log,
  };
}

function buildPeer(peer: Sections['peers'][number], file: Sections): PeerConfig {
  const { subscribe, limits } = peer;
  return {
    name: peer.name,
    address: peer.address,
    port: peer.port,
    families: peer.families,
    holdTimeMs: peer['hold-time'],
    connectRetryMs: peer['connect-retry'],
    passive: peer.passive,
    ...(peer.site !== undefined && { remoteSite: peer.site }),
    ...(peer['router-id'] !== undefined && { remoteRouterId: peer['router-id'] }),
    ...peerName(peer, file.security),
    link: peer.link ?? file.links.find((link) => link['remote-address'] === peer.address)?.name ?? '',
    ...(peer.role && { remoteRole: peer.role }),
    requiredCapabilities: peer.require,
    importPolicy: peer.import ?? '',
    exportPolicy: peer.export ?? '',
    subscription: { ...subscribe, services: requirePrefixes(subscribe.services, file.services) },
    limits: {
      service: limits.service,
      services: limits.services,
      instancesPerService: limits['instances-per-service'],
      linkState: limits['link-state'],
      updates: { perSecond: limits.updates['per-second'], burst: limits.updates.burst },
      bytes: { perSecond: limits.bytes['per-second'], burst: limits.bytes.burst },
      warnPercent: limits.warn,
      action: limits.action,
      restartMs: limits.restart,
    },
    pacing: peer.pacing,
  };
}

function buildHmac(hmac: NonNullable<Sections['srv6']['hmac']>): NonNullable<RouterConfig['srv6']['hmac']> {
  const { 'key-id': keyId, algorithm, 'secret-file': secretFile, 'require-on': requireOn } = hmac;
  return { keyId, algorithm, secretFile, requireOn };
}

function buildInstance(instance: FileInstance, services: Sections['services']): LocalInstanceConfig {
  const service = requireService(instance.service, services);
  return {
    service,
    serviceName: serviceName(service, services),
    contactInstance: instance.address,
    instanceName: instance.name,
    nexthop: instance.nexthop ?? instance.address,
    sid: instance.sid ?? '',
    classes: instance.classes,
    capabilities: instance.capabilities,
    region: instance.region,
    residency: instance.residency,
    priceMicros: instance.price,
    carbon: instance.carbon,
    energy: instance.energy,
    securityLevel: instance['security-level'],
    preference: instance.preference,
    metrics: buildMetrics(instance.metrics),
    health: buildHealth(instance.health),
    reportIntervalMs: instance['report-interval'],
    validForMs: instance['valid-for'],
    ...(instance['dead-band'] !== undefined && { deadBandPercent: instance['dead-band'] }),
  };
}

function buildMetrics(metrics: FileInstance['metrics']): MetricsSourceConfig {
  if (metrics.kind === 'push') return metrics;
  return {
    kind: 'prometheus',
    url: metrics.url,
    intervalMs: metrics.interval,
    timeoutMs: metrics.timeout,
    names: {
      workers: metrics.names.workers,
      inFlight: metrics.names['in-flight'],
      arrivals: metrics.names.arrivals,
      completions: metrics.names.completions,
      busySeconds: metrics.names['busy-seconds'],
    },
  };
}

function buildHealth(health: FileInstance['health']): HealthConfig {
  if (health.kind === 'none') return { kind: 'none', url: '', intervalMs: 0, timeoutMs: 0, rise: 0, fall: 0 };
  const { kind, url, interval, timeout, rise, fall } = health;
  return { kind, url, intervalMs: interval, timeoutMs: timeout, rise, fall };
}

function buildClass(entry: FileClass): ServiceClassConfig {
  const { bounds, exchange } = entry;
  return {
    name: entry.name,
    strategy: entry.strategy,
    maxRoundTripUs: bounds['round-trip'] ?? Number.POSITIVE_INFINITY,
    maxTotalTimeUs: bounds['total-time'] ?? Number.POSITIVE_INFINITY,
    minSpareCapacity: bounds['min-spare-capacity'],
    requiredCapabilities: bounds.capabilities,
    regions: bounds.regions,
    minSecurityLevel: bounds['min-security-level'],
    maxPriceMicros: bounds['max-price'] ?? Number.POSITIVE_INFINITY,
    maxCarbon: bounds['max-carbon'] ?? Number.POSITIVE_INFINITY,
    usPerPriceMicro: exchange.price,
    usPerCarbonGram: exchange.carbon,
    usPerPreference: exchange.preference,
    scoreToUs: entry['score-table'],
    hysteresisPercent: entry.hysteresis,
    holdMs: entry.hold,
    explorationPercent: entry.exploration,
    affinity: entry.affinity,
    clientBits: entry['client-prefix'],
    buckets: entry.buckets,
    unbalancedTimeoutMs: entry['unbalanced-timeout'],
    idleTimeoutMs: entry['idle-timeout'],
    closingTimeoutMs: entry['closing-timeout'],
    ...(entry.paths.length > 0 && { paths: entry.paths }),
  };
}

function requireService(text: string, services: Sections['services']): string {
  const service = resolveService(text, services);
  invariant(service !== undefined, 'references to services were checked');
  return service;
}

/** The name in `services`, or the address itself. */
function serviceName(service: string, services: Sections['services']): string {
  return Object.keys(services).find((name) => services[name] === service) ?? service;
}
