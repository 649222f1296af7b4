// Frames of the session protocol for load, made before the clock runs: services, each with its own contact instance and its
// own metrics, announced by senders that are routers of one site.
import { FAMILIES } from '../../../lib/model/identity.ts';
import type { ServiceAttributes } from '../../../lib/model/service-route.ts';
import { STATE, STATE_NUMBERS } from '../../../lib/model/state-row.ts';
import { ADDRESS_WORDS } from '../../../lib/net/address-words.ts';
import {
  type ComputeUpdate,
  PROTOCOL_VERSION,
  type ServiceUpdate,
  type SessionMessage,
} from '../../../lib/session/message.ts';
import { encodeFrame } from '../../../lib/wire/frame.ts';
import { EXAMPLE_ATTRIBUTES } from '../example-attributes.ts';

/** gRPC's length-prefixed message: not compressed, four bytes of length. */
const PREFIX_BYTES = 5;
export const SENDERS_SITE = 'edge';

export function framed(message: SessionMessage): Buffer {
  const bytes = encodeFrame(message);
  const out = Buffer.allocUnsafe(PREFIX_BYTES + bytes.length);
  out[0] = 0;
  out.writeUInt32BE(bytes.length, 1);
  out.set(bytes, PREFIX_BYTES);
  return out;
}

export interface FarRouter {
  readonly site: string;
  readonly routerId: string;
  readonly name: string;
  readonly holdTimeMs: number;
}

/** What a far end says first. */
export function openOf({ site, routerId, name, holdTimeMs }: FarRouter): SessionMessage {
  return {
    type: 'OPEN',
    version: PROTOCOL_VERSION,
    domain: 'cfn',
    site,
    routerId,
    name,
    bootId: `${name}-${process.pid}`,
    holdTimeMs,
    families: FAMILIES,
    roles: [],
    capabilities: [],
  };
}

export interface Rows {
  /** Number of the first route; its service and contact instance are told apart by it. */
  readonly first: number;
  readonly count: number;
  readonly perMessage: number;
  /** Handle of a route is its number less this. */
  readonly handleBase: number;
  readonly router: number;
  /** Routes with numbers that agree modulo this are of one service; 0: each has its own. */
  readonly services: number;
  readonly version: number;
  readonly announce: boolean;
}

/** One buffer of gRPC messages: rows of reachability, where asked for, and of state. */
export function routeFrames(rows: Rows): Buffer {
  const parts: Buffer[] = [];
  const attributes = attributesOf(rows.router);
  for (let at = 0; at < rows.count; at += rows.perMessage) {
    const count = Math.min(rows.perMessage, rows.count - at);
    const first = rows.first + at;
    const handle = Uint32Array.from({ length: count }, (_, i) => first + i - rows.handleBase);
    parts.push(
      framed({
        type: 'UPDATE',
        ...(rows.announce && { service: serviceRows(rows, first, handle, attributes) }),
        compute: stateRows(first, handle, rows.version),
      }),
    );
  }
  return Buffer.concat(parts);
}

function serviceRows(rows: Rows, first: number, handle: Uint32Array, attributes: ServiceAttributes): ServiceUpdate {
  const count = handle.length;
  const service = new Uint32Array(count * ADDRESS_WORDS);
  const contactInstance = new Uint32Array(count * ADDRESS_WORDS);
  for (let i = 0; i < count; i++) {
    const number = first + i;
    putAddress(service, i, 0xca, rows.services === 0 ? number : number % rows.services);
    putAddress(contactInstance, i, 0x51, number);
  }
  const originator = new Uint32Array(count).fill(rows.router);
  const attributeSet = new Int32Array(count);
  return {
    attributeSets: [attributes],
    handle,
    service,
    contactInstance,
    originator,
    attributeSet,
    withdrawn: new Uint32Array(0),
  };
}

/** fd00:<kind>::<number> as four words. */
function putAddress(words: Uint32Array, row: number, kind: number, number: number): void {
  const bytes = new DataView(words.buffer, row * ADDRESS_WORDS * 4, 16);
  bytes.setUint32(0, 0xfd00_0000 + kind);
  bytes.setUint32(12, number);
}

/** The number that `putAddress` wrote. */
export function numberOf(words: Uint32Array, row: number): number {
  return new DataView(words.buffer, words.byteOffset + row * ADDRESS_WORDS * 4, 16).getUint32(12);
}

/** Every row differs from every other in most of its numbers. */
function stateRows(first: number, handle: Uint32Array, version: number): ComputeUpdate {
  const state = new Float64Array(handle.length * STATE_NUMBERS);
  const measuredAtMs = Date.now();
  for (let i = 0; i < handle.length; i++) {
    const n = first + i + version;
    const at = i * STATE_NUMBERS;
    state[at] = version;
    state[at + STATE.score] = 4 + (n % 4);
    state[at + STATE.computeScore] = n % 11;
    state[at + STATE.serviceScore] = (n >>> 2) % 11;
    state[at + STATE.serviceTimeUs] = 300 + ((n * 37) % 90_000);
    state[at + STATE.workTimeUs] = 4000 + (n % 1000);
    state[at + STATE.spareCapacity] = n % 997;
    state[at + STATE.inFlight] = n % 20;
    state[at + STATE.arrivalRate] = n % 300;
    state[at + STATE.workers] = 1 + (n % 64);
    state[at + STATE.source] = 2;
    state[at + STATE.windowMs] = 1000;
    state[at + STATE.measuredAtMs] = measuredAtMs;
    state[at + STATE.validForMs] = 600_000;
  }
  return { handle, state };
}

function attributesOf(router: number): ServiceAttributes {
  return {
    ...EXAMPLE_ATTRIBUTES,
    egressSid: `5f00:0:${(router & 0xffff).toString(16)}:100::`,
    sitePath: [SENDERS_SITE],
    site: SENDERS_SITE,
    serviceName: 'load',
    instanceName: `r${router & 0xffff}`,
  };
}
