// Everything that can happen to a router. Adapters post these; the recorder writes them; replay reads them back. So all
// of them are JSON-able, and time, wall clock and identity come in with them.
import type { PeerConfig, PolicyConfig, RouterConfig } from '../config/config.ts';
import type { FibCapability, FibDrift, FibObject, FibResult } from '../fib/fib.ts';
import type { InstanceSample, PushedReport } from '../metric/agent.ts';
import type { PeerName } from '../model/identity.ts';
import type { CertificateNames } from '../security/identity.ts';
import type { NotificationMessage, SessionMessage } from '../session/message.ts';
import type { ConnectionId } from '../session/peer-contract.ts';
import type { DrainMeasures } from './drains.ts';

export type PeerCommand = 'reset' | 'hard-reset' | 'shutdown' | 'start' | 'refresh';

export type RouterEventBody =
  | {
      readonly type: 'start';
      readonly config: RouterConfig;
      readonly bootId: string;
      /** Wall clock at `atMs`: seeds sequences and dates reports. */
      readonly wallMs: number;
      readonly retained: readonly FibObject[];
      readonly capabilities: readonly FibCapability[];
    }
  /** The wall clock was set, or the machine slept: it is `wallMs` at `atMs`. */
  | { readonly type: 'clock'; readonly wallMs: number }
  | { readonly type: 'stop'; readonly text: string }
  | { readonly type: 'timer'; readonly timer: string }
  | {
      readonly type: 'connection-opened';
      readonly peer: PeerName;
      readonly connection: ConnectionId;
      readonly direction: 'inbound' | 'outbound';
      /** Names in the peer's certificate; absent without mutual TLS. */
      readonly identity?: CertificateNames;
    }
  | { readonly type: 'connection-failed'; readonly peer: PeerName; readonly reason: string }
  | {
      readonly type: 'connection-closed';
      readonly peer: PeerName;
      readonly connection: ConnectionId;
      readonly reason: string;
    }
  | {
      readonly type: 'message';
      readonly peer: PeerName;
      readonly connection: ConnectionId;
      readonly message: SessionMessage;
      /** Size of its frame; absent: nobody counts. */
      readonly bytes?: number;
      /** UPDATEs of one read that were joined into this one; absent: it is one. */
      readonly count?: number;
    }
  | {
      readonly type: 'bad-message';
      readonly peer: PeerName;
      readonly connection: ConnectionId;
      readonly notification: NotificationMessage;
    }
  /** The transport cannot take more / can again (HTTP/2 flow control). */
  | { readonly type: 'connection-blocked'; readonly peer: PeerName; readonly connection: ConnectionId }
  | { readonly type: 'connection-drained'; readonly peer: PeerName; readonly connection: ConnectionId }
  /** Kernel's view of an interface that the configuration names. */
  | { readonly type: 'link'; readonly name: string; readonly up: boolean /** Bytes. */; readonly mtu?: number }
  /** Largest MTU, in bytes, of the interfaces that the configuration does not name. */
  | { readonly type: 'access-mtu'; readonly mtu: number }
  /** STAMP's view of the path over a link. */
  | { readonly type: 'path-up'; readonly link: string }
  | { readonly type: 'path-down'; readonly link: string }
  | {
      readonly type: 'link-measured';
      readonly link: string;
      readonly delayMinUs: number;
      readonly delayAvgUs: number;
      readonly delayVariationUs: number;
      readonly loss: number;
    }
  | {
      readonly type: 'instance-sample';
      readonly service: string;
      readonly contactInstance: string;
      readonly sample: InstanceSample;
    }
  | {
      readonly type: 'instance-sample-failed';
      readonly service: string;
      readonly contactInstance: string;
      readonly reason: string;
    }
  | {
      readonly type: 'instance-health';
      readonly service: string;
      readonly contactInstance: string;
      readonly ok: boolean;
      readonly reason: string;
    }
  | {
      readonly type: 'instance-report';
      readonly service: string;
      readonly contactInstance: string;
      readonly report: Omit<PushedReport, 'atMs'>;
    }
  /** Answers the effect `fib-apply` or `fib-sync` of this number. */
  | { readonly type: 'fib-done'; readonly what: 'apply' | 'sync'; readonly request: number; readonly result: FibResult }
  | { readonly type: 'fib-drift'; readonly drift: readonly FibDrift[] }
  /** The operator's word to one session; `text` is for the operator of the peer (RFC 9003). */
  | {
      readonly type: 'peer-command';
      readonly peer: PeerName;
      readonly command: PeerCommand;
      readonly text: string;
    }
  /** Policies and subscriptions, read again; sessions stay. */
  | {
      readonly type: 'policies';
      readonly policies: readonly PolicyConfig[];
      readonly peers: readonly Pick<PeerConfig, 'name' | 'importPolicy' | 'exportPolicy' | 'subscription'>[];
    }
  | {
      readonly type: 'drain';
      readonly service: string;
      readonly contactInstance: string;
      readonly drain: boolean;
      /** A drain ends after this long, whatever is left; absent: only when nothing is. */
      readonly timeoutMs?: number;
      /** Of an own contact instance: nothing is left when its SID took no packet for this long. */
      readonly quietMs?: number;
    }
  | ({ readonly type: 'drains-measured' } & DrainMeasures);

/** Monotonic ms at which it happened; never decreases from one event to the next. */
export type RouterEvent = { readonly atMs: number } & RouterEventBody;
