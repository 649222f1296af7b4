// Where the admin socket of a node is for a process on the host: below the root of the node's first process, which both
// engines know.

import { run } from '../labs/containerlab/command.ts';
import { findDocker } from '../labs/containerlab/dockerd.ts';
import type { Engine, InspectRow, LabRef } from '../labs/engine.ts';
import { DemoError } from './poll.ts';

const SOCKET = '/run/cfnd/cfnd.sock';

/** Path of the socket per short node name. */
export async function adminSockets(
  engine: Engine,
  ref: LabRef,
  rows: readonly InspectRow[],
): Promise<ReadonlyMap<string, string>> {
  const sockets = new Map<string, string>();
  for (const row of rows) {
    const pid = engine.name === 'netns' ? row.container_id : await pidOfContainer(row.container_id);
    sockets.set(row.name.slice(`clab-${ref.lab}-`.length), `/proc/${pid}/root${SOCKET}`);
  }
  return sockets;
}

async function pidOfContainer(container: string): Promise<string> {
  const docker = await findDocker();
  const argv = ['docker', 'inspect', '--format', '{{.State.Pid}}', container];
  const result = await run(argv, docker === undefined ? {} : { env: { DOCKER_HOST: docker.host } });
  if (result.code !== 0) throw new DemoError(`container ${container} cannot be inspected: ${result.stderr.trim()}`);
  return result.stdout.trim();
}
