// Sessions over gRPC for the router core: performs `connect`, `send` and `close`, posts what happened. It numbers
// connections and matches inbound ones to configured peers by address; it knows no FSM and takes no decision of it.
import { CodedError } from '../../lib/errors.ts';
import { canonicalAddress } from '../../lib/net/address.ts';
import type { CertificateNames } from '../../lib/security/identity.ts';
import { CEASE_SUBCODE, NOTIFICATION, type NotificationMessage } from '../../lib/session/message.ts';
import type { ConnectionId } from '../../lib/session/peer-contract.ts';
import { encodeFrame } from '../../lib/wire/frame.ts';
import { withPrefix } from '../../lib/wire/length-prefixed.ts';
import { acceptCalls, type CallFailure } from '../grpc/accept-call.ts';
import type { Call } from '../grpc/call.ts';
import { STATUS } from '../grpc/peer-method.ts';
import { createLogLimiter } from '../log-limiter.ts';
import { monotonicMs } from '../runtime/clock.ts';
import { type CallStream, type ConnectionLimits, SessionConnection } from './connection.ts';
import { BY_OTHER_END, dial } from './dialler.ts';
import { type Claim, endpoint, SessionListener } from './listener.ts';
import type { SessionTransport, SessionTransportOptions, TransportEvent, TransportPeer } from './transport-contract.ts';

export type { SessionTransport, SessionTransportOptions, TransportEvent, TransportPeer };

/** Strangers and ports in use are named once in this time. */
const QUIET_MS = 60_000;
/** How long a TCP connection may outlive its call. */
const LINGER_MS = 1000;

interface Live {
  readonly peer: string;
  readonly connection: SessionConnection;
}

