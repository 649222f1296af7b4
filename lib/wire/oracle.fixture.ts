// Test support: the same messages by protobufjs' reflection over session.proto, which knows nothing of lib/wire. Columns are
// written here in full and by hand, so that a wrong number or type in either file shows.
import protobuf from 'protobufjs';
import { METRIC_SOURCES, METRIC_STATISTICS } from '../model/compute-state.ts';
import { FAMILIES, PEER_ROLES, ROLES, routerIdToNumber } from '../model/identity.ts';
import type { NodeAdvertisement } from '../model/link-state.ts';
import { addressToBytes, parsePrefix } from '../net/address.ts';
import type { SessionMessage, Subscription } from '../session/message.ts';
import { type PlainUpdate, toPlainUpdate } from '../session/update-rows.ts';

const root = protobuf.loadSync(`${import.meta.dirname}/../../proto/cfn/v1/session.proto`);
const Frame = root.lookupType('cfn.v1.Frame');

type Plain = Record<string, unknown>;

export function oracleEncode(message: SessionMessage): Uint8Array {
  return Frame.encode(Frame.fromObject(plainOf(message))).finish();
}

/** A frame from field values as session.proto names them (camel case), legal or not. */
export function oracleFrame(plain: Plain): Uint8Array {
  return Frame.encode(Frame.fromObject(plain)).finish();
}

/** Frame as plain JSON with every column spread to one element a row and handles summed: ready to compare. */
export function oracleDecode(bytes: Uint8Array): unknown {
  const plain = Frame.toObject(Frame.decode(bytes), { longs: Number, bytes: Array, defaults: false, arrays: true });
  return normal(plain);
}

export const oracleNormal = (message: SessionMessage): unknown =>
  normal(Frame.toObject(Frame.fromObject(plainOf(message)), { longs: Number, bytes: Array, arrays: true }));

const mapped = (text: string): Uint8Array => {
  const bytes = addressToBytes(text);
  return bytes.length === 16 ? bytes : Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...bytes);
};
const joined = (texts: readonly string[]): Uint8Array => Uint8Array.from(texts.flatMap((text) => [...mapped(text)]));
const deltas = (handles: readonly number[]): number[] => handles.map((handle, i) => handle - (handles[i - 1] ?? 0));
const numbersOf = <T>(names: readonly T[], chosen: readonly T[]): number[] =>
  chosen.map((name) => names.indexOf(name) + 1);
const wirePrefix = (text: string) => {
  const { address, length } = parsePrefix(text);
  return { address: mapped(address), length: address.includes(':') ? length : length + 96 };
};

function plainOf(message: SessionMessage): Plain {
  switch (message.type) {
    case 'OPEN':
      return {
        open: {
          ...message,
          routerId: routerIdToNumber(message.routerId),
          families: numbersOf(FAMILIES, message.families),
          roles: numbersOf(ROLES, message.roles),
          peerRole: message.peerRole === undefined ? 0 : PEER_ROLES.indexOf(message.peerRole) + 1,
          ...(message.gracefulRestart && {
            gracefulRestart: {
              ...message.gracefulRestart,
              families: numbersOf(FAMILIES, message.gracefulRestart.families),
              preserved: numbersOf(FAMILIES, message.gracefulRestart.preserved),
            },
          }),
          ...(message.longLived && {
            longLived: { ...message.longLived, families: numbersOf(FAMILIES, message.longLived.families) },
          }),
          ...(message.subscription && { subscription: plainSubscription(message.subscription) }),
        },
      };
    case 'KEEPALIVE':
      return { keepalive: {} };
    case 'NOTIFICATION':
      return { notification: { ...message } };
    case 'ROUTE-REFRESH': {
      const phase = ['request', 'begin', 'end'].indexOf(message.phase) + 1;
      return { routeRefresh: { family: FAMILIES.indexOf(message.family) + 1, phase } };
    }
    case 'UPDATE': {
      const { service, compute } = toPlainUpdate(message);
      return {
        update: {
          ...(service && { service: plainService(service) }),
          ...(compute && { compute: plainCompute(compute) }),
          ...(message.linkState && { linkState: { nodes: message.linkState.nodes.map(plainNode) } }),
          endOfRib: numbersOf(FAMILIES, message.endOfRib ?? []),
        },
      };
    }
    case 'SUBSCRIBE':
      return { subscribe: plainSubscription(message.subscription) };
    case 'DIGEST':
      return { digest: { ...message, family: FAMILIES.indexOf(message.family) + 1 } };
    default:
      return message satisfies never;
  }
}

