// Text of a configuration file -> RouterConfig, or every error at once, each with path, line and column. An error hides
// no other: sections and entries are checked one by one, and cross checks run over every option that is not faulty.
import { z } from 'zod';
import { buildConfig } from './build.ts';
import type { RouterConfig } from './config.ts';
import { type ConfigPath, readYaml, type YamlFile } from './locate.ts';
import { nearestWord } from './nearest-word.ts';
import { crossCheckPartial, type FaultyList, splitList } from './partial.ts';
import { salvage } from './salvage.ts';
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
  const lists = new Map<SectionName, FaultyList>();
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
    const element = elementOf(sections[key]);
    if (element === undefined)
      valid[key] = salvage(innermost(sections[key]), value, (path) => optionsAt([key, ...path]));
    else if (Array.isArray(value) && issues.every((issue) => issue.path.length > 0))
      lists.set(
        key,
        splitList(element, value, (path) => optionsAt([key, 0, ...path])),
      );
  }
  // A misspelt section is not an absent one.
  for (const key of Object.keys(file.value)) {
    const meant = Object.hasOwn(sections, key) ? undefined : nearestWord(key, known);
    if (meant !== undefined && !Object.hasOwn(file.value, meant)) delete valid[meant as SectionName];
  }

  const partial = valid as Partial<Sections>;
  const findings = crossCheckPartial(partial, lists).map(({ severity, path, message }) => ({
    severity,
    error: at(file, path, message),
  }));
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

/** The schema of a list's entries; undefined: the section is no list. */
function elementOf(section: z.ZodType): z.ZodType | undefined {
  const schema = innermost(section);
  return schema instanceof z.ZodArray ? (schema.element as z.ZodType) : undefined;
}

function innermost(schema: z.ZodType): z.ZodType {
  const [inner] = unwrap(schema);
  return inner instanceof z.ZodType ? inner : schema;
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
