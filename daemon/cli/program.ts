// The commands of cfnctl: arguments in, one admin request, text or JSON out, an exit code. Everything else is loaded
// when a command needs it, so that help and completion are quick.
import { Argument, Command, CommanderError, Option } from 'commander';
import { VIEW_KINDS, type ViewKind } from '../../lib/model/view.ts';
import { SESSION_COMMANDS, type SessionCommand } from '../admin/backend.ts';
import type { AdminClient, DrainReply, LoadReport } from '../admin/client.ts';
import { VERSION } from '../version.ts';
import { amount, count, durationMs, durationUs, score } from './arguments.ts';
import { completionScript, SHELLS, type Shell } from './completion.ts';
import { createPaint, wantsColour } from './style.ts';

export const EXIT = {
  ok: 0,
  /** The daemon said no, does not know the name, or nothing is eligible. */
  negative: 1,
  usage: 2,
  /** No daemon, or none that answers. */
  unreachable: 3,
} as const;

/** What the CLI touches of the world. */
export interface CliIo {
  out(text: string): void;
  error(text: string): void;
  readonly isTerminal: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Wall clock, ms since 1970. */
  nowMs(): number;
}

const DEFAULT_SOCKET = '/run/cfnd/cfnd.sock';

interface Globals {
  readonly socket: string;
  readonly json?: true;
}

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
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 the daemon said no (or nothing is eligible), 2 usage, 3 no daemon answers.',
    );
  const paint = createPaint(wantsColour(io.isTerminal, io.environment));
  const globals = (): Globals => program.opts<Globals>();
  const service = () => new Argument('[service]', 'name or address: only rows of this service');

  /** Connects, asks, prints, hangs up. */
  async function ask<Reply>(
    request: (client: AdminClient) => Promise<Reply>,
    text: (reply: Reply, render: typeof import('./text.ts')) => string,
  ): Promise<Reply> {
    const { socket, json } = globals();
    const { connectAdmin } = await import('../admin/client.ts');
    const client = await connectAdmin(socket);
    try {
      const reply = await request(client);
      io.out(json ? `${JSON.stringify(reply, null, 2)}\n` : text(reply, await import('./text.ts')));
      return reply;
    } finally {
      client.close();
    }
  }

  program
    .command('status')
    .description('who and how the daemon is')
    .action(async () => {
      await ask(
        (client) => client.status(),
        (view, render) => render.statusText(view, io.nowMs(), paint),
      );
    });

  program
    .command('show')
    .description('print one view of the daemon')
    .addArgument(new Argument('<view>', 'what to print').choices(VIEW_KINDS))
    .addArgument(service())
    .option('--verify', 'with fib: read the kernel now and compare; exit code 1 when it differs')
    .action(async (kind: ViewKind, name: string | undefined, options: { verify?: true }, command: Command) => {
      if (options.verify && kind !== 'fib') command.error('error: --verify goes with fib');
      const asked = options.verify ? 'fib-in-kernel' : kind;
      const shown = await ask(
        (client) => client.show(asked, name),
        (rows, render) => render.showText(asked, rows, io.nowMs(), paint),
      );
      if (shown.some((row) => 'kernel' in row && row.kernel !== 'in-force')) exit(EXIT.negative);
    });

  program
    .command('explain')
    .description('why flows to a service go where they go, candidate by candidate')
    .argument('<service>', 'name or address')
    .option('--from <site>', 'as the ingress of this site would decide')
    .option('--class <name>', "a class that the service's classifier names")
    .action(async (name: string, options: { from?: string; class?: string }) => {
      const view = await ask(
        (client) => client.explain(name, options.from, options.class),
        (reply, render) => render.explainText(reply, io.nowMs(), paint),
      );
      if (view.best === '') exit(EXIT.negative);
    });

  const target = () =>
    new Argument('<target>', 'service or contact instance, by name or address; all: every one of this router');
  program
    .command('drain')
    .description('attract no new flows; running flows stay, and an instance of this router is withdrawn without them')
    .addArgument(target())
    .option('--timeout <time>', 'end after this long, whatever is left, for example 5m', durationMs)
    .option(
      '--quiet <time>',
      'an instance of this router has no flows when nobody sent it a packet for this long',
      durationMs,
    )
    .option('--watch', 'print what is left until the drain is over')
    .action(async (name: string, options: { timeout?: number; quiet?: number; watch?: true }) => {
      const bounds = {
        ...(options.timeout !== undefined && { timeoutMs: options.timeout }),
        ...(options.quiet !== undefined && { quietMs: options.quiet }),
      };
      const reply = await ask(
        (client) => client.drain(name, bounds),
        (drained) => drainText('drain', drained),
      );
      if (!options.watch) return;
      const { watchDrains } = await import('./watch-drains.ts');
      if (!(await watchDrains(globals(), reply, io))) exit(EXIT.negative);
    });
  program
    .command('undrain')
    .description('attract new flows again')
    .addArgument(target())
    .action(async (name: string) => {
      await ask(
        (client) => client.undrain(name),
        (reply) => drainText('undrain', reply),
      );
    });

  program
    .command('report')
    .description('report the load of a contact instance whose metrics source is push')
    .argument('<instance>', 'name or address')
    .option('--workers <n>', 'parallel workers', amount)
    .option('--in-flight <n>', 'requests in the system, waiting included', amount)
    .option('--arrival-rate <n>', 'requests per second that arrive', amount)
    .option('--work-time <time>', 'mean time a request occupies a worker, for example 15ms', durationUs)
    .option('--service-time <time>', 'predicted time of a new request, waiting included', durationUs)
    .option('--spare-capacity <n>', 'requests per second it could take beyond the present', amount)
    .option('--score <n>', 'ready-made score, 0 (full) to 10 (idle)', score)
    .action(async (instance: string, options: Record<string, number>, command: Command) => {
      const { workTime, serviceTime, ...rest } = options;
      const report: LoadReport = {
        ...rest,
        ...(workTime === undefined ? {} : { workTimeUs: workTime }),
        ...(serviceTime === undefined ? {} : { serviceTimeUs: serviceTime }),
      };
      if (Object.keys(report).length === 0) command.error('error: say at least one value, for example --in-flight 3');
      await ask(
        (client) => client.report(instance, report),
        (reply) => `reported for ${reply.instanceName}\n`,
      );
    });

  program
    .command('reload-certificates')
    .description('take certificate, key and authorities from their files for new sessions')
    .action(async () => {
      await ask(
        (client) => client.reloadCertificates(),
        (reply) =>
          `${reply.changed ? 'reloaded' : 'unchanged'}: ${reply.certificate}, good until ${new Date(reply.certificateNotAfterMs).toISOString()}\n`,
      );
    });

  program
    .command('peer')
    .description('all about the session with one peer')
    .argument('<peer>', 'name')
    .action(async (name: string) => {
      const found = await ask(
        async (client) => (await client.show('peers')).filter((row) => row.name === name),
        (rows, render) => rows.map((row) => render.peerText(row, io.nowMs(), paint)).join(''),
      );
      if (found.length > 0) return;
      io.error(`cfnctl: there is no peer ${JSON.stringify(name)}\n`);
      exit(EXIT.negative);
    });

  program
    .command('session')
    .description(
      'reset, hard-reset (routes are forgotten at once), shut down, start or refresh the session with a peer',
    )
    .addArgument(new Argument('<command>', 'what to do').choices(SESSION_COMMANDS))
    .argument('<peer>', 'name')
    .option('--text <text>', 'what the operator of the peer is to read (RFC 9003)', '')
    .action(async (command: SessionCommand, peer: string, { text }: { text: string }) => {
      await ask(
        (client) => client.session(peer, command, text),
        (state) => `${peer}: ${command}, was ${state}\n`,
      );
    });

  const policy = program.command('policy').description('try and reload import and export policies');
  policy
    .command('test')
    .description('what a policy would do with the routes that are there; changes nothing')
    .argument('<peer>', 'name')
    .addArgument(new Argument('<direction>', 'of the routes, seen from here').choices(['import', 'export']))
    .addArgument(service())
    .option('--policy <name>', 'instead of the one attached to the peer')
    .action(async (peer: string, direction: 'import' | 'export', name?: string, options: { policy?: string } = {}) => {
      await ask(
        (client) => client.policyTest({ peer, direction, ...options, ...(name !== undefined && { service: name }) }),
        (reply, render) => render.policyText(reply, paint),
      );
    });
  policy
    .command('reload')
    .description('read policies and subscriptions from the configuration file again; sessions stay')
    .action(async () => {
      await ask(
        (client) => client.reloadPolicies(),
        ({ policies, needRestart }) => {
          const inForce = `in force: ${policies.length === 0 ? 'no policies' : policies.join(' ')}\n`;
          return needRestart.length === 0 ? inForce : `${inForce}changed, needs a restart: ${needRestart.join(' ')}\n`;
        },
      );
    });

  program
    .command('watch')
    .description('print a view and then every change of it')
    .addArgument(new Argument('[view]', 'what to print').choices(VIEW_KINDS).default('services'))
    .option('--count <n>', 'end after this many changes (the first view counts as one)', count)
    .action(async (kind: ViewKind, options: { count?: number }) => {
      const { socket, json } = globals();
      const { connectAdmin } = await import('../admin/client.ts');
      const { createWatchText } = await import('./text.ts');
      const client = await connectAdmin(socket);
      const text = createWatchText(kind, paint);
      let left = options.count ?? Number.POSITIVE_INFINITY;
      try {
        for await (const change of client.watch(kind)) {
          io.out(json ? `${JSON.stringify(change)}\n` : text(change));
          if (--left <= 0) return;
        }
      } finally {
        client.close();
      }
      io.error('cfnctl: the daemon ended the watch\n');
      exit(EXIT.unreachable);
    });

  program
    .command('completion')
    .description('print the completion script of a shell')
    .addArgument(new Argument('<shell>', 'whose').choices(SHELLS))
    .action((shell: Shell) => io.out(completionScript(shell, program)));

  program
    .command('names', { hidden: true })
    .description('names for completion')
    .addArgument(new Argument('<of>').choices(['services', 'instances', 'targets', 'peers']))
    .action(async (of: 'services' | 'instances' | 'targets' | 'peers') => {
      await ask(
        async (client) => {
          if (of === 'peers') return (await client.show('peers')).map((row) => row.name).filter(isPlainWord);
          const services = of === 'instances' ? [] : await client.show('services');
          const instances = of === 'services' ? [] : await client.show('instances');
          const names = [...services.map((row) => row.name), ...instances.map((row) => row.instanceName)];
          return [...(of === 'targets' ? ['all'] : []), ...names].filter(isPlainWord);
        },
        (names) => names.map((word) => `${word}\n`).join(''),
      );
    });

  return program;
}

/** A word that no shell reads as anything else. */
const isPlainWord = (word: string) => /^[\w.-]+$/.test(word);

function drainText(verb: 'drain' | 'undrain', reply: DrainReply): string {
  if (reply.matched.length === 0) return 'this router has no contact instances\n';
  const changed = new Set(reply.changed.map((row) => `${row.service} ${row.contactInstance}`));
  const lines = reply.matched.map((row) => {
    const name = row.instanceName || row.contactInstance;
    const state = verb === 'drain' ? 'draining' : 'attracts new flows';
    const already = changed.has(`${row.service} ${row.contactInstance}`) ? '' : ' (as before)';
    const scope = row.local ? '' : ', for this ingress only: it is not an instance of this router';
    return `${name}: ${state}${already}${scope}\n`;
  });
  return lines.join('');
}
