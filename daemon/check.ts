// `cfnd check FILE`: what is wrong with a configuration file, as compilers say it, and what is only unwise.
import { buffer } from 'node:stream/consumers';
import { type ConfigError, formatConfigError, parseConfig } from '../lib/config/parse.ts';
import { CodedError } from '../lib/errors.ts';
import { counted } from './cli/format.ts';
import { configText, readConfigText, readFault } from './config-file.ts';
import { openCredentials } from './security/credential-store.ts';

export interface CheckOutput {
  out(line: string): void;
  error(line: string): void;
}

const silence = (): void => {};
const SILENT = { info: silence, warn: silence, error: silence };

const CONSOLE: CheckOutput = {
  out: (line) => void process.stdout.write(`${line}\n`),
  error: (line) => void process.stderr.write(`${line}\n`),
};

/** Checks one file (`-`: standard input) and prints the findings; true: a daemon would start with it. Never rejects. */
export async function checkFile(file: string, output: CheckOutput = CONSOLE): Promise<boolean> {
  let text: string;
  try {
    text = file === '-' ? configText(await buffer(process.stdin), file) : await readConfigText(file);
  } catch (error) {
    output.error(error instanceof CodedError ? error.message : `${file}: ${readFault(error as NodeJS.ErrnoException)}`);
    return false;
  }
  const parsed = parseConfig(text);
  if (!parsed.ok) {
    output.error(formatErrors(file, parsed.errors));
    return false;
  }
  for (const warning of parsed.warnings) output.error(`${formatConfigError(file, warning)} (warning)`);
  const { config } = parsed;
  try {
    openCredentials(config, SILENT);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    output.error(`${file}: tls: ${error.message}`);
    return false;
  }
  const counts = [
    counted(config.peers.length, 'peer'),
    counted(config.links.length, 'link'),
    counted(config.instances.length, 'contact instance'),
    counted(config.steering.services.length, 'steered service'),
  ];
  output.out(`${file}: ok: router ${config.name} (${config.routerId}) of ${config.site}: ${counts.join(', ')}`);
  return true;
}

/** All errors of a file and their number, a line each. */
export function formatErrors(file: string, errors: readonly ConfigError[]): string {
  return [...errors.map((error) => formatConfigError(file, error)), `${file}: ${counted(errors.length, 'error')}`].join(
    '\n',
  );
}
