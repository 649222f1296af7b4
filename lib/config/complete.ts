// Configurations of recordings made before an option existed: what is absent gets the option's default, so that the
// recording still replays. A file that was parsed by this version is complete and comes back as it is.
import type { PeerConfig, ProtocolConfig, RouterConfig, ServiceClassConfig, SteeredServiceConfig } from './config.ts';

/** What is newer than the oldest recordings. */
type Recorded = Omit<RouterConfig, 'peers' | 'policies' | 'protocol' | 'srv6' | 'steering'> & {
  readonly steering: Omit<RouterConfig['steering'], 'services' | 'classes'> & {
    readonly services: readonly (Partial<SteeredServiceConfig> & Omit<SteeredServiceConfig, 'classify'>)[];
    readonly classes: readonly (Partial<NewOfClass> & Omit<ServiceClassConfig, keyof NewOfClass>)[];
  };
  readonly peers: readonly (Partial<Omit<NewOfPeer, 'limits'>> & {
    readonly limits?: Partial<PeerConfig['limits']>;
  } & Omit<PeerConfig, keyof NewOfPeer>)[];
  readonly srv6: Partial<NewOfSrv6> & Omit<RouterConfig['srv6'], keyof NewOfSrv6>;
} & Partial<Pick<RouterConfig, 'policies' | 'protocol'>>;

type NewOfPeer = Pick<
  PeerConfig,
  'requiredCapabilities' | 'importPolicy' | 'exportPolicy' | 'subscription' | 'limits' | 'pacing'
>;

type NewOfSrv6 = Pick<RouterConfig['srv6'], 'locators' | 'compression'>;

const SRV6: NewOfSrv6 = { locators: [], compression: 'auto' };

type NewOfClass = Pick<ServiceClassConfig, 'clientBits' | 'buckets' | 'unbalancedTimeoutMs'>;

const CLASS: NewOfClass = { clientBits: { ipv4: 32, ipv6: 128 }, buckets: 1024, unbalancedTimeoutMs: 0 };

const PEER: NewOfPeer = {
  requiredCapabilities: [],
  importPolicy: '',
  exportPolicy: '',
  subscription: { services: [], regions: [], classes: [] },
  limits: {
    service: 1_000_000,
    services: 1_000_000,
    instancesPerService: 1_000_000,
    linkState: 100_000,
    updates: { perSecond: 0, burst: 10_000 },
    bytes: { perSecond: 0, burst: 67_108_864 },
    warnPercent: 80,
    action: 'close',
    restartMs: 60_000,
  },
  pacing: { service: 0, compute: 0, 'link-state': 0 },
};

/** As sessions were before: no long-lived routes, no digests, no damping. */
const PROTOCOL: ProtocolConfig = {
  restartTimeMs: 120_000,
  longLivedMs: 0,
  digestIntervalMs: 0,
  clockSkewMs: 5000,
  damping: { enabled: false, penalty: 1000, suppress: 6000, reuse: 750, halfLifeMs: 60_000 },
  reportRate: { perSecond: 1_000_000, burst: 1_000_000 },
};

export function completeConfig(config: Recorded): RouterConfig {
  return {
    ...config,
    srv6: { ...SRV6, ...config.srv6 },
    policies: config.policies ?? [],
    protocol: config.protocol ?? PROTOCOL,
    peers: config.peers.map((peer) => ({ ...PEER, ...peer, limits: { ...PEER.limits, ...peer.limits } })),
    steering: {
      ...config.steering,
      services: config.steering.services.map((service) => ({ classify: [], ...service })),
      classes: config.steering.classes.map((one) => ({ ...CLASS, ...one })),
    },
  };
}
