// Calls containerlab and reads what it prints. Knows its arguments and its formats (v0.79); decides nothing.
import { z } from 'zod';
import type { ExecResult, InspectRow } from '../engine.ts';
import type { LabNode } from '../lab-file.ts';
import { type CommandResult, run, withoutColours } from './command.ts';
import type { Docker } from './dockerd.ts';

/** Runs containerlab where it sees Docker's network and process ids. It asks nobody for newer versions. */
export function call(binary: string, docker: Docker, args: readonly string[]): Promise<CommandResult> {
  const env = { DOCKER_HOST: docker.host, CLAB_VERSION_CHECK: 'disable', NO_COLOR: '1' };
  return run([...docker.enter, binary, ...args], { env });
}

/** Names of the deployed labs, each once. */
export async function labs(docker: Docker): Promise<string[]> {
  const lines = await list(docker, 'containerlab', '{{.Label "containerlab"}}');
  return [...new Set(lines)];
}

/** Nodes of one lab: short name and container name. */
export async function containers(docker: Docker, lab: string): Promise<{ name: string; container: string }[]> {
  const lines = await list(docker, `containerlab=${lab}`, '{{.Label "clab-node-name"}} {{.Names}}');
  return lines.map((line) => {
    const [name = '', container = ''] = line.split(' ');
    return { name, container };
  });
}

async function list(docker: Docker, label: string, format: string): Promise<string[]> {
  const argv = ['docker', 'ps', '--all', '--filter', `label=${label}`, '--format', format];
  const { stdout } = await run(argv, { env: { DOCKER_HOST: docker.host } });
  return stdout.split('\n').filter((line) => line !== '');
}

const row = z.object({
  lab_name: z.string(),
  labPath: z.string(),
  absLabPath: z.string(),
  name: z.string(),
  container_id: z.string(),
  image: z.string(),
  kind: z.string(),
  state: z.string(),
  status: z.string(),
  ipv4_address: z.string(),
  ipv6_address: z.string(),
  owner: z.string().default(''),
});
const inspected = z.record(z.string(), z.array(row));

/** Rows of `inspect --format json`; it prints nothing when no lab is there. */
export function parseInspect(text: string): InspectRow[] {
  return text.trim() === '' ? [] : Object.values(inspected.parse(JSON.parse(text))).flat();
}

/**
 * The `exec` lines that failed, from the log of `deploy`, which is the only place that tells. A value is bare, quoted as Go
 * quotes, or, when it has several lines, follows on lines that begin with a bar. `nodes` gives a command its words back.
 */
export function parseFailedExecs(
  log: string,
  nodes: readonly Pick<LabNode, 'name' | 'exec'>[],
): (ExecResult & { readonly node: string })[] {
  const records = withoutColours(log).split(/^(?=\d\d:\d\d:\d\d [A-Z]{4} )/m);
  return records
    .filter((record) => record.includes('Failed to execute command'))
    .map((record) => {
      const node = fieldOf(record, 'node');
      const command = fieldOf(record, 'command');
      const execs = nodes.find(({ name }) => name === node)?.exec ?? [];
      return {
        node,
        cmd: execs.find((argv) => argv.join(' ') === command) ?? command.split(' '),
        'return-code': Number(fieldOf(record, 'rc')),
        stdout: fieldOf(record, 'stdout'),
        stderr: fieldOf(record, 'stderr'),
      };
    });
}

function fieldOf(record: string, key: string): string {
  const several = new RegExp(`\\b${key}=\\n((?:\\s+\u2502.*\\n?)+)`).exec(record)?.[1];
  if (several !== undefined) return several.replaceAll(/^\s+\u2502 ?/gm, '').trimEnd();
  const [, quoted, bare] = new RegExp(`\\b${key}=(?:("(?:[^"\\\\]|\\\\.)*")|(\\S*))`).exec(record) ?? [];
  if (quoted === undefined) return bare ?? '';
  // Go's quoting is JSON's but for \\a, \\v, \\x and \\U, which no command line has.
  return z.string().catch(quoted.slice(1, -1)).parse(tryJson(quoted));
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
