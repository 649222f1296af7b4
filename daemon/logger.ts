// The log: pino, one line for each thing an operator would want to know, facts as fields. JSON for machines; on a
// terminal the same lines in a form people read. The only importer of pino.
import { type DestinationStream, destination, type Logger as PinoLogger, pino, stdTimeFunctions } from 'pino';

export type Logger = PinoLogger;

export interface LoggerOptions {
  /** `trace` .. `fatal`, or `silent`. */
  readonly level: string;
  /** Name of the router; in every JSON line. */
  readonly name: string;
  /** Where lines go; default: standard error. */
  readonly write?: (text: string) => void;
  /** Lines for people; default: whether standard error is a terminal. */
  readonly pretty?: boolean;
  readonly colour?: boolean;
}

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/** Makes the log. Writes are synchronous, so that the last line before a crash is there; an unknown level means `info`. */
export function createLogger(options: LoggerOptions): Logger {
  const pretty = options.pretty ?? process.stderr.isTTY === true;
  const colour = options.colour ?? (pretty && process.env.NO_COLOR === undefined);
  const raw: DestinationStream = options.write
    ? { write: options.write }
    : destination({ fd: process.stderr.fd, sync: true });
  const stream: DestinationStream = pretty ? { write: (line) => raw.write(formatLogLine(line, colour)) } : raw;
  return pino(
    {
      level: LEVELS.includes(options.level) ? options.level : 'info',
      base: { router: options.name },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // Many callers say `error: String(error)`; those who pass the error itself get its message and stack.
      serializers: { error: (value: unknown) => (value instanceof Error ? (value.stack ?? value.message) : value) },
    },
    stream,
  );
}

const COLOURS: Readonly<Record<string, string>> = {
  warn: '\x1b[33m',
  error: '\x1b[31m',
  fatal: '\x1b[1;31m',
  debug: '\x1b[2m',
  trace: '\x1b[2m',
};
const OWN_FIELDS = new Set(['level', 'time', 'router', 'msg']);

/** One JSON line as `12:34:56.789 warn  text  field=value`; a line that is not JSON passes as it is. */
export function formatLogLine(line: string, colour: boolean): string {
  let record: Record<string, unknown>;
  try {
    record = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return line;
  }
  const level = String(record.level);
  const clock = String(record.time).slice(11, 23);
  const fields = Object.entries(record).filter(([key]) => !OWN_FIELDS.has(key));
  const facts = fields.map(([key, value]) => `${key}=${fieldText(value)}`).join(' ');
  const paint = (text: string) => (colour && COLOURS[level] ? `${COLOURS[level]}${text}\x1b[0m` : text);
  const message = String(record.msg ?? '');
  return `${clock} ${paint(level.padEnd(5))} ${message}${facts === '' ? '' : `  ${facts}`}\n`;
}

function fieldText(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value) ?? 'undefined';
  // A stack keeps its lines; anything else that has a space is quoted, so that fields stay apart.
  if (value.includes('\n')) return `\n${value.replace(/^/gm, '  ')}`;
  return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}
