// The command that pushes a load report.
import type { Command } from 'commander';
import type { LoadReport } from '../admin/client.ts';
import { amount, durationUs, score } from './arguments.ts';
import type { Context } from './context.ts';

export function addReportCommand(program: Command, { ask }: Context): void {
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
}
