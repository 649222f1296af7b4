// cfnd: the daemon's command line. `run` lives until SIGTERM or SIGINT, `check` judges a configuration file. Loads no more than
// it takes to limit the privileges of root, because the process then begins again and would pay for the rest twice.
import { Command, Option } from 'commander';
import { asksForAccelerator } from '../lib/config/accelerator.ts';
import type { RouterConfig } from '../lib/config/config.ts';
import { CodedError } from '../lib/errors.ts';
import { readConfigText, readFault } from './config-file.ts';
import { keptMask, limitPrivileges } from './privileges.ts';
import type { RunOptions } from './run.ts';
import { VERSION } from './version.ts';

/** sysexits.h: the command line is wrong; the configuration cannot be read. */
const EXIT_USAGE = 64;
const EXIT_CONFIG = 78;
const LOG_LEVELS: readonly RouterConfig['log']['level'][] = ['trace', 'debug', 'info', 'warn', 'error'];

const program = new Command('cfnd')
  .description('compute-aware routing daemon (CATS, RFC 10053)')
  .version(VERSION)
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : EXIT_USAGE))
  .showSuggestionAfterError()
  .addHelpText(
    'after',
    `
Exit codes: 0 stopped in order, or all files are right; 1 a checked file is wrong; 64 usage; 69 another daemon holds the
socket or the kernel objects; 70 internal error, kernel objects stay; 78 the configuration cannot be used.`,
  );

program
  .command('run')
  .description('run the daemon in the foreground')
  .requiredOption('-c, --config <file>', 'configuration file')
  .addOption(new Option('--log-level <level>', 'overrides the configuration').choices(LOG_LEVELS))
  .option('--record <file>', 'write every event and its effects as JSON lines; overrides the configuration')
  .option('--keep-capabilities', 'keep every capability of root; default: only what networking needs')
  .action(async (options: RunOptions) => {
    process.exitCode = await begin(options);
  });

program
  .command('check')
  .description('check configuration files (-: standard input); exit 1 when one is wrong')
  .argument('<file...>')
  .action(async (files: string[]) => {
    const { checkFile } = await import('./run.ts');
    for (const file of files) if (!(await checkFile(file))) process.exitCode = 1;
  });

await program.parseAsync();

async function begin(options: RunOptions): Promise<number> {
  let text: string;
  try {
    text = await readConfigText(options.config);
  } catch (error) {
    const why = error instanceof CodedError ? error.message : `${options.config}: ${readFault(error as Error)}`;
    process.stderr.write(`cfnd: ${why}\n`);
    return EXIT_CONFIG;
  }
  // Before anything else is loaded or opened: which capabilities the daemon needs is configuration.
  const kept = keptMask({ accelerator: asksForAccelerator(text) });
  const privileges = options.keepCapabilities ? undefined : limitPrivileges(kept);
  // The gRPC library writes lines of its own between ours; every failure it has reaches our log as well.
  process.env.GRPC_VERBOSITY ??= 'NONE';
  const { run } = await import('./run.ts');
  return run(text, options, privileges);
}
