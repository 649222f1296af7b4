// Interfaces by name and index for the forwarding plane, and the news it must act on: a link that came back (the kernel
// dropped routes through it without a word), a SID device that somebody removed or disabled, lost notifications.
import { CodedError } from '../../lib/errors.ts';
import { encodeNewBridge, encodeRemoveLink, encodeSetLink } from '../../lib/netlink/rt/link.ts';
import { LinkMonitor, type LinkState } from '../netlink/link-monitor.ts';
import { MonitorSocket } from '../netlink/monitor-socket.ts';
import type { Outcome, RequestSocket } from '../netlink/request-socket.ts';
import { noSuchDevice } from './kernel-codec.ts';

export interface LinkListener {
  /** The link can carry packets again, or has a new address: routes through it may be missing. */
  onUsable(device: string): void;
  /** The SID device was removed or disabled by somebody. */
  onSidDeviceLost(): void;
  /** Notifications were lost: anything may be missing. */
  onOverrun(): void;
}

export interface FibLinksOptions {
  readonly requests: RequestSocket;
  readonly sidDevice: string;
  readonly netns?: string | undefined;
  readonly listener: LinkListener;
}

export class FibLinks {
  readonly #options: FibLinksOptions;
  readonly #monitor: MonitorSocket;
  #links: LinkMonitor | undefined;
  #started = false;
  #made = false;

  /** Rejects with the `CodedError` of the sockets. */
  static async open(options: FibLinksOptions): Promise<FibLinks> {
    const links = new FibLinks(options);
    await links.#start();
    return links;
  }

  private constructor(options: FibLinksOptions) {
    this.#options = options;
    this.#monitor = MonitorSocket.open({
      groups: ['link', 'ipv4Address', 'ipv6Address'],
      ...(options.netns !== undefined && { netns: options.netns }),
    });
  }

  async #start(): Promise<void> {
    const { listener, requests, sidDevice } = this.#options;
    try {
      this.#links = await LinkMonitor.open({
        requests,
        monitor: this.#monitor,
        onLink: (link) => {
          if (this.#started && link.up && !link.deleted && link.name !== sidDevice) listener.onUsable(link.name);
        },
        onAddress: (address) => {
          const name = this.deviceName(address.index);
          if (this.#started && !address.deleted && !address.tentative && name !== undefined && name !== sidDevice)
            listener.onUsable(name);
        },
      });
    } catch (error) {
      this.#monitor.close();
      throw error;
    }
    this.#monitor.subscribe({
      onChange: (change) => {
        // A bridge without ports never has carrier, so "up" says nothing here: enabled or not is what counts.
        if (change.kind === 'link' && change.link.name === sidDevice && (change.removed || !change.link.enabled))
          listener.onSidDeviceLost();
      },
      onOverrun: () => listener.onOverrun(),
    });
    this.#started = true;
  }

  /** Makes the SID device if it is not there, and enables it; null when it is as it should be. */
  async ensureSidDevice(): Promise<Outcome> {
    const { requests, sidDevice } = this.#options;
    let outcome = requests.request((writer) => encodeNewBridge(writer, { name: sidDevice }));
    if (!outcome) this.#made = true;
    if (outcome?.code === 'EEXIST')
      outcome = requests.request((writer) => encodeSetLink(writer, { name: sidDevice }, true));
    if (!outcome) await this.#links?.resync();
    return outcome;
  }

  /** Only what this process made: an operator's bridge of that name stays. */
  removeSidDevice(): void {
    const { requests, sidDevice } = this.#options;
    if (this.#made) requests.request((writer) => encodeRemoveLink(writer, { name: sidDevice }));
  }

  sidDeviceIndex(): number {
    return this.deviceIndex(this.#options.sidDevice);
  }

  /** Throws `CodedError` `ENODEV`. */
  deviceIndex(name: string): number {
    const link = this.#links?.link(name);
    if (!link) throw noSuchDevice(name);
    return link.index;
  }

  /** Undefined: not there. */
  indexOf(name: string): number | undefined {
    return this.#links?.link(name)?.index;
  }

  /** Ethernet interfaces besides the SID device that are nobody's port. */
  ethernet(): LinkState[] {
    const all = this.#links?.links() ?? [];
    return all.filter(({ name, ethernet }) => ethernet && name !== this.#options.sidDevice);
  }

  deviceName(index: number): string | undefined {
    return this.#links?.linkByIndex(index)?.name;
  }

  close(): void {
    this.#links?.close();
    this.#monitor.close();
  }
}

/** The `CodedError` of an unknown failure: what a socket could not do. */
export function reasonOf(error: unknown): { code: string; text: string } {
  if (error instanceof CodedError) return { code: error.code, text: error.message };
  return { code: 'failed', text: error instanceof Error ? error.message : String(error) };
}
