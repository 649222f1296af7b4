// Commands that move new flows away from contact instances, and back.
import { Argument, type Command } from 'commander';
import type { DrainReply } from '../admin/client.ts';
import { durationMs } from './arguments.ts';
import { type Context, EXIT } from './context.ts';

export function addDrainCommands(program: Command, { io, ask, globals, exit }: Context): void {
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
}

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
