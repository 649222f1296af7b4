import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PEER_ROLES, type PeerRole } from '../model/identity.ts';
import { markReceived, markSent, relationTo, roleFault } from './roles.ts';

test('the table of roles', () => {
  const rows = PEER_ROLES.map((local) => [local, ...PEER_ROLES.map((remote) => relationTo(local, remote))].join(' '));
  expect(rows.join('\n')).toMatchInlineSnapshot(`
    "site lateral upstream upstream downstream
    hub downstream lateral upstream downstream
    controller downstream downstream lateral downstream
    observer upstream upstream upstream lateral"
  `);
});

test.each<[PeerRole | undefined, PeerRole | undefined, PeerRole | undefined, string]>([
  ['site', 'hub', 'hub', ''],
  ['site', 'hub', undefined, ''],
  [undefined, undefined, undefined, ''],
  ['site', 'site', 'hub', 'role is site, expected hub'],
  ['site', undefined, 'hub', 'role is not said, expected hub'],
  ['observer', 'observer', undefined, 'both are observers: neither would say anything'],
])('as %s to a peer that says %s, configured %s: %j', (local, remote, expected, fault) => {
  expect(roleFault(local, remote, expected)).toBe(fault);
});

test('no route goes up or sideways once it went down or sideways, whichever way it takes', () => {
  const role = fc.constantFrom(...PEER_ROLES);
  fc.assert(
    fc.property(fc.array(role, { minLength: 2, maxLength: 8 }), (way) => {
      let mark: string = '';
      let turned = false;
      for (let hop = 0; hop + 1 < way.length; hop++) {
        const out = relationTo(way[hop]!, way[hop + 1]!);
        const sent = markSent(out, mark, `10.0.0.${hop}`);
        if (sent === 'withheld') {
          expect(turned).toBe(true);
          return;
        }
        expect(turned && out !== 'downstream').toBe(false);
        turned ||= out !== 'upstream';
        const taken = markReceived(relationTo(way[hop + 1]!, way[hop]!), sent, `10.0.0.${hop}`);
        // Whoever keeps to the rule is never taken for a leak.
        expect(taken).not.toBe('leak');
        mark = taken;
      }
    }),
  );
});

test('a route that came down and is sent up all the same is a leak, as is one that went sideways twice', () => {
  expect(markReceived('downstream', '10.0.0.1', '10.0.0.2')).toBe('leak');
  expect(markReceived('lateral', '10.0.0.1', '10.0.0.2')).toBe('leak');
  expect(markReceived('lateral', '10.0.0.2', '10.0.0.2')).toBe('10.0.0.2');
});

test('without roles nothing is marked and nothing withheld', () => {
  expect(relationTo(undefined, 'hub')).toBe('none');
  expect(markSent('none', '10.0.0.1', '10.0.0.9')).toBe('10.0.0.1');
  expect(markReceived('none', '', '10.0.0.9')).toBe('');
});
