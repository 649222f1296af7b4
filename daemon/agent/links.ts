// Posts the kernel's view of the interfaces that the configuration names; one that does not exist yet is down.
import type { RouterConfig } from '../../lib/config/config.ts';
import type { RouterEventBody } from '../../lib/router/event.ts';
import type { Logger } from '../logger.ts';
import { LinkMonitor } from '../netlink/link-monitor.ts';

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
  const listeners: (() => void)[] = [];
  let started = false;
  const changed = () => {
    for (const listener of listeners) listener();
  };
  let monitor: LinkMonitor | undefined;
  try {
    monitor = await LinkMonitor.open({
      onLink: (link) => {
        const isUp = link.up && !link.deleted;
        if (up.has(link.name) && up.get(link.name) !== isUp) {
          up.set(link.name, isUp);
          if (started) post({ type: 'link', name: link.name, up: isUp });
        }
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
      for (const [name, isUp] of up) post({ type: 'link', name, up: isUp });
    },
    onChange(listener) {
      listeners.push(listener);
    },
    stop() {
      monitor?.close();
    },
  };
}
