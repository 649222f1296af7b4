import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { configJsonSchema } from './json-schema.ts';
import { EXAMPLE, MINIMAL, withSections } from './parse.fixture.ts';

test('the JSON schema accepts what the parser accepts and refuses unknown keys', () => {
  const validate = new Ajv2020({ strict: false }).compile(configJsonSchema());
  expect(validate(parseYaml(EXAMPLE))).toBe(true);
  expect(validate({ ...(parseYaml(MINIMAL) as object), sight: 'x' })).toBe(false);
  expect(validate(parseYaml(withSections({ stamp: { interval: 50 } })))).toBe(false);
});
