// What a route of the benches says, as a site would: every attribute that is often there has a value.
import type { ServiceAttributes } from '../../lib/model/service-route.ts';

export const EXAMPLE_ATTRIBUTES: ServiceAttributes = {
  egressSid: '5f00:0:31:e000::',
  sidStructure: { block: 32, node: 16, function: 16, argument: 0 },
  behaviour: 18,
  sitePath: ['site-1'],
  clusterList: [],
  communities: [],
  onlyToDownstream: '',
  site: 'site-1',
  serviceName: 'web',
  instanceName: 'web-1',
  classes: ['interactive'],
  capabilities: [],
  region: 'north',
  residency: [],
  priceMicros: 5000,
  carbon: 120,
  energy: 300,
  securityLevel: 1,
  preference: 100,
  drain: false,
  validForMs: 60_000,
};
