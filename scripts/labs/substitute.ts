// Text rules of containerlab files that come before and after YAML: environment variables over the whole file, magic
// variables in some values, and the splitting of a command line into words. Same results as containerlab's own; no files.
import { LabError } from './engine.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Replaces `$NAME`, `${NAME}` and `${NAME:-text}` (also `-`, `=`, `:=`, `+`, `:+`); `$$` is one `$`. As in containerlab a
 * variable that is unset or empty and has no default stays as `$NAME`, and `$1` is left alone.
 */
export function substituteEnvironment(text: string, environment: Environment): string {
  const pattern = /\$\$|\$\{([A-Za-z_]\w*)(?:(:?[-=+])([^}\n]*))?\}|\$([A-Za-z_]\w*)/g;
  return text.replace(pattern, (whole, braced?: string, operator?: string, word?: string, bare?: string) => {
    if (whole === '$$') return '$';
    const name = braced ?? bare ?? '';
    if (name === '_') return whole;
    const value = environment[name];
    const alternative = () => substituteEnvironment(word ?? '', environment);
    if (operator?.endsWith('+') === true) return value === undefined ? '' : alternative();
    if (operator !== undefined && (value === undefined || (operator.startsWith(':') && value === '')))
      return alternative();
    return value === undefined || value === '' ? `$${name}` : value;
  });
}

/** Values of `__clabNodeName__` and its like; longest names first where one contains another. */
export function substituteMagic(text: string, values: Readonly<Record<string, string>>): string {
  return Object.entries(values).reduce((result, [name, value]) => result.replaceAll(name, value), text);
}

/** Splits like a POSIX shell would, without expansions or operators; throws LabError on an open quote. */
export function splitWords(line: string, where: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (let i = 0; i < line.length; i++) {
    const char = line[i]!;
    if (char === ' ' || char === '\t' || char === '\n') {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (char === "'" || char === '"') {
      const end = closingQuote(line, i);
      if (end < 0) throw new LabError(`${where}: no closing ${char} in ${JSON.stringify(line)}`);
      const inside = line.slice(i + 1, end);
      word = (word ?? '') + (char === '"' ? inside.replace(/\\(["\\$`])/g, '$1') : inside);
      i = end;
    } else if (char === '\\') {
      i++;
      word = (word ?? '') + (line[i] ?? '');
    } else {
      word = (word ?? '') + char;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

function closingQuote(line: string, start: number): number {
  const quote = line[start];
  for (let i = start + 1; i < line.length; i++) {
    if (line[i] === '\\' && quote === '"') i++;
    else if (line[i] === quote) return i;
  }
  return -1;
}
