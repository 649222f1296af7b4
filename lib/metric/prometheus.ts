// Reads the Prometheus text exposition format (0.0.4) as far as a scrape needs it: the samples of the families asked for,
// summed over their labels. Bounded in lines and length; a value that is no number is a reason, not a zero.
import { CodedError } from '../errors.ts';

/** A scrape larger than this is refused by the caller before it comes here; lines longer than the other are damage. */
export const MAX_SCRAPE_BYTES = 1 << 20;
const MAX_LINE = 4096;

/** `name{labels} value [timestamp]`; label values may hold escaped quotes and braces. */
const SAMPLE =
  /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[^"{}]|"(?:[^"\\]|\\.)*")*)\})?[ \t]+(\S+)(?:[ \t]+(-?\d+))?[ \t]*$/;

export interface Scrape {
  /** Sum over all label sets per name asked for; a name that was not there is absent. */
  readonly values: ReadonlyMap<string, number>;
  /** Latest explicit timestamp among them, ms since 1970; absent where the source gives none. */
  readonly measuredAtMs?: number;
}

/**
 * Picks `names` out of `text`. Throws `CodedError` `bad-scrape` with the line on text that is not the format, and on a
 * wanted sample whose value is NaN or infinite: a source that does not know must not look like an idle one.
 */
export function parseScrape(text: string, names: ReadonlySet<string>): Scrape {
  const values = new Map<string, number>();
  let measuredAtMs: number | undefined;
  let lineNumber = 0;
  for (const line of text.split('\n')) {
    lineNumber++;
    if (line === '' || line.startsWith('#') || line.trim() === '') continue;
    const match = line.length <= MAX_LINE ? SAMPLE.exec(line) : null;
    if (match === null) throw new CodedError('bad-scrape', `line ${lineNumber} is not a sample`, { line: lineNumber });
    const name = match[1]!;
    if (!names.has(name)) continue;
    const value = Number(match[3]);
    if (!Number.isFinite(value))
      throw new CodedError('bad-scrape', `line ${lineNumber}: ${name} is ${match[3]}`, { line: lineNumber });
    values.set(name, (values.get(name) ?? 0) + value);
    if (match[4] !== undefined) measuredAtMs = Math.max(measuredAtMs ?? 0, Number(match[4]));
  }
  return { values, ...(measuredAtMs !== undefined && { measuredAtMs }) };
}
