// YAML text to a value, and paths back to lines. The only place that reads YAML. Hostile text is bounded here: length,
// nesting, aliases (the "billion laughs"); nothing it contains makes this throw.
import { type Document, isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';

export type ConfigPath = readonly (string | number)[];

/** 1-based. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface YamlFile {
  readonly value: unknown;
  /** Position of the value at `path`, or of the nearest ancestor that exists; of its key when `atKey`. */
  locate(path: ConfigPath, atKey?: boolean): Position;
}

export type YamlResult =
  | { readonly ok: true; readonly file: YamlFile }
  | { readonly ok: false; readonly errors: readonly (Position & { readonly message: string })[] };

const MAX_LENGTH = 4 * 1024 * 1024;
const MAX_ALIASES = 1000;

/** Reads one YAML 1.2 document; duplicate keys, a second document and unknown tags are errors. */
export function readYaml(text: string): YamlResult {
  if (text.length > MAX_LENGTH) return refuse(`longer than ${MAX_LENGTH / 1024 / 1024} MiB`);
  try {
    const counter = new LineCounter();
    const document = parseDocument(text, { lineCounter: counter, uniqueKeys: true, prettyErrors: false });
    const position = (offset: number): Position => {
      const { line, col } = counter.linePos(offset);
      return { line: Math.max(1, line), column: Math.max(1, col) };
    };
    const faults = [...document.errors, ...document.warnings];
    if (faults.length > 0) {
      // Met inside the library, the end of the stack is told like a slip of the file's.
      if (faults.some((fault) => /stack overflow|call stack/i.test(fault.message))) return refuse('nested too deeply');
      const lines = text.split('\n');
      const errors = faults.map((fault) => {
        const where = position(fault.pos[0]);
        return { ...where, message: firstLine(fault.message) + hint(lines[where.line - 1] ?? '') };
      });
      // What never closes is said once for each level.
      const told = new Map(errors.map((error) => [`${error.line}:${error.column} ${error.message}`, error]));
      return { ok: false, errors: [...told.values()] };
    }
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    return { ok: true, file: { value, locate: (path, atKey) => position(offsetOf(document, path, atKey === true)) } };
  } catch (error) {
    // The library throws ReferenceError past the alias bound; RangeError is its own recursion on deep nesting.
    if (error instanceof RangeError) return refuse('nested too deeply');
    if (error instanceof ReferenceError) return refuse(`aliases: ${firstLine(error.message)}`);
    throw error;
  }
}

/** An unquoted `sid: fd00:1::` is a map inside a map to YAML: the most frequent slip in files full of addresses. */
function hint(line: string): string {
  return /[0-9a-f]:(:)?\s*$/i.test(line) && /:.*:\s*$/.test(line) ? ' (quote an address that ends in a colon)' : '';
}

function refuse(message: string): YamlResult {
  return { ok: false, errors: [{ line: 1, column: 1, message }] };
}

function offsetOf(document: Document.Parsed, path: ConfigPath, atKey: boolean): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const [depth, step] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    let next: unknown;
    if (isSeq(node)) {
      next = node.items[Number(step)];
    } else if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === step);
      if (pair === undefined) break;
      next = pair.value;
      // An empty value has no place of its own worth pointing at.
      const empty = !isNode(next) || (isScalar(next) && next.value === null);
      if (empty || (atKey && depth === path.length - 1)) {
        offset = startOf(pair.key) ?? offset;
        node = next;
        continue;
      }
    } else {
      break;
    }
    offset = startOf(next) ?? offset;
    node = next;
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  return isNode(node) && node.range ? node.range[0] : undefined;
}

function firstLine(text: string): string {
  const line = text.split('\n', 1)[0]!;
  return line.charAt(0).toLowerCase() + line.slice(1);
}
