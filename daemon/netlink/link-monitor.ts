// The links of a namespace and their addresses, kept current: one dump at start, notifications after it, and a new dump
// after an overrun. Tells differences only, so that a listener never hears the same state twice.
import type { CodedError } from '../../lib/errors.ts';
import { decodeAddress, encodeDumpAddresses, type LinkAddress } from '../../lib/netlink/rt/addr.ts';
import { decodeLink, encodeDumpLinks, type Link } from '../../lib/netlink/rt/link.ts';
import { monotonicMs } from '../runtime/clock.ts';
import { patiently } from '../runtime/patiently.ts';
import { INTERRUPTED } from './dump-socket.ts';
import { type KernelChange, MonitorSocket } from './monitor-socket.ts';
import { RequestSocket } from './request-socket.ts';

export interface LinkState {
  readonly name: string;
  readonly index: number;
  /** Enabled and with carrier: packets can leave. */
  readonly up: boolean;
  /** Bytes. */
  readonly mtu: number;
  /** Frames are Ethernet's, and what comes in is its own: it is no port of a bridge or bond. */
  readonly ethernet: boolean;
  readonly deleted: boolean;
}

export interface AddressState extends LinkAddress {
  readonly deleted: boolean;
}

export interface LinkMonitorOptions {
  /** Name under /run/netns, or a path; default the process's own namespace. */
  readonly netns?: string;
  /** Shared sockets; without them it opens its own and closes those. */
  readonly requests?: RequestSocket;
  readonly monitor?: MonitorSocket;
  /**
   * A link appeared, changed `up`, `mtu` or `ethernet`, or went. One that was renamed goes by its old name, and appears by the
   * new one. Called for every link at start.
   */
  onLink(link: LinkState): void;
  /** An address appeared, became usable (no more tentative), or went. Called for every address at start. */
  onAddress?(address: AddressState): void;
  /** Reading the kernel again after an overrun failed; the next overrun or `resync` tries again. */
  onError?(error: unknown): void;
}

/** Others may be busy with thousands of addresses for longer than some attempts take, and not for ever. */
const READ_WITHIN_MS = 5000;

/** ARPHRD_ETHER. */
const ETHERNET = 1;

type LinkChange = Extract<KernelChange, { kind: 'link' | 'address' }>;

export class LinkMonitor {
  private readonly options: LinkMonitorOptions;
  private readonly requests: RequestSocket;
  private readonly monitor: MonitorSocket;
  private readonly unsubscribe: () => void;
  private readonly known = new Map<number, LinkState>();
  private readonly addresses = new Map<string, LinkAddress>();
  /** While the kernel is being read: the last change of each object, to be applied on top of what was read. */
  private held: Map<string, LinkChange> | undefined;
  private again = false;
  private closed = false;

  /** Opens, subscribes and reads the present state; `onLink` has been called for every link when it resolves. */
  static async open(options: LinkMonitorOptions): Promise<LinkMonitor> {
    const monitor = new LinkMonitor(options);
    try {
      await monitor.resync();
    } catch (error) {
      monitor.close();
      throw error;
    }
    return monitor;
  }

  private constructor(options: LinkMonitorOptions) {
    this.options = options;
    const netns = options.netns === undefined ? {} : { netns: options.netns };
    this.requests = options.requests ?? RequestSocket.open(netns);
    this.monitor = options.monitor ?? MonitorSocket.open({ ...netns, groups: ['link', 'ipv4Address', 'ipv6Address'] });
    this.unsubscribe = this.monitor.subscribe({
      onChange: (change) => {
        if (change.kind === 'link' || change.kind === 'address') this.take(change);
      },
      onOverrun: () => {
        this.resync().catch((error) => this.options.onError?.(error));
      },
    });
  }

  link(name: string): LinkState | undefined {
    for (const link of this.known.values()) if (link.name === name) return link;
    return undefined;
  }

  linkByIndex(index: number): LinkState | undefined {
    return this.known.get(index);
  }

  links(): readonly LinkState[] {
    return [...this.known.values()];
  }

  /** Reads links and addresses again and tells what differs. */
  async resync(): Promise<void> {
    // Whoever asks while a read is under way wants what comes after it.
    if (this.held) {
      this.again = true;
      return;
    }
    do {
      this.again = false;
      this.held = new Map();
      const untilMs = monotonicMs() + READ_WITHIN_MS;
      const goesOn = ({ code }: CodedError) => code === INTERRUPTED && !this.closed && monotonicMs() < untilMs;
      try {
        const links = await patiently(() => this.requests.dump(encodeDumpLinks, decodeLink), goesOn);
        const ipv6 = await patiently(() => this.readAddresses('ipv6'), goesOn);
        const ipv4 = await patiently(() => this.readAddresses('ipv4'), goesOn);
        if (!this.closed) this.replaceAll(links, [...ipv6, ...ipv4]);
      } finally {
        const held = this.held;
        this.held = undefined;
        if (!this.closed) for (const change of held.values()) this.take(change);
      }
    } while (this.again && !this.closed);
  }

  close(): void {
    this.closed = true;
    this.unsubscribe();
    if (!this.options.requests) this.requests.close();
    if (!this.options.monitor) this.monitor.close();
  }

  private readAddresses(family: 'ipv4' | 'ipv6'): Promise<LinkAddress[]> {
    return this.requests.dump((writer) => encodeDumpAddresses(writer, family), decodeAddress);
  }

  private take(change: LinkChange): void {
    const key = change.kind === 'link' ? `link ${change.link.index}` : addressKey(change.address);
    if (this.held) this.held.set(key, change);
    else if (change.kind === 'link') this.noteLink(change.link, change.removed);
    else this.noteAddress(change.address, change.removed);
  }

  private replaceAll(links: readonly Link[], addresses: readonly LinkAddress[]): void {
    const indices = new Set(links.map((link) => link.index));
    const keys = new Set(addresses.map(addressKey));
    for (const [key, address] of this.addresses) if (!keys.has(key)) this.noteAddress(address, true);
    for (const link of [...this.known.values()]) if (!indices.has(link.index)) this.noteLink(link, true);
    for (const link of links) this.noteLink(link, false);
    for (const address of addresses) this.noteAddress(address, false);
  }

  private noteLink(link: Link | LinkState, deleted: boolean): void {
    const { name, index, up, mtu } = link;
    const ethernet = 'ethernet' in link ? link.ethernet : link.hardware === ETHERNET && link.controller === undefined;
    const before = this.known.get(index);
    if (deleted) {
      if (this.known.delete(index)) this.options.onLink({ name, index, up: false, mtu, ethernet, deleted });
      return;
    }
    if (before && before.name === name && before.up === up && before.mtu === mtu && before.ethernet === ethernet)
      return;
    const state = { name, index, up, mtu, ethernet, deleted };
    this.known.set(index, state);
    // Who knows it by its name has lost it, unless another has taken that.
    if (before && this.link(before.name) === undefined) this.options.onLink({ ...before, up: false, deleted: true });
    this.options.onLink(state);
  }

  private noteAddress(address: LinkAddress, deleted: boolean): void {
    const key = addressKey(address);
    const before = this.addresses.get(key);
    if (deleted) {
      if (this.addresses.delete(key)) this.options.onAddress?.({ ...address, deleted });
      return;
    }
    this.addresses.set(key, address);
    if (before?.tentative !== address.tentative) this.options.onAddress?.({ ...address, deleted });
  }
}

function addressKey(address: LinkAddress): string {
  return `address ${address.index} ${address.address}/${address.prefixLength}`;
}
