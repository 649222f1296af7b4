// Errors beside each other: none hides another, and none makes one up.

import { describe, expect, test } from 'vitest';
import { parse as parseYaml, stringify } from 'yaml';
import { EXAMPLE, INSTANCE, LINK, MINIMAL, refused, scalarPaths, withSections } from './parse.fixture.ts';
import { parseConfig } from './parse.ts';

describe('errors', () => {
  test('an entry with an error hides neither the faults of others nor makes references to it dangle', () => {
    const errors = refused(
      withSections({
        links: [{ ...LINK, delay: 5 }],
        peers: [
          { name: 'a', address: 'fd00::1', port: 0, link: 'eth1' },
          { name: 'b', address: 'fd00::2', link: 'eth1' },
          { name: 'b', address: 'fd00::3' },
        ],
      }),
    );
    expect(errors.map((error) => error.replace(/^\S+ /, ''))).toEqual([
      expect.stringMatching(/^links\[0\]\.delay: needs/),
      expect.stringMatching(/^peers\[0\]\.port: must/),
      expect.stringMatching(/^peers\[2\]\.name: the same peer/),
    ]);
  });

  test('a faulty option hides no fault of the other options of its section or entry', () => {
    const errors = refused(
      withSections({
        srv6: { locator: '5f00:0:11::/48', 'end-sid': '5f00:0:12:1::', device: 7 },
        links: [
          LINK,
          { ...LINK, delay: 5, 'local-address': 'fd00:2::1', 'remote-address': 'fd00:2::1' },
          { name: 'eth3', 'local-address': '192.0.2.1', 'remote-address': 'fd00:3::1' },
        ],
        peers: [
          { name: 'a', address: 'fd00:1::21' },
          { name: 'a', adress: 'fd00:1::22' },
          { name: 'b', address: 'fd00::3', port: 0, link: 'eth9' },
        ],
        instances: [{ ...INSTANCE, sid: '5f00:0:13:7::', address: 'nonsense' }],
        fib: { kind: 'kernal', 'mark-base': 0x1000 },
      }),
    );
    expect(errors.map((error) => error.replace(/^\S+ /, '').replace(/(\S+: .{0,12}).*/, '$1'))).toEqual([
      'srv6.end-sid: 5f00:0:12:1:',
      'srv6.device: must be the ',
      'links[1].name: the same lin',
      'links[1].remote-address: is also the ',
      'links[1].delay: needs a numb',
      'links[2].neighbour: is missing',
      'links[2].remote-address: is of anothe',
      'peers[1].address: is missing',
      'peers[1].name: the same pee',
      'peers[1].adress: unknown opti',
      'peers[2].port: must be a wh',
      'peers[2].link: there is no ',
      'instances[0].address: must be an I',
      'instances[0].sid: 5f00:0:13:7:',
      'fib.kind: must be one ',
      'fib.mark-base: does not fit',
    ]);
  });

  test('a misspelt section makes nothing that refers to it dangle', () => {
    const { links, ...others } = parseYaml(MINIMAL) as Record<string, unknown>;
    const errors = refused(
      stringify({ ...others, linsk: links, peers: [{ name: 'a', address: 'fd00::1', link: 'eth1' }] }),
    );
    expect(errors).toEqual([expect.stringMatching(/linsk: unknown option; did you mean links\?$/)]);
  });

  test('an option that cannot be read is the only thing said of an otherwise valid file', { timeout: 60_000 }, () => {
    const example = parseYaml(EXAMPLE) as Record<string, unknown>;
    for (const path of scalarPaths(example)) {
      const broken = structuredClone(example);
      const [key, ...above] = [...path].reverse();
      let at = broken as Record<string | number, unknown>;
      for (const step of above.reverse()) at = at[step] as Record<string | number, unknown>;
      at[key!] = { nonsense: [] };
      const result = parseConfig(stringify(broken));
      const places = result.ok ? [] : result.errors.map((error) => error.path);
      // A variant is chosen by one of its options: without it the others are not its own.
      const place = path
        .reduce<string>((text, it) => (typeof it === 'number' ? `${text}[${it}]` : `${text}.${it}`), '')
        .slice(1);
      const variant = /^kind$|^protocol$/.test(String(key)) ? place.slice(0, place.lastIndexOf('.')) : place;
      expect(places, place).not.toEqual([]);
      expect(
        places.filter((it) => !it.startsWith(variant)),
        place,
      ).toEqual([]);
    }
  });

  test('an address that ends in a colon and is not quoted gets a hint, not only YAML’s complaint', () => {
    expect(refused(`${MINIMAL.replace('"5f00:0:11:100::"', '5f00:0:11:100::')}`)[0]).toMatch(
      /^f:15:10: .*quote an address/,
    );
  });

  test('what is allowed but unwise is a warning', () => {
    const result = parseConfig(withSections({ instances: [{ ...INSTANCE, sid: '5f00:0:11:9::' }] }));
    expect(result.ok && result.warnings.map((one) => one.path)).toEqual(['instances[0]']);
  });
});
