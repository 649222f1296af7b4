// The links of a running lab in the namespace runner: which kind each one is, how it is made and how it is changed.
// A veth where nothing is wrong with the link or the kernel has netem; otherwise two TAP ends joined by the relay.
import { createHash } from 'node:crypto';
import { LabError } from './engine.ts';
import { describeQuality } from './graph.ts';
import { type Impairment, isPerfect, type LinkQuality, PERFECT } from './impairment.ts';
import type { LabEndpoint, LabLink } from './lab-file.ts';
import { LinkRelay, relayObstacle } from './link-relay.ts';
import { hasNetem, inNamespace, setNetem, setVethDown, setVethUp } from './veth.ts';

type Medium = 'veth' | 'netem' | 'relay';

interface RunningLink {
  readonly link: LabLink;
  readonly medium: Medium;
  quality: LinkQuality;
  /** Of a veth that is down: the routes of each end to bring back. */
  downRoutes: readonly (readonly string[])[] | undefined;
}

export interface LinkPlan {
  readonly links: readonly LabLink[];
  /** Path of a node's network namespace. */
  readonly netnsOf: (node: string) => string;
  /** Name of a node's network namespace under /run/netns. */
  readonly nameOf: (node: string) => string;
  /** Environment of the relay: carries the tag of the lab. */
  readonly env: Readonly<Record<string, string>>;
}

export class NetnsLinks {
  /** What this machine cannot do, one line. */
  readonly warnings: readonly string[];
  readonly #plan: LinkPlan;
  readonly #running: readonly RunningLink[];
  readonly #relay: LinkRelay | undefined;

  private constructor(
    plan: LinkPlan,
    running: readonly RunningLink[],
    relay: LinkRelay | undefined,
    warnings: string[],
  ) {
    this.#plan = plan;
    this.#running = running;
    this.#relay = relay;
    this.warnings = warnings;
  }

  /** Chooses the medium of every link and makes those that are relayed; the veths are `vethBatch`, still to be run. */
  static async plan(plan: LinkPlan): Promise<NetnsLinks> {
    const wanting = plan.links.filter((link) => !isPerfect(link.quality));
    const warnings: string[] = [];
    let medium: Medium = 'veth';
    if (wanting.length > 0) {
      const obstacle = relayObstacle();
      if (await hasNetem(plan.netnsOf(wanting[0]!.endpoints[0].node))) medium = 'netem';
      else if (obstacle === undefined) medium = 'relay';
      else warnings.push(`links have no delay, loss or rate: the kernel has no netem and ${obstacle}`);
    }
    const running = plan.links.map(
      (link): RunningLink => ({
        link,
        medium: isPerfect(link.quality) && medium === 'relay' ? 'veth' : medium,
        quality: PERFECT,
        downRoutes: undefined,
      }),
    );
    const relay = medium === 'relay' ? await LinkRelay.start(plan.env) : undefined;
    return new NetnsLinks(plan, running, relay, warnings);
  }

  /** Lines for `ip -batch`: every veth, both ends in place; no name exists twice on the way. */
  vethBatch(): string[] {
    return this.#running
      .filter(({ medium }) => medium !== 'relay')
      .map(({ link }) => {
        const [a, b] = link.endpoints.map(
          (end) => `name ${end.interface} mtu ${link.mtu} address ${macOf(end)} netns ${this.#plan.nameOf(end.node)}`,
        );
        return `link add ${a} type veth peer ${b}`;
      });
  }

  /** Makes the relayed links, sets the veths up and gives every link the quality of its file. */
  async bringUp(): Promise<void> {
    const veths = this.#running.filter(({ medium }) => medium !== 'relay').flatMap(({ link }) => link.endpoints);
    const setUp = [...Map.groupBy(veths, (end) => end.node)].map(([node, ends]) =>
      inNamespace(this.#plan.netnsOf(node), [
        ...['sh', '-ec', 'for device; do ip link set dev "$device" up; done', 'sh'],
        ...ends.map((end) => end.interface),
      ]),
    );
    await Promise.all(setUp);
    await Promise.all(
      this.#running.map(async (running) => {
        const { link, medium } = running;
        if (medium === 'relay') {
          const [a, b] = link.endpoints.map((end) => ({
            netns: this.#plan.netnsOf(end.node),
            interface: end.interface,
            mac: macOf(end),
          }));
          await this.#relay?.add(link.name, [a!, b!], link.mtu);
        }
        if (!isPerfect(link.quality) && medium !== 'veth') await this.#setQuality(running, link.quality);
      }),
    );
  }

  async impair(name: string, impairment: Impairment): Promise<void> {
    const running = this.#find(name);
    if (impairment.kind === 'carrier') return this.#setCarrier(running, impairment.up);
    if (impairment.kind === 'quality') return this.#setQuality(running, { ...running.quality, ...impairment.quality });
    await this.#setCarrier(running, true);
    if (running.medium !== 'veth') await this.#setQuality(running, running.link.quality);
  }

  async close(): Promise<void> {
    await this.#relay?.close();
  }

  async #setQuality(running: RunningLink, quality: LinkQuality): Promise<void> {
    const { link, medium } = running;
    if (medium === 'veth')
      throw new LabError(
        `link ${link.name} was deployed without delay, loss or rate and the kernel has no netem: give it vars in the file ` +
          `(for example delay: 1us) to make it changeable; wanted: ${describeQuality(quality)}`,
      );
    if (medium === 'relay') await this.#relay?.setQuality(link.name, quality);
    else for (const end of link.endpoints) await setNetem(this.#plan.netnsOf(end.node), end.interface, quality);
    running.quality = quality;
  }

  async #setCarrier(running: RunningLink, up: boolean): Promise<void> {
    const { link, medium } = running;
    if (medium === 'relay') return this.#relay?.setCarrier(link.name, up);
    if (up === (running.downRoutes === undefined)) return;
    const ends = link.endpoints.map((end) => [this.#plan.netnsOf(end.node), end.interface] as const);
    if (up) {
      const { downRoutes } = running;
      running.downRoutes = undefined;
      await Promise.all(ends.map(([netns, device], i) => setVethUp(netns, device, downRoutes?.[i] ?? [])));
    } else running.downRoutes = await Promise.all(ends.map(([netns, device]) => setVethDown(netns, device)));
  }

  #find(name: string): RunningLink {
    const found = findLink(
      this.#running.map(({ link }) => link),
      name,
    );
    return this.#running.find(({ link }) => link === found)!;
  }
}

/** A link by its name, by its nodes in either order, or by one of its ends (`core1:eth4`); throws LabError. */
export function findLink(links: readonly LabLink[], name: string): LabLink {
  const matching = links.filter(({ name: own, endpoints: [a, b] }) => {
    const ends = [`${a.node}:${a.interface}`, `${b.node}:${b.interface}`] as const;
    return [own, ...ends, ends.join('--'), ends.toReversed().join('--'), `${b.node}--${a.node}`].includes(name);
  });
  if (matching.length === 1) return matching[0]!;
  const names = (matching.length > 1 ? matching : links).map((link) => link.name).join(', ');
  throw new LabError(
    matching.length > 1 ? `link ${name} may be any of ${names}` : `no link ${name}; there are ${names}`,
  );
}

/** containerlab's own prefix; the rest from the end's name, so that a capture reads the same after the next deploy. */
function macOf(end: LabEndpoint): string {
  if (end.mac !== '') return end.mac;
  const hash = createHash('sha256').update(`${end.node}:${end.interface}`).digest('hex');
  return ['aa', 'c1', 'ab', hash.slice(0, 2), hash.slice(2, 4), hash.slice(4, 6)].join(':');
}
