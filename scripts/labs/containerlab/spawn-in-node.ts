// Runs a command in a node with our own standard streams until it ends, and passes SIGINT and SIGTERM on to it, which
// `docker exec` does not. Started by engine-containerlab.ts; exits with the command's code.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { containers } from './clab-command.ts';
import { run } from './command.ts';
import { findDocker } from './dockerd.ts';

const [lab = '', node = '', , ...argv] = process.argv.slice(2);
const docker = await findDocker();
const nodes = docker === undefined ? [] : await containers(docker, lab);
const container = nodes.find((one) => one.name === node || one.container === node)?.container;
if (docker === undefined || container === undefined) {
  process.stderr.write(`lab ${lab} has no node ${node}\n`);
  process.exit(1);
}
const env = { DOCKER_HOST: docker.host };
const pidFile = `/run/spawned-${randomUUID()}.pid`;
const script = `echo $$ >${pidFile}; exec "$@"`;
const child = spawn('docker', ['exec', '-i', container, 'sh', '-c', script, 'sh', ...argv], {
  stdio: 'inherit',
  env: { ...process.env, ...env },
  // A Ctrl-C at the terminal reaches only us, and the command through us.
  detached: true,
});
for (const signal of ['INT', 'TERM'] as const) {
  process.on(`SIG${signal}`, () => {
    const kill = `kill -${signal} "$(cat ${pidFile})"`;
    void run(['docker', 'exec', container, 'sh', '-c', kill], { env });
  });
}
child.on('close', (code) => {
  void run(['docker', 'exec', container, 'rm', '-f', pidFile], { env }).then(() => process.exit(code ?? 1));
});
