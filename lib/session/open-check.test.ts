import { describe, expect, it } from 'vitest';
import type { OpenMessage } from './message.ts';
import { checkOpen, ownOpen } from './open-check.ts';
import type { PeerSessionConfig } from './peer-contract.ts';
import { configOf, openOf } from './peers.fixture.ts';

const refusals: [string, Partial<OpenMessage>, Partial<PeerSessionConfig>, number, RegExp][] = [
  ['another version', { version: 2 }, {}, 1, /version 2/],
  ['another domain', { domain: 'other' }, {}, 12, /"other".*"metro"/],
  ['no site', { site: '' }, {}, 2, /site/],
  ['a site that is not the one configured', {}, { remoteSite: 'site-9' }, 2, /"site-b".*"site-9"/],
  ['router id 0', { routerId: '0.0.0.0' }, {}, 3, /0\.0\.0\.0/],
  [
    'a certificate of another site',
    {},
    { certified: true },
    2,
    /certificate is for spiffe:.*site-x.*not for router b of site site-b/,
  ],
  ['another name than the configured one', { name: 'z' }, { remoteName: 'b' }, 2, /"z", expected "b"/],
  ['the boot id of a life that is over', { bootId: 'old' }, { formerBootIds: ['older', 'old'] }, 13, /replay/],
  ['our router id on another router', { routerId: '10.0.0.1' }, {}, 3, /used twice/],
  ['our router id and boot id', { routerId: '10.0.0.1', bootId: 'boot-a' }, {}, 3, /connected to ourselves/],
  ['a router id that is not the one configured', {}, { remoteRouterId: '10.0.0.9' }, 3, /expected 10\.0\.0\.9/],
  ['a hold time of 299 ms', { holdTimeMs: 299 }, {}, 6, /299/],
  ['a hold time beyond 31 bits', { holdTimeMs: 0x8000_0000 }, {}, 6, /2147483648/],
  [
    'a capability missing',
    { capabilities: ['digest'] },
    { requiredCapabilities: ['digest', 'enhanced-refresh'] },
    7,
    /needs capability enhanced-refresh/,
  ],
  [
    'a role that is not the one configured',
    { peerRole: 'site' },
    { remoteRole: 'hub' },
    11,
    /role is site, expected hub/,
  ],
  ['no role where one is configured', {}, { remoteRole: 'hub' }, 11, /role is not said/],
  ['no family in common', { families: ['compute'] }, { families: ['service'] }, 7, /compute there, service here/],
];

describe('OPEN', () => {
  it.each(refusals)('with %s is refused in words that name the value', (_, remote, config, subcode, words) => {
    const verdict = checkOpen(openOf(remote), configOf(config), ['spiffe://metro/site/site-x/router/b']);
    expect(verdict).toMatchObject({ ok: false, notification: { code: 2, subcode } });
    expect(!verdict.ok && verdict.notification.text).toMatch(words);
  });

  it.each([
    [3000, 900, 900],
    [900, 3000, 900],
    [0, 3000, 0],
    [3000, 0, 0],
    [300, 0x7fff_ffff, 300],
  ])('proposing hold time %i to %i negotiates %i', (theirs, ours, expected) => {
    const verdict = checkOpen(openOf({ holdTimeMs: theirs }), configOf({ holdTimeMs: ours }));
    expect(verdict.ok && verdict.negotiated.holdTimeMs).toBe(expected);
  });

  it('needs a certificate where the configuration asks for one, and passes with the right one', () => {
    const config = configOf({ certified: true });
    expect(checkOpen(openOf(), config)).toMatchObject({ ok: false, notification: { subcode: 2 } });
    const { domain, site, name } = openOf();
    expect(checkOpen(openOf(), config, [`spiffe://${domain}/site/${site}/router/${name}`]).ok).toBe(true);
  });

  it('leaves only the families of both sides, in our order', () => {
    const verdict = checkOpen(openOf({ families: ['link-state', 'service'] }), configOf());
    expect(verdict.ok && verdict.negotiated.families).toEqual(['service', 'link-state']);
  });

  it('of two observers is refused by both', () => {
    const verdict = checkOpen(openOf({ peerRole: 'observer' }), configOf({}, { peerRole: 'observer' }));
    expect(verdict).toMatchObject({ ok: false, notification: { code: 2, subcode: 11 } });
  });

  it('leaves only the capabilities of both sides, and ignores what nobody here knows', () => {
    const config = configOf({}, { capabilities: ['digest', 'subscription'], peerRole: 'site' });
    const verdict = checkOpen(openOf({ capabilities: ['teleport', 'digest'], peerRole: 'hub' }), config);
    expect(verdict).toMatchObject({ ok: true, negotiated: { capabilities: ['digest'], relation: 'upstream' } });
  });

  it('of ours carries what is configured for this peer', () => {
    expect(ownOpen(configOf({ holdTimeMs: 700, families: ['service'] }))).toMatchObject({
      holdTimeMs: 700,
      families: ['service'],
    });
  });
});
