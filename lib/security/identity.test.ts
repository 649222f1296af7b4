import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { identityFault, namesOf, routerUri, siteOf } from './identity.ts';

const EG1 = { domain: 'metro', site: 'site-1', name: 'eg1' };
const URI = 'spiffe://metro/site/site-1/router/eg1';

describe('names of a certificate', () => {
  it.each([
    ['URI:spiffe://metro/site/site-1/router/eg1', [URI]],
    ['DNS:EG1.site-1.metro, IP Address:10.0.0.1', ['dns:eg1.site-1.metro']],
    ['DNS:a, URI:spiffe://metro/site/site-1/router/eg1, DNS:b', ['dns:a', URI, 'dns:b']],
    ['', []],
    // What is inside quotes is one name, however it looks.
    ['URI:"spiffe://evil/, URI:spiffe://metro/site/site-1/router/eg1"', []],
    ['DNS:"x\\", URI:spiffe://metro/site/site-1/router/eg1", DNS:y', ['dns:y']],
  ])('%s', (text, names) => {
    expect(namesOf(text)).toEqual(names);
  });

  it('tell the site', () => {
    expect(siteOf([URI])).toBe('site-1');
    expect(siteOf(['spiffe://metro/workload/x', 'dns:y'])).toBeUndefined();
  });

  it('never come out of a quoted value, whatever it holds', () => {
    fc.assert(
      fc.property(fc.string(), (inside) => {
        const quoted = JSON.stringify(`${inside}, URI:${URI}`);
        expect(namesOf(`DNS:first, URI:${quoted}, DNS:last`)).not.toContain(URI);
      }),
    );
  });
});

describe('an identity', () => {
  it.each([
    ['its URI', [URI]],
    ['its URI beside other names', ['dns:whatever', URI]],
    ['its DNS name', ['dns:eg1.site-1.metro']],
  ])('is proved by %s', (_, names) => {
    expect(identityFault(names, EG1)).toBe('');
  });

  it.each([
    [
      'another site',
      ['spiffe://metro/site/site-2/router/eg1'],
      /is for spiffe:.*site-2.*not for router eg1 of site site-1/,
    ],
    ['another router of the site', [routerUri('metro', 'site-1', 'eg2')], /not for router eg1/],
    ['another domain', [routerUri('rome', 'site-1', 'eg1')], /rome/],
    ['a longer path', [`${URI}/x`], /is for/],
    ['nothing', [], /is for nobody/],
    ['two URIs, one of them right', [URI, routerUri('metro', 'site-2', 'eg2')], /holds 2 SPIFFE names/],
    ['a DNS name that the URI contradicts', [routerUri('metro', 'site-2', 'eg2'), 'dns:eg1.site-1.metro'], /site-2/],
    ['a DNS name of another router', ['dns:eg2.site-1.metro'], /eg2.site-1.metro/],
  ])('is not proved by %s', (_, names, why) => {
    expect(identityFault(names, EG1)).toMatch(why);
  });

  it('has no DNS form where a dot would move the border between router and site', () => {
    expect(identityFault(['dns:a.b.c.metro'], { domain: 'metro', site: 'b.c', name: 'a' })).not.toBe('');
    expect(identityFault(['dns:a.b.c.metro'], { domain: 'metro', site: 'c', name: 'a.b' })).not.toBe('');
  });
});
