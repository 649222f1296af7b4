// Commands about peers: certificates for them, their sessions, and the policies between them and us.
import { Argument, type Command } from 'commander';
import { SESSION_COMMANDS, type SessionCommand } from '../admin/backend.ts';
import { type Context, EXIT, serviceArgument } from './context.ts';

export function addPeerCommands(program: Command, { io, paint, ask, exit }: Context): void {
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
    .addArgument(serviceArgument())
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
}
