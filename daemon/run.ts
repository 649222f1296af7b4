// The life of a daemon: configuration, credentials, start, signals, stop. What comes before it is main.ts.
import { randomUUID } from 'node:crypto';
import { parseConfig } from '../lib/config/parse.ts';
import { CodedError } from '../lib/errors.ts';
import { formatErrors } from './check.ts';
import { type Daemon, startDaemon } from './compose.ts';
import { createLogger } from './logger.ts';
import type { Privileges } from './privileges.ts';
import { type CredentialStore, openCredentials } from './security/credential-store.ts';
import { VERSION } from './version.ts';

export { checkFile } from './check.ts';

/** sysexits.h: the configuration is wrong; the program is wrong; what it needs is taken. */
const EXIT_CONFIG = 78;
const EXIT_SOFTWARE = 70;
const EXIT_UNAVAILABLE = 69;

/**
 * What rotates other daemons' logs sends them. Node's own answers are a debugger, to which every local user may talk, and the
 * end of the process.
 */
const MEANINGLESS = ['SIGUSR1', 'SIGUSR2'] as const;

export interface RunOptions {
  readonly config: string;
  readonly logLevel?: string;
  readonly record?: string;
  readonly keepCapabilities?: true;
}

/** Runs until a signal; the exit code (sysexits.h). `privileges` absent: they were not to be limited. */
export async function run(
  text: string,
  { config: file, logLevel, record }: RunOptions,
  privileges: Privileges | undefined,
): Promise<number> {
  const parsed = parseConfig(text);
  if (!parsed.ok) {
    process.stderr.write(`${formatErrors(file, parsed.errors)}\n`);
    return EXIT_CONFIG;
  }
  const log = createLogger({ level: logLevel ?? parsed.config.log.level, name: parsed.config.name });
  if (privileges?.excess !== undefined)
    log.warn({ reason: privileges.excess }, 'root keeps all its capabilities: they cannot be limited here');
  else if (privileges !== undefined) log.debug({ held: privileges.held.join(' ') }, 'capabilities are limited');
  for (const warning of parsed.warnings) log.warn({ path: warning.path, line: warning.line }, warning.message);
  const config =
    record === undefined ? parsed.config : { ...parsed.config, recorder: { ...parsed.config.recorder, file: record } };
  process.on('uncaughtException', (error) => {
    log.fatal({ error: error.stack ?? String(error) }, 'internal error: kernel objects stay, the daemon exits');
    process.exit(EXIT_SOFTWARE);
  });
  for (const signal of MEANINGLESS) process.on(signal, () => log.info({ signal }, 'signal means nothing here'));
  let credentials: CredentialStore | undefined;
  try {
    credentials = openCredentials(config, log);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    process.stderr.write(`cfnd: ${error.message}\n`);
    return EXIT_CONFIG;
  }
  // Heard from here on: a stop that comes during the start is obeyed after it, and leaves in order as well.
  const signalled = new Promise<string>((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => resolve(name));
  });
  let daemon: Daemon | undefined;
  process.on('SIGHUP', () => {
    credentials?.reload();
    void daemon?.reloadPolicies();
  });
  try {
    daemon = await startDaemon(config, {
      configFile: file,
      asWritten: parsed.config,
      version: VERSION,
      bootId: randomUUID(),
      log,
      credentials,
    });
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    log.fatal({ code: error.code, reason: error.message }, 'not started');
    return EXIT_UNAVAILABLE;
  }
  await daemon.stop(await signalled);
  log.info('stopped');
  return 0;
}
