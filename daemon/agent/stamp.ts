// The C-NMA's measuring half: one reflector, one session-sender a link, and their verdicts as router events. What a
// link's delay is good for is not known here.
import { randomInt } from 'node:crypto';
import type { StampConfig } from '../../lib/config/config.ts';
import type { RouterEventBody } from '../../lib/router/event.ts';
import type { SenderEffect } from '../../lib/stamp/sender.ts';
import { type StampLink, StampLinkSession } from './stamp-link.ts';
import type { StampLog } from './stamp-log.ts';
import { type ReflectorCounters, StampReflector } from './stamp-reflector.ts';

export type StampRouterEvent = Extract<RouterEventBody, { type: 'path-up' | 'path-down' | 'link-measured' }>;

export interface StampAgentOptions {
  readonly links: readonly StampLink[];
  /** `port` is the reflector's, here and at the neighbours. */
  readonly config: StampConfig & { readonly port: number };
  readonly post: (event: StampRouterEvent) => void;
  readonly log: StampLog;
  /** Port of the neighbours' reflectors where it is not ours; tests run two agents on one host. */
  readonly remotePort?: number;
}

export interface StampLinkSnapshot {
  readonly link: string;
  /** `waiting` before the first verdict; `refused`: the host answers, its daemon does not. */
  readonly path: 'waiting' | 'up' | 'down';
  readonly refused: boolean;
  readonly sent: number;
  readonly received: number;
}

export interface StampAgent {
  /** Tells that an interface (all, when not named) or its addresses changed. */
  linkChanged(name?: string): void;
  readonly reflecting: boolean;
  snapshot(): { readonly links: readonly StampLinkSnapshot[]; readonly reflector: ReflectorCounters };
  close(): void;
}

/**
 * Starts measuring. A port in use, a missing address or interface is logged and tried again; nothing here throws. With
 * `enabled` false only the reflector runs, so that neighbours who measure get answers.
 */
export function createStampAgent(options: StampAgentOptions): StampAgent {
  const { links, config, log } = options;
  const reflector = new StampReflector({ port: config.port, log });
  const sessions = (config.enabled ? links : []).map(
    (link) =>
      new StampLinkSession({
        link,
        port: options.remotePort ?? config.port,
        config,
        ssid: randomInt(1, 2 ** 16),
        firstSequence: randomInt(2 ** 32),
        log,
        tell: (effect) => tell(link, effect, options),
      }),
  );
  return {
    linkChanged(name) {
      for (const [i, session] of sessions.entries())
        if (name === undefined || links[i]!.name === name) session.linkChanged();
    },
    get reflecting() {
      return reflector.listening;
    },
    snapshot: () => ({
      reflector: reflector.counters,
      links: sessions.map((session, i) => ({
        link: links[i]!.name,
        path: session.state.phase,
        refused: session.state.refused,
        ...session.counters,
      })),
    }),
    close() {
      reflector.close();
      for (const session of sessions) session.close();
    },
  };
}

function tell(
  link: StampLink,
  effect: Exclude<SenderEffect, { type: 'send' }>,
  { post, log }: StampAgentOptions,
): void {
  const fields = { link: link.name, remote: link.remoteAddress };
  switch (effect.type) {
    case 'path-up':
      return post({ type: 'path-up', link: link.name });
    case 'path-down':
      return post({ type: 'path-down', link: link.name });
    case 'measured':
      log.debug({ ...fields, ...effect.measurement }, 'link measured');
      return post({ type: 'link-measured', link: link.name, ...effect.measurement });
    case 'reflector-gone':
      return log.info(fields, 'neighbour refuses test packets, its daemon is not running; the path is kept');
    case 'reflector-back':
      return log.info(fields, 'neighbour answers test packets again');
    default:
      return effect satisfies never;
  }
}
