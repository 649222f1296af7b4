// Commands for shells: completion scripts, and the names they ask for.
import { Argument, type Command } from 'commander';
import { completionScript, SHELLS, type Shell } from './completion.ts';
import type { Context } from './context.ts';

/** A word that no shell reads as anything else. */
const isPlainWord = (word: string) => /^[\w.-]+$/.test(word);

export function addCompletionCommands(program: Command, { io, ask }: Context): void {
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
}
