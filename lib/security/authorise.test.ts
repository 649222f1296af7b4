import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AuthorisationEntry } from '../config/config.ts';
import { FAMILIES } from '../model/identity.ts';
import type { NodeAdvertisement } from '../model/link-state.ts';
import type { ServiceAttributes } from '../model/service-route.ts';
import { Authorisation } from './authorise.ts';

const entry = (site: string, id: number, more: Partial<AuthorisationEntry> = {}): AuthorisationEntry => ({
  site,
  routerIds: [`10.0.0.${id}`],
  families: [...FAMILIES],
  services: [],
  names: ['*'],
  locators: [`5f00:0:${id}::/48`],
  prefixes: [`fd00:${id}::/64`],
  relay: [],
  ...more,
});

/** One transit site that passes on everything, two sites that serve the same service, one that may only relay `site-1`. */
const authorisation = new Authorisation(
  [
    entry('transit', 1, { relay: ['*'] }),
    entry('site-1', 2, { services: ['fd00:cafe::/64'], names: ['web', 'batch-*'] }),
    entry('site-2', 3, { services: ['fd00:cafe::/64'], families: ['service', 'link-state'] }),
    entry('partner', 4, { relay: ['site-1'] }),
  ],
  'edge',
);

const attributes = (site: string, id: number, more: Partial<ServiceAttributes> = {}): ServiceAttributes =>
  ({
    egressSid: `5f00:0:${id}:80::`,
    sitePath: [site],
    clusterList: [],
    site,
    serviceName: 'web',
    ...more,
  }) as unknown as ServiceAttributes;

function judge(speaker: string, route: ServiceAttributes, originator: string, service = 'fd00:cafe::80') {
  return authorisation.judgeSet(route, { site: speaker }) ?? authorisation.judgeRoute(service, originator, route);
}

describe('a route', () => {
  it('is taken from its origin, and from those who may pass it on', () => {
    expect(judge('site-1', attributes('site-1', 2), '10.0.0.2')).toBeUndefined();
    expect(judge('transit', attributes('site-1', 2, { sitePath: ['transit', 'site-1'] }), '10.0.0.2')).toBeUndefined();
    expect(judge('partner', attributes('site-1', 2, { sitePath: ['partner', 'site-1'] }), '10.0.0.2')).toBeUndefined();
  });

  it('is judged at once, however its name was made for the pattern', () => {
    // A backtracking match would try every way to share sixty letters among ten stars.
    const entries = [entry('site-1', 2, { services: ['::/0'], names: ['*a*a*a*a*a*a*a*a*a*b'] })];
    const route = attributes('site-1', 2, { serviceName: 'a'.repeat(60) });
    expect(new Authorisation(entries, 'edge').judgeRoute('fd00:cafe::80', '10.0.0.2', route)).toBe('name');
  });

  it.each<[string, string, ServiceAttributes, string, string | undefined, string]>([
    ['of a site nobody knows', 'nowhere', attributes('nowhere', 9), '10.0.0.9', undefined, 'site'],
    ['under a router id of another site', 'site-2', attributes('site-2', 3), '10.0.0.2', undefined, 'originator'],
    ['to a service outside its prefixes', 'site-1', attributes('site-1', 2), '10.0.0.2', 'fd00:beef::80', 'service'],
    [
      'by a transit site that may originate nothing',
      'transit',
      attributes('transit', 1),
      '10.0.0.1',
      undefined,
      'service',
    ],
    [
      'under a name it may not use',
      'site-1',
      attributes('site-1', 2, { serviceName: 'admin' }),
      '10.0.0.2',
      undefined,
      'name',
    ],
    ['to a SID in another site', 'site-1', attributes('site-1', 3), '10.0.0.2', undefined, 'locator'],
    [
      'of another site, said to be next door',
      'site-2',
      attributes('site-1', 2, { sitePath: ['site-2', 'site-1'] }),
      '10.0.0.2',
      undefined,
      'relay',
    ],
    ['whose path does not begin with the peer', 'site-2', attributes('site-1', 2), '10.0.0.2', undefined, 'path'],
    [
      'whose path does not end at its origin',
      'site-2',
      attributes('site-1', 2, { sitePath: ['site-2'] }),
      '10.0.0.2',
      undefined,
      'path',
    ],
    ['without a path', 'site-1', attributes('site-1', 2, { sitePath: [] }), '10.0.0.2', undefined, 'path'],
    [
      'that crossed a site which relays nothing',
      'transit',
      attributes('site-1', 2, { sitePath: ['transit', 'site-2', 'site-1'] }),
      '10.0.0.2',
      undefined,
      'relay',
    ],
    [
      'passed on by a site that may pass on others only',
      'partner',
      attributes('site-2', 3, { sitePath: ['partner', 'site-2'] }),
      '10.0.0.3',
      undefined,
      'relay',
    ],
  ])('%s is refused', (_, speaker, route, originator, service, reason) => {
    expect(judge(speaker, route, originator, service)).toBe(reason);
  });

  it('from inside the own site needs no path, but leave to relay what came from outside', () => {
    const inside = new Authorisation([entry('edge', 5, { services: ['fd00:cafe::/64'] }), entry('site-1', 2)], 'edge');
    expect(inside.judgeSet(attributes('edge', 5, { sitePath: [] }), { site: 'edge' })).toBeUndefined();
    expect(inside.judgeSet(attributes('site-1', 2), { site: 'edge' })).toBe('relay');
  });

  it('from a hub needs not name the hub in its path, but the hub’s leave to relay and its mark in the cluster list', () => {
    const hub = (site: string) => ({ site, reflects: true });
    const reflected = attributes('site-1', 2, { clusterList: ['10.0.0.1'] });
    expect(authorisation.judgeSet(reflected, hub('transit'))).toBeUndefined();
    expect(authorisation.judgeSet(reflected, hub('site-2'))).toBe('relay');
    expect(authorisation.judgeSet(attributes('site-1', 2), hub('transit'))).toBe('path');
  });

  it('is refused whatever it is, when there are no entries', () => {
    const nobody = new Authorisation([], 'edge');
    fc.assert(
      fc.property(fc.constantFrom('site-1', 'transit'), fc.ipV6(), (site, service) => {
        const route = attributes(site, 2);
        expect(nobody.judgeSet(route, { site }) ?? nobody.judgeRoute(service, '10.0.0.2', route)).toBe('site');
      }),
    );
  });

  it('needs one entry that allows all of it, not two that allow half each', () => {
    const halves = new Authorisation(
      [
        entry('site-1', 2, { services: ['fd00:cafe::/64'], locators: ['5f00:0:8::/48'] }),
        entry('site-1', 2, { services: ['fd00:beef::/64'] }),
      ],
      'edge',
    );
    expect(halves.judgeRoute('fd00:cafe::80', '10.0.0.2', attributes('site-1', 2))).toBe('locator');
    expect(halves.judgeRoute('fd00:beef::80', '10.0.0.2', attributes('site-1', 2))).toBeUndefined();
  });
});

