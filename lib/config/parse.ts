// Text of a configuration file -> RouterConfig, or every error at once, each with path, line and column. Sections are
// checked one by one, so that an error in one does not hide those of another; cross checks run over what is valid.
import { z } from 'zod';
import { buildConfig } from './build.ts';
import type { RouterConfig } from './config.ts';
import { crossCheck } from './cross-check.ts';
import { type ConfigPath, readYaml, type YamlFile } from './locate.ts';
import { nearestWord } from './nearest-word.ts';
import { type SectionName, type Sections, sections } from './schema.ts';

export interface ConfigError {
  /** `peers[2].hold-time`; empty: the file as a whole. */
  readonly path: string;
  /** 1-based. */
  readonly line: number;
  readonly column: number;
  /** Lower case, no full stop. */
  readonly message: string;
}

export type ParsedConfig =
  | { readonly ok: true; readonly config: RouterConfig; readonly warnings: readonly ConfigError[] }
  | { readonly ok: false; readonly errors: readonly ConfigError[] };

/** Parses a whole file; never throws. Errors are in the order of the file. */
export function parseConfig(text: string): ParsedConfig {
  const yaml = readYaml(text);
  if (!yaml.ok) return { ok: false, errors: inOrder(yaml.errors.map((error) => ({ ...error, path: '' }))) };
  const { file } = yaml;
  if (!isRecord(file.value)) {
    const message = file.value === null ? 'the file is empty' : 'must be a map of options';
    return { ok: false, errors: [{ path: '', line: 1, column: 1, message }] };
  }

  const errors: ConfigError[] = [];
  const known = Object.keys(sections) as SectionName[];
  for (const key of Object.keys(file.value)) {
    if (!Object.hasOwn(sections, key)) errors.push(unknownKey(file, [], key, known));
  }
  const valid: { -readonly [K in SectionName]?: unknown } = {};
  /** Of lists with faulty entries: the index in the file of each entry that is left. */
  const kept = new Map<string | number, readonly number[]>();
  for (const key of known) {
    const value = Object.hasOwn(file.value, key) ? file.value[key] : undefined;
    // `peers:` with nothing below it means the same as no `peers:`.
    const result = sections[key].safeParse(value ?? undefined);
    if (result.success) {
      valid[key] = result.data;
      continue;
    }
    const { issues } = result.error;
    errors.push(...issues.flatMap((issue) => schemaErrors(file, key, issue)));
    if (!Array.isArray(value) || issues.some((issue) => issue.path.length === 0)) continue;
    const faulty = new Set(issues.map((issue) => issue.path[0]));
    const indices = [...value.keys()].filter((index) => !faulty.has(index));
    const rest = sections[key].safeParse(indices.map((index): unknown => value[index]));
    if (!rest.success) continue;
    valid[key] = rest.data;
    kept.set(key, indices);
  }

  const partial = valid as Partial<Sections>;
  const findings = crossCheck(partial, (section) => !kept.has(section)).map(({ severity, path, message }) => {
    const [section, index, ...rest] = path;
    const indices = kept.get(section ?? '');
    const inFile: ConfigPath = indices ? [section!, indices[Number(index)]!, ...rest] : path;
    return { severity, error: at(file, inFile, message) };
  });
  errors.push(...findings.filter((finding) => finding.severity === 'error').map((finding) => finding.error));
  if (errors.length > 0) return { ok: false, errors: inOrder(errors) };
  const warnings = findings.map((finding) => finding.error);
  return { ok: true, config: buildConfig(partial as Sections), warnings: inOrder(warnings) };
}

/** `file:line:column path: message`, as compilers write it. */
export function formatConfigError(file: string, error: ConfigError): string {
  const where = `${file}:${error.line}:${error.column}`;
  return error.path === '' ? `${where}: ${error.message}` : `${where} ${error.path}: ${error.message}`;
}

function schemaErrors(file: YamlFile, section: SectionName, issue: z.core.$ZodIssue): ConfigError[] {
  const path: ConfigPath = [section, ...issue.path.map((step) => (typeof step === 'number' ? step : String(step)))];
  if (issue.code === 'unrecognized_keys') {
    const options = optionsAt(path);
    return issue.keys.map((key) => unknownKey(file, path, key, options));
  }
  if (issue.code === 'invalid_key') return [at(file, path, issue.issues[0]?.message ?? 'is not a valid name', true)];
  return [at(file, path, issueText(issue, file.value, path))];
}

function issueText(issue: z.core.$ZodIssue, root: unknown, path: ConfigPath): string {
  const present = valueAt(root, path);
  if ((present === undefined || present === null) && issue.code !== 'custom') {
    return path.length === 1 && path[0] === 'security' ? issue.message : 'is missing';
  }
  switch (issue.code) {
    case 'invalid_type': {
      const generic = issue.message.startsWith('Invalid input');
      return generic ? `must be ${EXPECTED[issue.expected] ?? issue.expected}` : issue.message;
    }
    case 'invalid_value': {
      const generic = issue.message.startsWith('Invalid option') || issue.message.startsWith('Invalid input');
      if (!generic) return issue.message;
      const near = typeof present === 'string' ? nearestWord(present, issue.values.map(String)) : undefined;
      return `must be one of ${issue.values.join(', ')}${near === undefined ? '' : `; did you mean ${near}?`}`;
    }
    case 'too_big':
      return issue.message.startsWith('Too big') ? `holds too many entries (at most ${issue.maximum})` : issue.message;
    case 'too_small':
      return issue.message.startsWith('Too small')
        ? `holds too few entries (at least ${issue.minimum})`
        : issue.message;
    default:
      return issue.message;
  }
}

const EXPECTED: Readonly<Record<string, string>> = {
  object: 'a map of options',
  record: 'a map of names',
  array: 'a list',
  string: 'text',
  boolean: 'true or false',
};

function unknownKey(file: YamlFile, parent: ConfigPath, key: string, known: readonly string[]): ConfigError {
  const near = nearestWord(key, known);
  return at(
    file,
    [...parent, key],
    near === undefined ? 'unknown option' : `unknown option; did you mean ${near}?`,
    true,
  );
}

/** Keys that the schema knows at `path`; follows lists, defaults and unions as far as they go. */
function optionsAt(path: ConfigPath): string[] {
  let schemas: unknown[] = [sections[path[0] as SectionName]];
  for (const step of [...path.slice(1), undefined]) {
    schemas = schemas.flatMap(unwrap);
    if (step === undefined) break;
    schemas = schemas.flatMap((schema) => {
      if (schema instanceof z.ZodArray) return [schema.element];
      if (schema instanceof z.ZodObject && typeof step === 'string') return [schema.shape[step]];
      return [];
    });
  }
  return schemas.flatMap((schema) => (schema instanceof z.ZodObject ? Object.keys(schema.shape) : []));
}

function unwrap(schema: unknown): unknown[] {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional) {
    return unwrap(schema.unwrap());
  }
  if (schema instanceof z.ZodUnion) return schema.options.flatMap(unwrap);
  return [schema];
}

function at(file: YamlFile, path: ConfigPath, message: string, atKey = false): ConfigError {
  return { path: pathText(path), ...file.locate(path, atKey), message };
}

function pathText(path: ConfigPath): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? step : `${text}.${step}`;
  }, '');
}

function valueAt(root: unknown, path: ConfigPath): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function inOrder(errors: ConfigError[]): ConfigError[] {
  return errors.sort((a, b) => a.line - b.line || a.column - b.column);
}
