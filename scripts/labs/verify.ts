// Runs the checks of a lab's verify.yml: commands in nodes, repeated until they print what is expected or their time is up.
// The same file for every engine. Knows no daemon: what is expected stands in the file.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { type Engine, type ExecResult, LabError } from './engine.ts';
import { parseDelay } from './impairment.ts';
import type { LabFile } from './lab-file.ts';
import { compared, difference } from './subset.ts';
import { splitWords } from './substitute.ts';

/** Pause between two tries. */
const PAUSE_MS = 500;

const duration = z.string().transform((text, context) => {
  try {
    return parseDelay(text) / 1000;
  } catch (error) {
    context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
    return z.NEVER;
  }
});
const checkSchema = z.strictObject({
  name: z.string().min(1),
  /** Asked at the same time; all of them must pass. */
  nodes: z.array(z.string()).min(1),
  /** Without a shell; split into words. */
  run: z.string().min(1),
  /** Expected exit code. */
  code: z.int().default(0),
  /** Regular expression that standard output must match. */
  matches: z.string().optional(),
  /** Standard output is JSON and holds this (subset.ts). */
  json: z.unknown().optional(),
  /** The first group of `matches` is one of the values under the key `field` of what another node prints as JSON. */
  among: z.strictObject({ node: z.string(), run: z.string().min(1), field: z.string().min(1) }).optional(),
  /** For all tries together. */
  timeout: duration.prefault('60s'),
  /** What the check is pointless without: left out, with a line, where the engine lacks it. */
  needs: z.enum(['link-quality']).optional(),
});
const fileSchema = z.strictObject({ checks: z.array(checkSchema).min(1) });

export type Check = z.infer<typeof checkSchema>;

export interface CheckResult {
  readonly name: string;
  readonly pass: boolean;
  readonly tookMs: number;
  readonly expected: string;
  /** What was printed where it passed, and the first difference where it did not. */
  readonly seen: string;
}

/** DESIGN section 14. */
export interface VerifyResult {
  readonly lab: string;
  readonly engine: string;
  readonly checks: readonly CheckResult[];
  /** Name and reason of the checks that were not run. */
  readonly leftOut: readonly string[];
}

export interface VerifyOptions {
  /** Beginnings of names; empty: all. */
  readonly only?: readonly string[];
  readonly onCheck?: (result: CheckResult) => void;
}

/** Runs `verify.yml` beside the lab's file; throws LabError when it is missing or wrong. */
export async function verifyLab(engine: Engine, lab: LabFile, options: VerifyOptions = {}): Promise<VerifyResult> {
  const only = options.only ?? [];
  const checks = readChecks(join(dirname(lab.path), 'verify.yml')).filter(
    ({ name }) => only.length === 0 || only.some((start) => name.startsWith(start)),
  );
  if (checks.length === 0) throw new LabError(`no check starts with ${only.join(' or ')}`);
  const hasQuality = await engine.hasLinkQuality({ lab: lab.name, file: lab.path });
  const results: CheckResult[] = [];
  const leftOut: string[] = [];
  for (const check of checks) {
    if (check.needs === 'link-quality' && !hasQuality) {
      leftOut.push(`${check.name}: the links have no delay, loss or rate here`);
      continue;
    }
    const result = await runCheck(engine, lab, check);
    results.push(result);
    options.onCheck?.(result);
  }
  return { lab: lab.name, engine: engine.name, checks: results, leftOut };
}

export function readChecks(file: string): Check[] {
  if (!existsSync(file)) throw new LabError(`${file}: there are no checks`);

  const document = parseDocument(readFileSync(file, 'utf8'));
  const syntax = document.errors.map((error) => `${file}: ${error.message}`);
  if (syntax.length > 0) throw new LabError(syntax.join('\n'));
  const parsed = fileSchema.safeParse(document.toJS());
  if (parsed.success) return parsed.data.checks;
  throw new LabError(
    parsed.error.issues.map((issue) => `${file}: ${issue.path.join('.')}: ${issue.message}`).join('\n'),
  );
}

