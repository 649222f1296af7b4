// Reads the Prometheus text exposition format (version 0.0.4; OpenMetrics texts are read as far as they agree) to pick a
// few known metrics from a service's page. Bounded: the caller caps the bytes, this caps samples and labels. A line
// that cannot be read is counted and skipped, because one broken exporter line must not silence the others.

export interface PrometheusSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** May be NaN or infinite: the format allows both; `pick` does not. */
  readonly value: number;
  /** Ms since 1970, where the line says. */
  readonly timestampMs?: number;
}

export interface PrometheusPage {
  readonly samples: readonly PrometheusSample[];
  readonly badLines: number;
  /** True when there was more than may be kept. */
  readonly truncated: boolean;
}

const MOST_SAMPLES = 10_000;
const MOST_LABELS = 64;
const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const BLANKS = /[ \t]*/y;
const LABEL_NAME = /[a-zA-Z_][a-zA-Z0-9_]*/y;
const NUMBER = /^[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?)$/;

/** Parses a page; never throws. `wanted` keeps only metrics of these names. */
export function parsePrometheus(text: string, wanted?: ReadonlySet<string>): PrometheusPage {
  const samples: PrometheusSample[] = [];
  let badLines = 0;
  for (let start = 0; start < text.length; ) {
    const end = text.indexOf('\n', start);
    const line = text.slice(start, end < 0 ? text.length : end).trim();
    start = end < 0 ? text.length : end + 1;
    if (line === '' || line.startsWith('#')) continue;
    const sample = parseLine(line, wanted);
    if (sample === 'bad') badLines++;
    else if (sample !== 'unwanted') {
      if (samples.length >= MOST_SAMPLES) return { samples, badLines, truncated: true };
      samples.push(sample);
    }
  }
  return { samples, badLines, truncated: false };
}

/** Sum over all samples of a metric, or why there is none. */
export function pick(page: PrometheusPage, name: string): { readonly value: number } | { readonly fault: string } {
  let sum = 0;
  let found = false;
  for (const sample of page.samples) {
    if (sample.name !== name) continue;
    if (!Number.isFinite(sample.value)) return { fault: `${name} is ${sample.value}` };
    sum += sample.value;
    found = true;
  }
  return found ? { value: sum } : { fault: `${name} is missing` };
}

function parseLine(line: string, wanted: ReadonlySet<string> | undefined): PrometheusSample | 'bad' | 'unwanted' {
  const name = matchAt(NAME, line, 0);
  if (name === '') return 'bad';
  if (wanted !== undefined && !wanted.has(name)) return 'unwanted';
  const open = skipBlanks(line, name.length);
  const labels = line[open] === '{' ? parseLabels(line, open + 1) : { values: {}, end: open };
  if (labels === 'bad') return 'bad';
  // OpenMetrics exemplars follow a '#'; they are no part of the value.
  const fields = line
    .slice(labels.end)
    .split('#')[0]!
    .trim()
    .split(/[ \t]+/);
  const value = parseValue(fields[0] ?? '');
  if (value === undefined || fields.length > 2) return 'bad';
  if (fields[1] === undefined) return { name, labels: labels.values, value };
  if (!NUMBER.test(fields[1])) return 'bad';
  return { name, labels: labels.values, value, timestampMs: Number(fields[1]) };
}

/** From behind '{' to behind '}'. */
function parseLabels(line: string, from: number): { values: Record<string, string>; end: number } | 'bad' {
  // Without a prototype, so that a label called `constructor` or `__proto__` is only a label.
  const values: Record<string, string> = Object.create(null);
  let at = skipBlanks(line, from);
  for (let count = 0; count <= MOST_LABELS; count++) {
    if (line[at] === '}') return { values, end: at + 1 };
    const name = matchAt(LABEL_NAME, line, at);
    at = skipBlanks(line, at + name.length);
    if (name === '' || line[at] !== '=') return 'bad';
    at = skipBlanks(line, at + 1);
    if (line[at] !== '"') return 'bad';
    const value = parseQuoted(line, at + 1);
    if (value === 'bad') return 'bad';
    values[name] = value.text;
    at = skipBlanks(line, value.end);
    if (line[at] === ',') at = skipBlanks(line, at + 1);
    else if (line[at] !== '}') return 'bad';
  }
  return 'bad';
}

/** From behind the opening quote to behind the closing one; the escapes are `\\`, `\"` and `\n`. */
function parseQuoted(line: string, from: number): { text: string; end: number } | 'bad' {
  let text = '';
  for (let at = from; at < line.length; at++) {
    const char = line[at]!;
    if (char === '"') return { text, end: at + 1 };
    if (char !== '\\') {
      text += char;
      continue;
    }
    const escaped = line[++at];
    if (escaped === 'n') text += '\n';
    else if (escaped === '\\' || escaped === '"') text += escaped;
    else return 'bad';
  }
  return 'bad';
}

function parseValue(text: string): number | undefined {
  if (NUMBER.test(text)) return Number(text);
  const word = text.toLowerCase();
  if (word === 'nan') return Number.NaN;
  if (word === '+inf' || word === 'inf' || word === 'infinity' || word === '+infinity') return Number.POSITIVE_INFINITY;
  return word === '-inf' || word === '-infinity' ? Number.NEGATIVE_INFINITY : undefined;
}

function skipBlanks(line: string, from: number): number {
  return from + matchAt(BLANKS, line, from).length;
}

function matchAt(pattern: RegExp, line: string, from: number): string {
  pattern.lastIndex = from;
  return pattern.exec(line)?.[0] ?? '';
}
