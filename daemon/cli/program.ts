// The command line of cfnctl: options of all commands, the commands in their order, and an exit code. Everything else is
// loaded when a command needs it, so that help and completion are quick.
import { Command, CommanderError, Option } from 'commander';
import { VERSION } from '../version.ts';
import { addCompletionCommands } from './completion-commands.ts';
import { type CliIo, createContext, EXIT, type Globals } from './context.ts';
import { addDrainCommands } from './drain-commands.ts';
import { addPeerCommands } from './peer-commands.ts';
import { addReportCommand } from './report-command.ts';
import { addViewCommands, addWatchCommand } from './view-commands.ts';

const DEFAULT_SOCKET = '/run/cfnd/cfnd.sock';

/** Runs one command line (without `node` and script); resolves to the exit code. Rejects only on a bug of ours. */
export async function runCli(argv: readonly string[], io: CliIo): Promise<number> {
  let exitCode: number = EXIT.ok;
  const program = createProgram(io, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    // By name: the class is in a module that is loaded only when a command needs it.
    if (!(error instanceof Error) || error.name !== 'AdminError' || !('kind' in error)) throw error;
    io.error(`cfnctl: ${error.message}\n`);
    return error.kind === 'unreachable' ? EXIT.unreachable : EXIT.negative;
  }
}

function createProgram(io: CliIo, exit: (code: number) => void): Command {
  const program = new Command('cfnctl')
    .description('Looks into a cfnd and steers it, over its admin socket.')
    .version(VERSION, '-V, --version', 'print the version')
    .helpCommand(false)
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({ writeOut: io.out, writeErr: io.error })
    .option('--json', 'print JSON')
    .addOption(
      new Option('--socket <path>', 'admin socket of the daemon, or $CFND_SOCKET').default(
        io.environment.CFND_SOCKET || DEFAULT_SOCKET,
      ),
    )
    .option('--address <host:port>', 'ask a daemon over the network instead, by mutual TLS; needs the next four')
    .option('--cert <file>', 'own certificate, PEM')
    .option('--key <file>', 'its key')
    .option('--ca <file>', 'authorities that sign certificates of daemons')
    .option('--server-name <name>', "what the daemon's certificate must name: its URI or DNS name, * for anything")
    .hook('preAction', (command) => {
      const given = command.opts<Globals>();
      if (given.address === undefined) return;
      const missing = (['cert', 'key', 'ca', 'serverName'] as const).filter((it) => given[it] === undefined);
      if (missing.length > 0)
        command.error(
          `error: --address needs ${missing.map((it) => (it === 'serverName' ? '--server-name' : `--${it}`)).join(', ')} too`,
        );
    })
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 the daemon said no (or nothing is eligible), 2 usage, 3 no daemon answers.',
    );
  const context = createContext(program, io, exit);
  addViewCommands(program, context);
  addDrainCommands(program, context);
  addReportCommand(program, context);
  addPeerCommands(program, context);
  addWatchCommand(program, context);
  addCompletionCommands(program, context);
  return program;
}
