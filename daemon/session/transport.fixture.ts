// Test support: a transport on a loopback port with its events in a list, and waiting by polling with a deadline.
import type { OpenMessage } from '../../lib/session/message.ts';
import {
  createSessionTransport,
  type SessionTransport,
  type SessionTransportOptions,
  type TransportEvent,
} from './transport.ts';

export interface Node {
  readonly transport: SessionTransport;
  readonly events: TransportEvent[];
  readonly logs: { readonly fields: Record<string, unknown>; readonly text: string }[];
  /** First event of the type that has not been taken yet. */
  take<T extends TransportEvent['type']>(type: T): Promise<Extract<TransportEvent, { type: T }>>;
}

export function makeNode(options: Partial<SessionTransportOptions>): Node {
  const events: TransportEvent[] = [];
  const logs: { fields: Record<string, unknown>; text: string }[] = [];
  const note = (fields: Record<string, unknown>, text: string) => void logs.push({ fields, text });
  const transport = createSessionTransport({
    listen: { address: '127.0.0.1', port: 0 },
    peers: [],
    log: { info: note, warn: note },
    post: (event) => void events.push(event),
    ...options,
  });
  async function take<T extends TransportEvent['type']>(type: T): Promise<Extract<TransportEvent, { type: T }>> {
    const isWanted = (event: TransportEvent): event is Extract<TransportEvent, { type: T }> => event.type === type;
    await until(() => events.some(isWanted), `event ${type}; seen: ${events.map((e) => e.type).join(' ')}`);
    const index = events.findIndex(isWanted);
    return events.splice(index, 1)[0] as Extract<TransportEvent, { type: T }>;
  }
  return { transport, events, logs, take };
}

/** Polls until it holds; fails by name after `deadlineMs`. */
export async function until(holds: () => boolean, what: string, deadlineMs = 20_000): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export function openOf(name: string, routerId: string, version = 1): OpenMessage {
  return {
    type: 'OPEN',
    version,
    domain: 'metro',
    site: name,
    routerId,
    name,
    bootId: `boot-${name}`,
    holdTimeMs: 3000,
    families: ['service'],
    roles: ['c-ps'],
    capabilities: [],
  };
}
