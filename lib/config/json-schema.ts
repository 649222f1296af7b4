// The configuration as a JSON schema, for editors and for checks outside the daemon. Cross checks are not in it.
import { z } from 'zod';
import { fileSchema } from './schema.ts';

/** JSON schema (draft 2020-12) of the file as it is written, before defaults and units. */
export function configJsonSchema(): Record<string, unknown> {
  return {
    title: 'cfnd configuration',
    ...z.toJSONSchema(fileSchema, { io: 'input', unrepresentable: 'any' }),
  };
}
