// scripts/ca: a small certificate authority for labs, in one folder: ca.pem, ca.key, and <router>.pem, <router>.key.
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { CERTIFICATES, renderClab } from '../labs/render-clab.ts';
import { renderConfig } from '../labs/render-config.ts';
import { readTopology, routersOf } from '../labs/topology.ts';
import { createAuthority, type Issued, issueRouter, type RouterName, validFor } from './certificate.ts';

const AUTHORITY_DAYS = 365;

const program = new Command('scripts/ca').description('a small certificate authority for labs; not for production');

program
  .command('init')
  .description('make the authority of a folder; one that exists stays')
  .argument('<folder>')
  .option('--days <n>', 'validity', Number, AUTHORITY_DAYS)
  .action((folder: string, { days }: { days: number }) => {
    say(authorityOf(folder, days).made ? `made ${join(folder, 'ca.pem')}` : `${join(folder, 'ca.pem')} is there`);
  });

program
  .command('router')
  .description('issue, or issue anew, the certificate of a router')
  .argument('<folder>')
  .requiredOption('--domain <name>', 'domain of the configuration')
  .requiredOption('--site <name>', 'its site')
  .requiredOption('--router <name>', 'its name')
  .option('--days <n>', 'validity', Number, 30)
  .action((folder: string, options: RouterName & { days: number }) => issue(folder, options, options.days));

program
  .command('lab')
  .description('write a lab with mutual TLS: its file, configurations, checks and certificates')
  .argument('<folder>', 'for example /tmp/metro-3-tls')
  .argument('<topology>', 'for example topologies/metro-3/topology.json')
  .option('--days <n>', 'validity', Number, 30)
  .action((folder: string, file: string, { days }: { days: number }) => {
    const topology = readTopology(file);
    for (const { name, site } of routersOf(topology))
      issue(join(folder, 'certs'), { domain: topology.domain, site, router: name }, days);
    mkdirSync(join(folder, 'configs'), { recursive: true });
    for (const router of routersOf(topology))
      writeFileSync(join(folder, 'configs', `${router.name}.yaml`), renderConfig(topology, router, CERTIFICATES));
    const lab = join(folder, `${topology.name}-tls.clab.yml`);
    writeFileSync(lab, renderClab(topology, 'certs'));
    const checks = join(import.meta.dirname, '../../containerlab', topology.name, 'verify.yml');
    if (existsSync(checks)) copyFileSync(checks, join(folder, 'verify.yml'));
    say(`scripts/lab deploy -t ${lab}`);
  });

try {
  program.parse();
} catch (error) {
  process.stderr.write(`scripts/ca: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

function issue(folder: string, name: RouterName, days: number): void {
  if (!(days > 0 && days < 36_500)) throw new Error('--days must be more than 0 and less than 36500');
  const { authority } = authorityOf(folder, AUTHORITY_DAYS);
  save(folder, name.router, issueRouter(authority, name, validFor(days)));
  say(`issued ${join(folder, `${name.router}.pem`)} for ${name.site}, ${days} days`);
}

function authorityOf(folder: string, days: number): { readonly authority: Issued; readonly made: boolean } {
  const file = (ending: string) => join(folder, `ca.${ending}`);
  if (existsSync(file('key')))
    return {
      made: false,
      authority: { certificate: readFileSync(file('pem'), 'utf8'), key: readFileSync(file('key'), 'utf8') },
    };
  mkdirSync(folder, { recursive: true });
  const authority = createAuthority('cfnd lab authority', validFor(days));
  save(folder, 'ca', authority);
  return { authority, made: true };
}

/** Key first, each moved into place whole: a daemon that looks meanwhile sees old or new. */
function save(folder: string, name: string, { certificate, key }: Issued): void {
  for (const [file, text, mode] of [
    [`${name}.key`, key, 0o600],
    [`${name}.pem`, certificate, 0o644],
  ] as const) {
    writeFileSync(join(folder, `${file}.new`), text, { mode });
    renameSync(join(folder, `${file}.new`), join(folder, file));
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
