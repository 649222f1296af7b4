// What can be done to a veth end in a network namespace: the kernel's own emulator (netem) where it is built in, and taking
// the carrier away. For both engines; a namespace is given by path (/run/netns/NAME or /proc/PID/ns/net).
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { LabError } from './engine.ts';
import type { LinkQuality } from './impairment.ts';

/** A second of full frames at 100 Mbit/s; netem's own default of 1000 drops at 10 ms and 1 Gbit/s. */
const LIMIT_FRAMES = 10_000;

/** `tc` arguments that set the whole quality of what leaves `device`. */
export function netemArgs(device: string, { delayUs, jitterUs, lossPercent, rateBps }: LinkQuality): string[] {
  return [
    ...['qdisc', 'replace', 'dev', device, 'root', 'netem', 'limit', String(LIMIT_FRAMES)],
    ...['delay', `${delayUs}us`, ...(jitterUs > 0 ? [`${jitterUs}us`] : [])],
    ...(lossPercent > 0 ? ['loss', `${lossPercent}%`] : []),
    ...(rateBps > 0 ? ['rate', `${rateBps}bit`] : []),
  ];
}

/** Tries it on the loopback device of a namespace that nobody uses yet. */
export async function hasNetem(netns: string): Promise<boolean> {
  try {
    await inNamespace(netns, ['tc', 'qdisc', 'replace', 'dev', 'lo', 'root', 'netem', 'delay', '0us']);
  } catch {
    return false;
  }
  await inNamespace(netns, ['tc', 'qdisc', 'del', 'dev', 'lo', 'root']);
  return true;
}

export async function setNetem(netns: string, device: string, quality: LinkQuality): Promise<void> {
  await inNamespace(netns, ['tc', ...netemArgs(device, quality)]);
}

/**
 * Sets one end down. A veth has no carrier of its own to cut: each end loses it when the other is down, so both are set
 * down, and keep their IPv6 addresses meanwhile, as a pulled cable would let them. Returns the static routes that the kernel
 * forgets all the same, for `setVethUp`; what a routing daemon installed is the daemon's to bring back.
 */
export async function setVethDown(netns: string, device: string): Promise<string[]> {
  const script = `ip -6 route show dev "$1" proto boot
echo 1 >"/proc/sys/net/ipv6/conf/$1/keep_addr_on_down"
ip link set dev "$1" down`;
  const routes = await inNamespace(netns, ['sh', '-ec', script, 'sh', device]);
  return routes.split('\n').filter((line) => line !== '');
}

export async function setVethUp(netns: string, device: string, routes: readonly string[]): Promise<void> {
  const script = `ip link set dev "$1" up
device=$1
shift
for route; do ip -6 route replace $route dev "$device" proto boot; done`;
  // `linkdown` and the like are how the route was, not what it is to be.
  const wanted = routes.map((route) => route.replaceAll(/\b(linkdown|dead)\b/g, '').trim());
  await inNamespace(netns, ['sh', '-ec', script, 'sh', device, ...wanted]);
}

/** Runs argv in a network namespace, with the files and rights of the caller; throws LabError with its error text. */
export async function inNamespace(netns: string, argv: readonly string[]): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)('nsenter', [`--net=${netns}`, '--', ...argv]);
    return stdout;
  } catch (cause) {
    const text = (cause as { stderr?: string }).stderr?.trim() ?? '';
    throw new LabError(`${argv.join(' ')}: ${text || (cause instanceof Error ? cause.message : String(cause))}`, {
      cause,
    });
  }
}
