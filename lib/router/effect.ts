// Everything a router can ask of the world, as data. The shell performs effects in order and answers with events.
import type { FibDelta, FibObject } from '../fib/fib.ts';
import type { PeerName } from '../model/identity.ts';
import type { SessionMessage } from '../session/message.ts';
import type { ConnectionId } from '../session/peer-contract.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export type RouterEffect =
  /**
   * Fires the event `timer` at `atMs` or soon after; replaces a timer of the same name. With `jitter` the shell shortens
   * the wait to 0.75..1 of it (RFC 4271 section 10), so that routers that failed together do not retry together.
   */
  | { readonly type: 'set-timer'; readonly timer: string; readonly atMs: number; readonly jitter?: true }
  | { readonly type: 'cancel-timer'; readonly timer: string }
  | { readonly type: 'connect'; readonly peer: PeerName }
  | {
      readonly type: 'send';
      readonly peer: PeerName;
      readonly connection: ConnectionId;
      readonly message: SessionMessage;
    }
  | { readonly type: 'close'; readonly peer: PeerName; readonly connection: ConnectionId }
  /** Answered by `fib-done` with the same `request`. `cause` names what led to the change, for the latency histograms. */
  | { readonly type: 'fib-apply'; readonly request: number; readonly delta: FibDelta; readonly cause: string }
  | { readonly type: 'fib-sync'; readonly request: number; readonly desired: readonly FibObject[] }
  | { readonly type: 'fib-verify' }
  /** Answered by `drains-measured`: flows of these slots, and packets that these SIDs (prefixes) took. */
  | { readonly type: 'measure-drains'; readonly slots: readonly number[]; readonly sids: readonly string[] }
  /** Rows of this view may have changed. */
  | {
      readonly type: 'view-changed';
      readonly view: 'peers' | 'services' | 'rib' | 'instances' | 'link-state' | 'paths' | 'fib' | 'drains';
    }
  | {
      readonly type: 'log';
      readonly level: LogLevel;
      readonly text: string;
      readonly fields: Readonly<Record<string, string | number | boolean>>;
    }
  /** The stop is complete: farewells are sent. */
  | { readonly type: 'stopped' };
