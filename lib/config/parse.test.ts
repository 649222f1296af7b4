// Text that nobody would write by chance, and files that may not hold what they hold.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse as parseYaml, stringify } from 'yaml';
import { EXAMPLE, MINIMAL, refused, withSections } from './parse.fixture.ts';
import { parseConfig } from './parse.ts';

describe('hostile text', () => {
  test.each([
    ['duplicate keys', 'name: a\nname: b\n', /^f:2:1: map keys must be unique/],
    ['a second document', `${MINIMAL}\n---\nname: b\n`, /multiple documents/],
    ['an empty file', '', /the file is empty/],
    ['a list', '- a\n', /must be a map of options/],
    ['an unknown tag', 'name: !!js/function x\n', /tag/i],
    ['deep nesting', '['.repeat(200_000), /nested too deeply|flow/],
    ['a tab', 'name:\n\t- x', /tab/i],
  ])('%s is refused', (_name, text, expected) => {
    expect(refused(text).join('\n')).toMatch(expected);
  });

  test('an alias bomb is refused in bounded time', () => {
    const rows = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 12; i++)
      rows.push(
        `a${i}: &a${i} [${Array(10)
          .fill(`*a${i - 1}`)
          .join(', ')}]`,
      );
    const started = performance.now();
    expect(refused(rows.join('\n'))[0]).toMatch(/aliases/);
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  test('keys that name parts of every object are only unknown options', () => {
    const errors = refused(`${MINIMAL}\n__proto__: 1\nconstructor: 2\ntoString: 3\n`);
    expect(errors.map((error) => error.replace(/^\S+ /, ''))).toEqual([
      '__proto__: unknown option',
      'constructor: unknown option',
      'toString: unknown option',
    ]);
  });

  const isPlaced = (text: string): boolean => {
    const result = parseConfig(text);
    if (result.ok) return true;
    const lines = text.split('\n').length;
    return (
      result.errors.length > 0 &&
      result.errors.every(({ line, column, message }) => line >= 1 && line <= lines && column >= 1 && message !== '')
    );
  };

  test('any text is parsed or refused with places inside it', { timeout: 60_000 }, () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), isPlaced));
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...'-:?[]{}#&*!|>\'"% \n\tab01~<'), { maxLength: 60 }), (s) =>
        isPlaced(s.join('')),
      ),
    );
  });

  test('any value in the place of any other is parsed or refused with places inside the file', {
    timeout: 60_000,
  }, () => {
    const example = parseYaml(EXAMPLE) as Record<string, unknown>;
    const paths: (string | number)[][] = [];
    const walk = (value: unknown, path: (string | number)[]): void => {
      if (path.length > 0) paths.push(path);
      if (typeof value !== 'object' || value === null) return;
      for (const [key, item] of Object.entries(value)) walk(item, [...path, Array.isArray(value) ? Number(key) : key]);
    };
    walk(example, []);
    const mutate = (path: (string | number)[], value: unknown): string => {
      const copy = structuredClone(example);
      let node = copy as Record<string | number, unknown>;
      for (const step of path.slice(0, -1)) node = node[step] as Record<string | number, unknown>;
      node[path.at(-1)!] = value;
      return stringify(copy);
    };
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.jsonValue(), (path, value) => isPlaced(mutate(path, value))),
      { numRuns: 150 },
    );
  });
});

describe('what a file may not hold', () => {
  test('is a password, which would stand in logs and recordings', () => {
    const [first, ...others] = refused(MINIMAL.replace('http://[', 'http://me:secret@['));
    expect(first).toMatch(/instances\[0\]\.metrics\.url: must hold no user or password/);
    expect([first, ...others].join()).not.toContain('secret');
  });

  test('is a router id under two sites, or our own under another site', () => {
    const entry = (site: string, id: string) => ({ site, 'router-ids': [id] });
    const twice = [entry('site-1', '10.0.0.1'), entry('site-2', '10.0.0.1')];
    expect(refused(withSections({ authorisation: twice }))).toEqual([
      expect.stringMatching(/belongs to site site-1 above/),
    ]);
    const own = [entry('site-9', '10.0.0.11')];
    expect(refused(withSections({ authorisation: own }))).toEqual([expect.stringMatching(/our own router id/)]);
  });

  test('is mutual TLS without certificates; with them nobody may say anything until somebody is named', () => {
    expect(refused(withSections({ security: 'mutual-tls' }))).toEqual([expect.stringMatching(/needs the section tls/)]);
    const tls = { certificate: '/c.pem', key: '/k.pem', authorities: '/a.pem' };
    const result = parseConfig(withSections({ security: 'mutual-tls', tls }));
    expect(result.ok && result.config.authorisation).toEqual([]);
    expect(result.ok && result.config.peers[0]?.remoteName).toBe('c1');
    expect(result.ok && result.warnings.map((warning) => warning.message).join()).toMatch(
      /nobody may originate anything/,
    );
  });
});
