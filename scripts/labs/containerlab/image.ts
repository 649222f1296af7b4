// Builds the container image of a node: a root file system (rootfs.ts) with the bundle (dist/rootfs) and lab-init over it,
// imported as one layer; or the Dockerfile, where a registry can be reached. Decides when an image is out of date.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { bundle, ROOTFS } from '../../bundle.ts';
import { lastLines, run, runOrThrow } from './command.ts';
import type { Docker } from './dockerd.ts';
import { projectRoot } from './places.ts';
import { makeRootfs, missingPrograms, type RootfsKind } from './rootfs.ts';

export type ImageSource = RootfsKind | 'dockerfile';

const imageFiles = join(projectRoot, 'containerlab', 'image');
const treeLabel = 'cfnd.tree';
const path = '/opt/cfnd/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface ImageReport {
  readonly image: string;
  readonly source: ImageSource;
  /** False: the image was there and up to date. */
  readonly built: boolean;
  readonly tookMs: number;
}

/** Builds `image` unless what `docker` holds under that name was made from the same files. */
export async function ensureImage(
  docker: Docker,
  image: string,
  say: (line: string) => void,
  options: { readonly source?: ImageSource; readonly force?: boolean } = {},
): Promise<ImageReport> {
  const started = performance.now();
  const source = options.source ?? (missingPrograms().length === 0 ? 'host' : 'debian');
  const env = { DOCKER_HOST: docker.host };
  if (source === 'dockerfile') {
    if (docker.isolated)
      throw new Error('the isolated Docker has no network; --from dockerfile needs a running Docker');
    const build = ['docker', 'build', '-f', join(imageFiles, 'Dockerfile'), '-t', image, projectRoot];
    await runOrThrow(build, { env, showStderr: true });
    return { image, source, built: true, tookMs: performance.now() - started };
  }
  await bundle();
  const tree = treeFingerprint(source);
  if (options.force !== true && (await labelOf(image, env)) === tree) {
    return { image, source, built: false, tookMs: performance.now() - started };
  }
  const root = await makeRootfs(source, ROOTFS, say);
  const archive = ['--numeric-owner', '--owner=0', '--group=0', '-C', root, '.', '-C', ROOTFS, './opt/cfnd'];
  const init = ['--transform=s,^\\./lab-init$,./usr/local/sbin/lab-init,', '-C', imageFiles, './lab-init'];
  const changes = [
    `ENV PATH=${path}`,
    'ENTRYPOINT ["/usr/local/sbin/lab-init"]',
    'CMD ["/opt/cfnd/bin/cfnd", "run", "--config", "/etc/cfnd/cfnd.yaml"]',
    `LABEL ${treeLabel}=${tree}`,
  ].flatMap((change) => ['--change', change]);
  await pipe(['tar', '-c', ...archive, ...init], ['docker', 'import', ...changes, '-', image], env);
  return { image, source, built: true, tookMs: performance.now() - started };
}

/** What an image made from these files would carry: names, sizes and times of the tree, and the way it is made. */
function treeFingerprint(source: RootfsKind): string {
  const hash = createHash('sha256').update(source);
  for (const name of ['image.ts', 'rootfs.ts']) hash.update(readFileSync(join(import.meta.dirname, name)));
  hash.update(readFileSync(join(imageFiles, 'lab-init')));
  const entries = readdirSync(ROOTFS, { recursive: true, encoding: 'utf8' }).sort();
  for (const entry of entries) {
    const { size, mtimeMs, mode } = statSync(join(ROOTFS, entry));
    hash.update(`${entry} ${size} ${mtimeMs} ${mode}\n`);
  }
  return hash.digest('hex').slice(0, 16);
}

async function labelOf(image: string, env: Readonly<Record<string, string>>): Promise<string> {
  const format = `{{index .Config.Labels "${treeLabel}"}}`;
  return (await run(['docker', 'image', 'inspect', '--format', format, image], { env })).stdout.trim();
}

/** Runs `from | to`; throws when either fails. */
async function pipe(
  from: readonly string[],
  to: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const [source = '', ...sourceArgs] = from;
  const [sink = '', ...sinkArgs] = to;
  const writer = spawn(source, sourceArgs, { stdio: ['ignore', 'pipe', 'pipe'] });
  const reader = spawn(sink, sinkArgs, { stdio: ['pipe', 'ignore', 'pipe'], env: { ...process.env, ...env } });
  let words = '';
  for (const stream of [writer.stderr, reader.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (words += text));
  }
  // A reader that ends early is reported by its exit code, not by the broken pipe.
  reader.stdin.on('error', () => {});
  writer.stdout.pipe(reader.stdin);
  reader.on('close', () => writer.kill());
  const codes = await Promise.all([once(writer, 'close'), once(reader, 'close')]);
  if (codes.some(([code]) => code !== 0)) throw new Error(`${source} | ${sink} failed: ${lastLines(words, 8)}`);
}
