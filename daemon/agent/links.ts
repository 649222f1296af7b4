// Posts the kernel's view of the interfaces that the configuration names; one that does not exist yet is down.
import type { RouterConfig } from '../../lib/config/config.ts';
import type { RouterEventBody } from '../../lib/router/event.ts';
import type { Logger } from '../logger.ts';
import { LinkMonitor, type LinkState } from '../netlink/link-monitor.ts';

export interface LinkWatch {
  /** Posts the present state of every configured link, then changes as they come. */
  start(): void;
  /** Called when an interface or an address changed: sockets bound to them may try again. */
  onChange(listener: () => void): void;
  stop(): void;
}

/** Never rejects: without netlink every link counts as up, and STAMP alone tells (said once). */
export async function watchLinks(
  config: RouterConfig,
  post: (event: RouterEventBody) => void,
  log: Logger,
): Promise<LinkWatch> {
  const up = new Map<string, boolean>(config.links.map((link) => [link.name, false]));
  const mtus = new Map<string, number>();
  const access = new AccessMtu(config);
  const listeners: (() => void)[] = [];
  let started = false;
  const changed = () => {
    for (const listener of listeners) listener();
  };
  const linkEvent = (name: string): RouterEventBody => {
    const mtu = mtus.get(name);
    return { type: 'link', name, up: up.get(name) === true, ...(mtu !== undefined && { mtu }) };
  };
  let monitor: LinkMonitor | undefined;
  try {
    monitor = await LinkMonitor.open({
      onLink: (link) => {
        const isUp = link.up && !link.deleted;
        if (up.has(link.name) && (up.get(link.name) !== isUp || mtus.get(link.name) !== link.mtu)) {
          up.set(link.name, isUp);
          mtus.set(link.name, link.mtu);
          if (started) post(linkEvent(link.name));
        }
        if (access.take(link) && started) post({ type: 'access-mtu', mtu: access.largest });
        changed();
      },
      onAddress: changed,
      onError: (error) => log.warn({ error: String(error) }, 'link state not read again'),
    });
  } catch (error) {
    log.warn({ error: String(error) }, 'no netlink: links are taken to be up');
    for (const name of up.keys()) up.set(name, true);
  }
  return {
    start() {
      started = true;
      if (access.largest > 0) post({ type: 'access-mtu', mtu: access.largest });
      for (const name of up.keys()) {
        if (monitor && !monitor.link(name)) log.warn({ link: name }, 'there is no such interface, the link is down');
        post(linkEvent(name));
      }
    },
    onChange(listener) {
      listeners.push(listener);
    },
    stop() {
      monitor?.close();
    },
  };
}

/** The largest MTU among the interfaces that clients may be behind. */
class AccessMtu {
  largest = 0;
  readonly #mtus = new Map<string, number>();
  readonly #others: ReadonlySet<string>;

  constructor({ links, border, srv6 }: RouterConfig) {
    this.#others = new Set(['lo', srv6.device, ...links.map((link) => link.name), ...(border?.inside ?? [])]);
  }

  /** True: `largest` is another one now. */
  take({ name, up, deleted, mtu }: LinkState): boolean {
    if (this.#others.has(name)) return false;
    if (up && !deleted) this.#mtus.set(name, mtu);
    else this.#mtus.delete(name);
    const before = this.largest;
    this.largest = Math.max(0, ...this.#mtus.values());
    return this.largest !== before && this.largest > 0;
  }
}