export function createSessionTransport(options: SessionTransportOptions): SessionTransport {
  const {
    post,
    together = (act) => act(),
    tls,
    connectionsPerAddress = 16,
    queueBytes = 4 * 1024 * 1024,
    sendHoldMs = 60_000,
    connectTimeoutMs = 2000,
    listenRetryMs = 2000,
  } = options;
  const limits: ConnectionLimits = { queueBytes, sendHoldMs };
  const { log } = options;
  const quiet = createLogLimiter(
    { warn: (fields, text) => log.warn(fields, text) },
    { intervalMs: QUIET_MS, now: monotonicMs },
  );
  const live = new Map<ConnectionId, Live>();
  const dials = new Set<() => void>();
  let byName = new Map<string, TransportPeer>();
  let byAddress = new Map<string, TransportPeer>();
  let nextId = 1;
  let rejected = 0;
  let ended = false;
  let paused = false;
  /** Who said something while nobody was to be read, in this order. */
  const held = new Set<SessionConnection>();
  let allGone: (() => void) | undefined;
  let retry: NodeJS.Timeout | undefined;

  const listener = new SessionListener({
    ...options.listen,
    log: quiet,
    perAddress: connectionsPerAddress,
    ...(tls && { tls }),
    isPeer: (address) => byAddress.has(address),
    inject: (socket, claim) => acceptCalls(socket, (call) => accept(call, claim())),
  });

  setPeers(options.peers);

  function setPeers(peers: readonly TransportPeer[]): void {
    byName = new Map(peers.map((peer) => [peer.name, peer]));
    byAddress = new Map(peers.map((peer) => [canonicalAddress(peer.address), peer]));
  }

  async function listen(): Promise<void> {
    while (!ended) {
      try {
        await listener.listen();
        if (ended) listener.close();
        return;
      } catch (error) {
        if (!(error instanceof CodedError)) throw error;
        quiet.say('listen', 'warn', { ...error.detail, retryMs: listenRetryMs }, error.message);
      }
      await new Promise<void>((resolve) => {
        retry = setTimeout(resolve, listenRetryMs);
      });
    }
  }

  function accept(call: Call | undefined, claimed: Claim | undefined): CallFailure | undefined {
    if (!call || !claimed || ended) {
      const text = 'one connection carries one session';
      const said = withPrefix(encodeFrame(ceased(CEASE_SUBCODE.connectionRejected, text)));
      return { status: STATUS.resourceExhausted, text, said };
    }
    adoptInbound(call, claimed);
    return undefined;
  }

  function adoptInbound(call: Call, claimed: Claim): void {
    const { address, names } = claimed;
    const peer = byAddress.get(address);
    if (!peer) {
      const said = 'connection from an address that is no configured peer: rejected';
      return reject(
        call,
        claimed,
        'unknown',
        said,
        CEASE_SUBCODE.connectionRejected,
        `${address} is not a configured peer of this router`,
      );
    }
    if (claimed.excess) {
      const text = `more than ${connectionsPerAddress} connections from ${address}`;
      return reject(
        call,
        claimed,
        'excess',
        'too many connections of a peer: rejected one',
        CEASE_SUBCODE.outOfResources,
        text,
      );
    }
    const connection = adopt(peer.name, call, claimed.destroy, 'inbound', names);
    // The dialler closes its transport after the call; one that does not must not keep our descriptor.
    call.once('close', () => setTimeout(claimed.destroy, LINGER_MS).unref());
    call.on('close', () => connection.finish(call.fault ?? BY_OTHER_END));
  }

  /** RFC 4486 subcode 5: told why, so that the operator at the other end need not guess. */
  function reject(call: Call, claimed: Claim, key: string, said: string, subcode: number, text: string): void {
    rejected++;
    quiet.say(`${key} ${claimed.address}`, 'warn', { address: claimed.address }, said);
    const connection = new SessionConnection(
      call,
      claimed.destroy,
      {
        message: () => {},
        isHeld: () => false,
        together: (act) => act(),
        bad: () => {},
        drained: () => {},
        gone: () => {},
      },
      limits,
    );
    call.once('close', () => {
      connection.finish('rejected');
      setTimeout(claimed.destroy, LINGER_MS).unref();
    });
    connection.send(ceased(subcode, text));
    connection.close();
  }

  function connect(name: string): void {
    const peer = byName.get(name);
    if (!peer || ended)
      return post({ type: 'connection-failed', peer: name, reason: peer ? 'stopping' : 'no such peer' });
    let connection: SessionConnection | undefined;
    const giveUp = dial(peer.address, peer.port, connectTimeoutMs, tls?.(), {
      opened(stream, cut, names) {
        dials.delete(giveUp);
        connection = adopt(name, stream, cut, 'outbound', names);
      },
      failed(reason) {
        dials.delete(giveUp);
        if (!ended)
          post({ type: 'connection-failed', peer: name, reason: `${endpoint(peer.address, peer.port)}: ${reason}` });
      },
      ended: (reason) => connection?.finish(reason),
    });
    dials.add(giveUp);
  }

  function adopt(
    peer: string,
    stream: CallStream,
    cut: () => void,
    direction: 'inbound' | 'outbound',
    identity: CertificateNames | undefined,
  ): SessionConnection {
    const id = nextId++;
    const connection = new SessionConnection(
      stream,
      cut,
      {
        message: (message, bytes, count) =>
          post(
            count > 1
              ? { type: 'message', peer, connection: id, message, bytes, count }
              : { type: 'message', peer, connection: id, message, bytes },
          ),
        isHeld,
        together,
        bad: (notification) => post({ type: 'bad-message', peer, connection: id, notification }),
        drained: () => post({ type: 'connection-drained', peer, connection: id }),
        gone: (reason, byUs) => {
          live.delete(id);
          held.delete(connection);
          if (!byUs) post({ type: 'connection-closed', peer, connection: id, reason });
          if (live.size === 0) allGone?.();
        },
      },
      limits,
    );
    live.set(id, { peer, connection });
    post({ type: 'connection-opened', peer, connection: id, direction, ...(identity && { identity }) });
    return connection;
  }

  function isHeld(connection: SessionConnection): boolean {
    if (paused) held.add(connection);
    return paused;
  }

  async function closeAll(): Promise<void> {
    ended = true;
    clearTimeout(retry);
    for (const giveUp of dials) giveUp();
    for (const { connection } of live.values()) connection.close();
    if (live.size > 0) {
      await new Promise<void>((resolve) => {
        allGone = resolve;
      });
    }
    listener.close();
  }

  return {
    listen,
    get port() {
      return listener.port;
    },
    connect,
    send: (id, message) => live.get(id)?.connection.send(message),
    setPaused(wanted) {
      paused = wanted;
      // What the first ones say may be enough again: the others then go on waiting, and come first the next time.
      for (const connection of held) {
        if (paused) return;
        held.delete(connection);
        connection.resume();
      }
    },
    isBlocked: (id) => live.get(id)?.connection.isBlocked ?? false,
    close: (id) => live.get(id)?.connection.close(),
    closeAll,
    setPeers,
    counters: () => ({ rejected, dropped: listener.dropped }),
  };
}

function ceased(subcode: number, text: string): NotificationMessage {
  return { type: 'NOTIFICATION', code: NOTIFICATION.cease, subcode, data: '', text };
}