/** One line for a person. */
export function renderCheck({ name, pass, tookMs, seen }: CheckResult): string {
  return `${pass ? 'pass' : 'FAIL'}  ${name}  (${tookMs} ms)${pass ? '' : `\n      ${seen}`}\n`;
}

async function runCheck(engine: Engine, lab: LabFile, check: Check): Promise<CheckResult> {
  const started = performance.now();
  const outcomes = await Promise.all(check.nodes.map((node) => runInOneNode(engine, lab, check, node)));
  const failed = outcomes.filter((outcome) => !outcome.pass);
  return {
    name: check.name,
    pass: failed.length === 0,
    tookMs: Math.round(performance.now() - started),
    expected: describe(check),
    seen: (failed.length > 0 ? failed : outcomes).map((outcome) => outcome.seen).join('; '),
  };
}

async function runInOneNode(
  engine: Engine,
  lab: LabFile,
  check: Check,
  node: string,
): Promise<{ pass: boolean; seen: string }> {
  const deadline = performance.now() + check.timeout;
  const argv = splitWords(check.run, check.name);
  for (;;) {
    const timeoutMs = Math.max(PAUSE_MS, deadline - performance.now());
    const result = await engine.exec({ lab: lab.name, file: lab.path }, node, argv, { timeoutMs });
    const wrong = judge(check, result) ?? (await stranger(engine, lab, check, result.stdout, timeoutMs));
    if (wrong === undefined) return { pass: true, seen: `${node}: ${evidence(check, result)}` };
    if (performance.now() + PAUSE_MS > deadline) return { pass: false, seen: `${node}: ${wrong}` };
    await new Promise((done) => setTimeout(done, PAUSE_MS));
  }
}

/** Undefined when what was printed is among what the other node names, else what it names. Asked anew at every try. */
async function stranger(
  engine: Engine,
  lab: LabFile,
  { among, matches = '(.*)', name }: Check,
  stdout: string,
  timeoutMs: number,
): Promise<string | undefined> {
  if (among === undefined) return undefined;
  const { node, run, field } = among;
  const printed = new RegExp(matches, 's').exec(stdout)?.[1] ?? '';
  const asked = { lab: lab.name, file: lab.path };
  const result = await engine.exec(asked, node, splitWords(run, name), { timeoutMs });
  let named: string[];
  try {
    named = valuesOf(JSON.parse(result.stdout), field);
  } catch {
    return `${node} printed no JSON: ${shorten(result.stderr || result.stdout)}`;
  }
  return named.includes(printed)
    ? undefined
    : `${shorten(printed)} is not what ${node} names: ${named.join(', ') || 'nothing'}`;
}

/** All values under a key, as text, at any depth. */
function valuesOf(value: unknown, field: string): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, it]) => (key === field ? [String(it)] : valuesOf(it, field)));
}

/** What was printed, without what nobody asked for. */
function evidence({ json }: Check, { stdout }: ExecResult): string {
  return shorten(json === undefined ? stdout : JSON.stringify(compared(json, JSON.parse(stdout))));
}

/** Undefined when the result is as expected, else what is not. */
function judge({ code, matches, json }: Check, result: ExecResult): string | undefined {
  if (result['return-code'] !== code)
    return `code ${result['return-code']}, not ${code}: ${shorten(result.stderr || result.stdout)}`;
  if (matches !== undefined && !new RegExp(matches, 's').test(result.stdout))
    return `${shorten(result.stdout)} does not match ${matches}`;
  if (json === undefined) return undefined;
  try {
    return difference(json, JSON.parse(result.stdout));
  } catch {
    return `no JSON: ${shorten(result.stdout)}`;
  }
}

function describe({ code, matches, json, among }: Check): string {
  if (among !== undefined) return `one of ${among.field} in ${among.node}: ${among.run}`;
  if (json !== undefined) return JSON.stringify(json);
  return matches === undefined ? `code ${code}` : `/${matches}/`;
}

function shorten(text: string): string {
  const line = text.trim().replaceAll(/\s+/g, ' ');
  return line.length > 200 ? `${line.slice(0, 197)}...` : line;
}
