// cfnd: the daemon's command line. `run` lives until SIGTERM or SIGINT, `check` judges a configuration file.
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { parseConfig } from '../lib/config/parse.ts';
import { CodedError } from '../lib/errors.ts';
import { checkFile, formatErrors } from './check.ts';
import { type Daemon, startDaemon } from './compose.ts';
import { createLogger } from './logger.ts';
import { keptMask, limitPrivileges } from './privileges.ts';
import { type CredentialStore, openCredentials } from './security/credential-store.ts';
import { VERSION } from './version.ts';

/** sysexits.h: the configuration is wrong; the program is wrong; what it needs is taken. */
const EXIT_CONFIG = 78;
const EXIT_SOFTWARE = 70;
const EXIT_UNAVAILABLE = 69;

interface RunOptions {
  readonly config: string;
  readonly logLevel?: string;
  readonly record?: string;
  readonly keepCapabilities?: true;
}

const program = new Command('cfnd').description('compute-aware routing daemon (CATS, RFC 10053)').version(VERSION);

program
  .command('run')
  .description('run the daemon in the foreground')
  .requiredOption('-c, --config <file>', 'configuration file')
  .option('--log-level <level>', 'trace, debug, info, warn or error; overrides the configuration')
  .option('--record <file>', 'write every event and its effects as JSON lines; overrides the configuration')
  .option('--keep-capabilities', 'keep every capability of root; default: only what networking needs')
  .action(async (options: RunOptions) => {
    process.exitCode = await run(options);
  });

program
  .command('check')
  .description('check configuration files; exit 1 when one is wrong')
  .argument('<file...>')
  .action(async (files: string[]) => {
    for (const file of files) if (!(await checkFile(file))) process.exitCode = 1;
  });

await program.parseAsync();

async function run({ config: file, logLevel, record, keepCapabilities }: RunOptions): Promise<number> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    process.stderr.write(`cfnd: ${(error as Error).message}\n`);
    return EXIT_CONFIG;
  }
  const parsed = parseConfig(text);
  if (!parsed.ok) {
    process.stderr.write(`${formatErrors(file, parsed.errors)}\n`);
    return EXIT_CONFIG;
  }
  // Before anything else is opened: the process may begin again here. Which capabilities it needs is configuration.
  const kept = keptMask({ accelerator: parsed.config.fib.accelerator !== undefined });
  const privileges = keepCapabilities ? undefined : limitPrivileges(kept);
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
