// Installs Docker and containerlab where they are missing, one line for each thing installed. Starts nothing.
import { aptInstall } from './apt.ts';
import { ensureContainerlab } from './containerlab-binary.ts';
import { dockerInstalled, findDocker } from './dockerd.ts';

const say = (line: string) => process.stdout.write(`${line}\n`);

try {
  if ((await findDocker()) === undefined && !dockerInstalled()) await aptInstall(['docker.io'], say);
  say(`containerlab: ${await ensureContainerlab(say)}`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