const plainSubscription = ({ services, regions, classes }: Subscription): Plain => ({
  serviceAddress: Uint8Array.from(services.flatMap((prefix) => [...wirePrefix(prefix).address])),
  serviceLength: services.map((prefix) => wirePrefix(prefix).length),
  regions,
  classes,
});

const plainService = (update: NonNullable<PlainUpdate['service']>): Plain => ({
  attributeSets: update.attributeSets.map((set) => ({
    ...set,
    egressSid: mapped(set.egressSid),
    clusterList: set.clusterList.map(routerIdToNumber),
    onlyToDownstream: set.onlyToDownstream === '' ? 0 : routerIdToNumber(set.onlyToDownstream),
  })),
  handleDelta: deltas(update.handle),
  service: joined(update.service),
  contactInstance: joined(update.contactInstance),
  originator: update.originator.map(routerIdToNumber),
  attributeSet: [...update.attributeSet],
  withdrawnDelta: deltas(update.withdrawn),
});

const plainCompute = (update: NonNullable<PlainUpdate['compute']>): Plain => ({
  handleDelta: deltas(update.handle),
  sequence: update.state.map((s) => s.sequence),
  score: update.state.map((s) => s.score),
  computeScore: update.state.map((s) => s.computeScore),
  serviceScore: update.state.map((s) => s.serviceScore),
  serviceTimeUs: update.state.map((s) => s.serviceTimeUs),
  workTimeUs: update.state.map((s) => s.workTimeUs),
  spareCapacity: update.state.map((s) => s.spareCapacity),
  inFlight: update.state.map((s) => s.inFlight),
  arrivalRate: update.state.map((s) => s.arrivalRate),
  workers: update.state.map((s) => s.workers),
  source: update.state.map((s) => METRIC_SOURCES.indexOf(s.source) + 1),
  statistic: update.state.map((s) => METRIC_STATISTICS.indexOf(s.statistic) + 1),
  windowMs: update.state.map((s) => s.windowMs),
  measuredAtUs: update.state.map((s) => Math.round(s.measuredAtMs * 1000)),
  validForMs: update.state.map((s) => s.validForMs),
});

const plainNode = (node: NodeAdvertisement): Plain => ({
  ...node,
  originator: routerIdToNumber(node.originator),
  locators: node.locators.map((locator) => ({
    ...locator,
    ...wirePrefix(locator.prefix),
    endSid: mapped(locator.endSid),
  })),
  prefixAddress: Uint8Array.from(node.prefixes.flatMap((prefix) => [...wirePrefix(prefix).address])),
  prefixLength: node.prefixes.map((prefix) => wirePrefix(prefix).length),
  links: node.links.map((link) => ({
    ...link,
    neighbour: routerIdToNumber(link.neighbour),
    localAddress: link.localAddress === '' ? [] : mapped(link.localAddress),
    remoteAddress: link.remoteAddress === '' ? [] : mapped(link.remoteAddress),
    endXSid: link.endXSid === '' ? [] : mapped(link.endXSid),
    adjacencySids: (link.adjacencySids ?? []).map((it) => ({ ...it, sid: mapped(it.sid) })),
  })),
  decapSids: (node.decapSids ?? []).map(({ sid, behaviour }) => ({ sid: mapped(sid), behaviour })),
});

const ADDRESS_COLUMNS = ['service', 'contactInstance'];
const KEY_COLUMNS = ['handleDelta', 'withdrawnDelta', 'attributeSets'];

/** Spreads the value columns of tables; drops fields that hold their default. */
function normal(plain: Plain): Plain {
  const out: Plain = {};
  for (const [key, value] of Object.entries(plain)) {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) out[key] = normal(value as Plain);
    else out[key] = Array.isArray(value) ? value.map((v) => (isPlain(v) ? normal(v) : v)) : value;
  }
  const { handleDelta } = plain;
  if (Array.isArray(handleDelta)) spreadTable(out, handleDelta.length);
  for (const [key, value] of Object.entries(out)) {
    const isDefault = value === 0 || value === '' || value === false || (Array.isArray(value) && value.length === 0);
    if (isDefault) delete out[key];
  }
  return out;
}

const isPlain = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function spreadTable(table: Plain, rows: number): void {
  for (const [key, value] of Object.entries(table)) {
    if (!Array.isArray(value) || KEY_COLUMNS.includes(key)) continue;
    const size = ADDRESS_COLUMNS.includes(key) ? 16 : 1;
    if (value.length === size) table[key] = Array.from({ length: rows * size }, (_, i) => value[i % size]);
    else if (value.length === 0) table[key] = new Array(rows * size).fill(0);
  }
}
