// The command line of scripts/image: builds the image of a node in the Docker that answers, or in an isolated one that
// this starts and leaves running for the lab that follows (`scripts/lab --engine containerlab destroy` stops it).
import { parseArgs } from 'node:util';
import { ensureDocker } from './dockerd.ts';
import { ensureImage, type ImageSource } from './image.ts';
import { ROOTFS_KINDS } from './rootfs.ts';

const usage = `usage: scripts/image [--from host|debian|dockerfile] [--tag NAME] [--force]
  host        programs of this machine and their libraries (default where it has them all; about 3 s)
  debian      a minimal Debian made with debootstrap (default elsewhere; half a minute, once)
  dockerfile  containerlab/image/Dockerfile, from a registry`;

const sources: readonly string[] = [...ROOTFS_KINDS, 'dockerfile'];
const say = (line: string) => process.stderr.write(`${line}\n`);

try {
  const { values } = parseArgs({
    options: {
      from: { type: 'string' },
      tag: { type: 'string' },
      force: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help === true) {
    process.stdout.write(`${usage}\n`);
  } else {
    if (values.from !== undefined && !sources.includes(values.from))
      throw new Error(`--from ${values.from}?\n${usage}`);
    const docker = await ensureDocker(say);
    const report = await ensureImage(docker, values.tag ?? 'cfnd:latest', say, {
      force: values.force === true,
      ...(values.from === undefined ? {} : { source: values.from as ImageSource }),
    });
    const how = report.built ? `built from ${report.source} in ${(report.tookMs / 1000).toFixed(1)} s` : 'up to date';
    process.stdout.write(`${report.image}: ${how} (DOCKER_HOST=${docker.host})\n`);
  }
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
