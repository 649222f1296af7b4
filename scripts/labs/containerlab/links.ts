// Quality and carrier of links between containers. Delay, jitter, loss and rate are netem's (`containerlab tools netem`),
// so a kernel without netem has none and says so; a cut is a link set down, with its addresses kept as on a pulled cable.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { LabError } from '../engine.ts';
import { type Impairment, isPerfect, type LinkQuality, PERFECT } from '../impairment.ts';
import type { LabEndpoint, LabFile, LabLink } from '../lab-file.ts';
import { call } from './clab-command.ts';
import { lastLines, run, runOrThrow } from './command.ts';
import type { Docker } from './dockerd.ts';

const noNetem = 'this kernel has no netem (sch_netem), so containerlab links have no delay, jitter, loss or rate here';

/** Applies what the file's link `vars` ask for; returns one line when that cannot be done. */
export async function applyQualities(binary: string, docker: Docker, lab: LabFile): Promise<string[]> {
  const wanted = lab.links.filter((link) => !isPerfect(link.quality));
  if (wanted.length === 0) return [];
  if (!(await kernelHasNetem())) return [noNetem];
  for (const link of wanted) await setQuality(binary, docker, lab, link, link.quality);
  return [];
}

/** Whether the links have what the file's `vars` ask for: nothing was asked for, or it was applied at deploy. */
export function hasQualities(lab: LabFile): boolean {
  const applied = remembered(lab);
  return lab.links.every((link) => isPerfect(link.quality) || applied[link.name] !== undefined);
}

/** Changes one link of a deployed lab, both directions. Throws LabError naming what this machine lacks. */
export async function impair(
  binary: string,
  docker: Docker,
  lab: LabFile,
  name: string,
  impairment: Impairment,
): Promise<void> {
  const link = findLink(lab, name);
  if (impairment.kind === 'carrier') {
    await setCarrier(docker, lab, link, impairment.up);
    return;
  }
  if (!(await kernelHasNetem())) {
    const nothingToDo = impairment.kind === 'reset' || isPerfect({ ...PERFECT, ...impairment.quality });
    if (!nothingToDo) throw new LabError(noNetem);
  } else {
    const quality =
      impairment.kind === 'reset' ? link.quality : { ...currentQuality(lab, link), ...impairment.quality };
    await setQuality(binary, docker, lab, link, quality);
  }
  if (impairment.kind === 'reset') await setCarrier(docker, lab, link, true);
}

/** The link of that name, or the one with that end (`core1:eth4`). */
export function findLink(lab: LabFile, name: string): LabLink {
  const found = lab.links.find(
    (link) => link.name === name || link.endpoints.some((end) => `${end.node}:${end.interface}` === name),
  );
  if (found !== undefined) return found;
  throw new LabError(`lab ${lab.name} has no link ${name}; it has ${lab.links.map((link) => link.name).join(', ')}`);
}

/** Arguments of `containerlab tools netem` for one end. Delays one way, µs; rate in kbit/s, at least 1. */
export function netemArguments(container: string, interfaceName: string, quality: LinkQuality): string[] {
  const end = ['--node', container, '--interface', interfaceName];
  if (isPerfect(quality)) return ['tools', 'netem', 'reset', ...end];
  // netem refuses a jitter without a delay.
  const delayUs = quality.jitterUs > 0 ? Math.max(1, quality.delayUs) : quality.delayUs;
  return [
    ...['tools', 'netem', 'set', ...end],
    ...['--delay', `${delayUs}us`, '--jitter', `${quality.jitterUs}us`],
    ...['--loss', String(quality.lossPercent), '--rate', String(Math.ceil(quality.rateBps / 1000))],
  ];
}

/** Both ends delay what they send, so each direction has the quality once. */
async function setQuality(
  binary: string,
  docker: Docker,
  lab: LabFile,
  link: LabLink,
  quality: LinkQuality,
): Promise<void> {
  for (const end of link.endpoints) {
    const result = await call(binary, docker, netemArguments(containerOf(lab, end), end.interface, quality));
    if (result.code !== 0) throw new LabError(`${link.name}: ${lastLines(result.stderr, 2).replaceAll('\n', ' | ')}`);
  }
  remember(lab, link, quality);
}

/**
 * Cuts or joins a link: the end whose node has more links, a router, is set down, so its peer loses the carrier and keeps
 * its static routes. The addresses of the end stay, as they do when a cable is pulled.
 */
async function setCarrier(docker: Docker, lab: LabFile, link: LabLink, up: boolean): Promise<void> {
  const degree = (end: LabEndpoint) =>
    lab.links.flatMap((other) => other.endpoints).filter(({ node }) => node === end.node).length;
  const [first, second] = link.endpoints;
  const end = degree(second) > degree(first) ? second : first;
  const env = { DOCKER_HOST: docker.host };
  const container = containerOf(lab, end);
  const pid = (await runOrThrow(['docker', 'inspect', '--format', '{{.State.Pid}}', container], { env })).trim();
  // From outside, because /proc/sys is read-only in the container.
  const inNetwork = [...docker.enter, 'nsenter', '--target', pid, '--net'];
  await runOrThrow([...inNetwork, 'sysctl', '-qw', `net.ipv6.conf.${end.interface}.keep_addr_on_down=1`]);
  await runOrThrow([...inNetwork, 'ip', 'link', 'set', 'dev', end.interface, up ? 'up' : 'down']);
}

function containerOf(lab: LabFile, end: LabEndpoint): string {
  return lab.nodes.find((node) => node.name === end.node)?.longName ?? end.node;
}

const qualitySchema = z.strictObject({
  delayUs: z.number(),
  jitterUs: z.number(),
  lossPercent: z.number(),
  rateBps: z.number(),
});
const rememberedSchema = z.record(z.string(), qualitySchema);

/** netem is set as a whole, so what was set is kept in the lab's directory, which goes with the lab. */
function remembered(lab: LabFile): Record<string, LinkQuality> {
  const path = join(lab.directory, 'impairments.json');
  return existsSync(path) ? rememberedSchema.parse(JSON.parse(readFileSync(path, 'utf8'))) : {};
}

function currentQuality(lab: LabFile, link: LabLink): LinkQuality {
  return remembered(lab)[link.name] ?? link.quality;
}

function remember(lab: LabFile, link: LabLink, quality: LinkQuality): void {
  const all = { ...remembered(lab), [link.name]: quality };
  writeFileSync(join(lab.directory, 'impairments.json'), `${JSON.stringify(all)}\n`);
}

/** Tries it out in a network namespace that ends with the trial. */
async function kernelHasNetem(): Promise<boolean> {
  const trial = ['tc', 'qdisc', 'add', 'dev', 'lo', 'root', 'netem', 'delay', '1ms'];
  return (await run(['unshare', '--net', ...trial])).code === 0;
}
