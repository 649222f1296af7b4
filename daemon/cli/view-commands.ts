// Commands that look: at the daemon, at a view, at a decision, and at what changes.
import { Argument, type Command } from 'commander';
import { VIEW_KINDS, type ViewKind } from '../../lib/model/view.ts';
import { count } from './arguments.ts';
import { type Context, EXIT, serviceArgument, targetOf } from './context.ts';

export function addViewCommands(program: Command, { io, paint, ask, exit }: Context): void {
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
    .addArgument(serviceArgument())
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
}

export function addWatchCommand(program: Command, { io, paint, globals, exit }: Context): void {
  program
    .command('watch')
    .description('print a view and then every change of it')
    .addArgument(new Argument('[view]', 'what to print').choices(VIEW_KINDS).default('services'))
    .option('--count <n>', 'end after this many changes (the first view counts as one)', count)
    .action(async (kind: ViewKind, options: { count?: number }) => {
      const { json } = globals();
      const { connectAdmin } = await import('../admin/client.ts');
      const { createWatchText } = await import('./text.ts');
      const client = await connectAdmin(targetOf(globals()));
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
}