describe('state', () => {
  it('comes only from a site that may originate the family', () => {
    expect(authorisation.judgeState('10.0.0.2', 'site-1')).toBeUndefined();
    expect(authorisation.judgeState('10.0.0.3', 'site-2')).toBe('family');
  });
});

describe('a router’s advertisement', () => {
  const node = (more: Partial<NodeAdvertisement> = {}): NodeAdvertisement => ({
    originator: '10.0.0.2',
    site: 'site-1',
    name: 'eg1',
    sequence: 1,
    locators: [
      {
        prefix: '5f00:0:2::/48',
        structure: { block: 32, node: 16, function: 16, argument: 0 },
        endSid: '5f00:0:2:1::',
        behaviour: 1,
      },
    ],
    prefixes: ['fd00:2::/64'],
    links: [],
    maxSidDepth: 16,
    ...more,
  });
  const locator = (prefix: string, endSid: string) => ({ ...node().locators[0]!, prefix, endSid });

  it.each<[string, string, Partial<NodeAdvertisement>, string | undefined]>([
    ['its own', 'site-1', {}, undefined],
    ['its own, passed on by transit', 'transit', {}, undefined],
    ['passed on by a leaf', 'site-2', {}, 'relay'],
    ['a router id of another site', 'site-1', { originator: '10.0.0.3' }, 'originator'],
    ['a locator of another site', 'site-1', { locators: [locator('5f00:0:3::/48', '5f00:0:2:1::')] }, 'locator'],
    ['an End SID of another site', 'site-1', { locators: [locator('5f00:0:2::/48', '5f00:0:3:1::')] }, 'locator'],
    [
      'a decapsulating SID of another site',
      'site-1',
      { decapSids: [{ sid: '5f00:0:3:2::', behaviour: 18 }] },
      'locator',
    ],
    ['a locator wider than its own', 'site-1', { locators: [locator('5f00::/32', '5f00:0:2:1::')] }, 'locator'],
    ['a prefix that is not attached to it', 'site-1', { prefixes: ['fd00:3::/64'] }, 'prefix'],
    ['a default route', 'site-1', { prefixes: ['::/0'] }, 'prefix'],
    ['an IPv4 prefix', 'site-1', { prefixes: ['192.0.2.0/24'] }, 'prefix'],
  ])('%s', (_, site, more, reason) => {
    expect(authorisation.judgeNode(node(more), { site })).toBe(reason);
  });
});

describe('the own site', () => {
  const entries = [entry('leaf', 1), entry('partner', 2, { relay: ['leaf'] })];

  it('passes on itself and what its entry lets it; where no entry is about it, anything', () => {
    const passes = (own: string, origin: string) => new Authorisation(entries, own).passesOn(origin);
    expect([passes('leaf', 'leaf'), passes('leaf', 'partner')]).toEqual([true, false]);
    expect([passes('partner', 'leaf'), passes('partner', 'other')]).toEqual([true, false]);
    expect(passes('unnamed', 'leaf')).toBe(true);
  });
});
