// OPEN, NOTIFICATION and ROUTE-REFRESH of session.proto. A fault in OPEN or ROUTE-REFRESH is a broken frame: there is no
// entry to withdraw. What the values mean to a session is lib/session's business.
import { FAMILIES, type Family, PEER_ROLES, type PeerRole, ROLES, type Role } from '../model/identity.ts';
import {
  NOTIFICATION,
  type NotificationMessage,
  type OpenMessage,
  type RouteRefreshMessage,
} from '../session/message.ts';
import { routerNumber, routerText } from './address-column.ts';
import { elements, emptyColumn, takeColumn, toUint32 } from './column.ts';
import { type Cursor, FIXED32, LEN, tagOf, VARINT } from './cursor.ts';
import { namesOf, writeEnums } from './enums.ts';
import { MAX_LIST, MAX_NAME_BYTES, MAX_TEXT_BYTES } from './limits.ts';
import {
  readSubscription,
  takeGracefulRestart,
  takeLongLived,
  writeGracefulRestart,
  writeLongLived,
  writeSubscription,
} from './open-parts.ts';
import { REFRESH_SUBCODE, SessionError } from './session-error.ts';
import { clipUtf8, takeListText, writeText } from './text.ts';
import type { FrameWriter } from './writer.ts';

const OPEN = {
  version: tagOf(1, VARINT),
  domain: tagOf(2, LEN),
  site: tagOf(3, LEN),
  routerId: tagOf(4, FIXED32),
  name: tagOf(5, LEN),
  bootId: tagOf(6, LEN),
  holdTimeMs: tagOf(7, VARINT),
  capabilities: tagOf(10, LEN),
  peerRole: tagOf(11, VARINT),
  gracefulRestart: tagOf(12, LEN),
  longLived: tagOf(13, LEN),
  subscription: tagOf(14, LEN),
} as const;
const OPEN_FAMILIES = 8;
const OPEN_ROLES = 9;
const NOTIFY = { code: tagOf(1, VARINT), subcode: tagOf(2, VARINT), data: tagOf(3, LEN), text: tagOf(4, LEN) } as const;
const REFRESH = { family: tagOf(1, VARINT), phase: tagOf(2, VARINT) } as const;
const PHASES = ['request', 'begin', 'end'] as const;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export function writeOpen(writer: FrameWriter, message: OpenMessage): void {
  writer.uint32(OPEN.version).uint32(message.version);
  writeText(writer, OPEN.domain, message.domain);
  writeText(writer, OPEN.site, message.site);
  writer.uint32(OPEN.routerId).fixed32(routerNumber(message.routerId));
  writeText(writer, OPEN.name, message.name);
  writeText(writer, OPEN.bootId, message.bootId);
  if (message.holdTimeMs > 0) writer.uint32(OPEN.holdTimeMs).uint32(toUint32(message.holdTimeMs));
  writeEnums(writer, OPEN_FAMILIES, FAMILIES, message.families);
  writeEnums(writer, OPEN_ROLES, ROLES, message.roles);
  for (const capability of message.capabilities) writer.uint32(OPEN.capabilities).string(capability);
  if (message.peerRole) writer.uint32(OPEN.peerRole).uint32(PEER_ROLES.indexOf(message.peerRole) + 1);
  if (message.gracefulRestart) writeGracefulRestart(writer.uint32(OPEN.gracefulRestart), message.gracefulRestart);
  if (message.longLived) writeLongLived(writer.uint32(OPEN.longLived), message.longLived);
  if (message.subscription) writeSubscription(writer.uint32(OPEN.subscription).fork(), message.subscription).ldelim();
}

/** Reads OPEN; values are bounded here and judged by the session (lib/session/open-check.ts). */
export function readOpen(cursor: Cursor): OpenMessage {
  const open = { version: 0, domain: '', site: '', routerId: 0, name: '', bootId: '', holdTimeMs: 0 };
  const families = emptyColumn('uint32');
  const roles = emptyColumn('uint32');
  const capabilities: string[] = [];
  let peerRole: PeerRole | undefined;
  const parts: Mutable<Pick<OpenMessage, 'gracefulRestart' | 'longLived' | 'subscription'>> = {};
  while (cursor.more()) {
    const tag = cursor.tag();
    if (tag === OPEN.version) open.version = cursor.uint32();
    else if (tag === OPEN.domain) open.domain = cursor.text(MAX_NAME_BYTES);
    else if (tag === OPEN.site) open.site = cursor.text(MAX_NAME_BYTES);
    else if (tag === OPEN.routerId) open.routerId = cursor.fixed32();
    else if (tag === OPEN.name) open.name = cursor.text(MAX_NAME_BYTES);
    else if (tag === OPEN.bootId) open.bootId = cursor.text(MAX_NAME_BYTES);
    else if (tag === OPEN.holdTimeMs) open.holdTimeMs = cursor.uint32();
    else if (tag === OPEN.capabilities) takeListText(cursor, capabilities, MAX_LIST);
    else if (tag === OPEN.peerRole) peerRole = PEER_ROLES[cursor.uint32() - 1];
    else if (tag === OPEN.gracefulRestart) parts.gracefulRestart = takeGracefulRestart(cursor.nested());
    else if (tag === OPEN.longLived) parts.longLived = takeLongLived(cursor.nested());
    else if (tag === OPEN.subscription) parts.subscription = readSubscription(cursor.nested());
    else if (tag >>> 3 === OPEN_FAMILIES) takeColumn(cursor, tag, families);
    else if (tag >>> 3 === OPEN_ROLES) takeColumn(cursor, tag, roles);
    else cursor.skip(tag);
  }
  const broken = families.broken || roles.broken;
  if (broken !== '') throw cursor.fault(broken);
  return {
    type: 'OPEN',
    ...open,
    routerId: routerText(open.routerId),
    families: namesOf<Family>(FAMILIES, elements(families)),
    roles: namesOf<Role>(ROLES, elements(roles)),
    capabilities,
    ...(peerRole && { peerRole }),
    ...parts,
  };
}

/** Clips both texts at a character boundary: an operator's long sentence must not break the goodbye. */
export function writeNotification(writer: FrameWriter, message: NotificationMessage): void {
  writer.uint32(NOTIFY.code).uint32(message.code);
  if (message.subcode > 0) writer.uint32(NOTIFY.subcode).uint32(message.subcode);
  writeText(writer, NOTIFY.data, clipUtf8(message.data, MAX_TEXT_BYTES));
  writeText(writer, NOTIFY.text, clipUtf8(message.text, MAX_TEXT_BYTES));
}

export function readNotification(cursor: Cursor): NotificationMessage {
  const read = { code: 0, subcode: 0, data: '', text: '' };
  while (cursor.more()) {
    const tag = cursor.tag();
    if (tag === NOTIFY.code) read.code = cursor.uint32();
    else if (tag === NOTIFY.subcode) read.subcode = cursor.uint32();
    else if (tag === NOTIFY.data) read.data = cursor.text(MAX_TEXT_BYTES);
    else if (tag === NOTIFY.text) read.text = cursor.text(MAX_TEXT_BYTES);
    else cursor.skip(tag);
  }
  return { type: 'NOTIFICATION', ...read };
}

export function writeRouteRefresh(writer: FrameWriter, message: RouteRefreshMessage): void {
  writer.uint32(REFRESH.family).uint32(FAMILIES.indexOf(message.family) + 1);
  writer.uint32(REFRESH.phase).uint32(PHASES.indexOf(message.phase) + 1);
}

export function readRouteRefresh(cursor: Cursor): RouteRefreshMessage {
  let familyNumber = 0;
  let phaseNumber = 0;
  while (cursor.more()) {
    const tag = cursor.tag();
    if (tag === REFRESH.family) familyNumber = cursor.uint32();
    else if (tag === REFRESH.phase) phaseNumber = cursor.uint32();
    else cursor.skip(tag);
  }
  const family = FAMILIES[familyNumber - 1];
  const phase = PHASES[phaseNumber - 1];
  if (family === undefined || phase === undefined) {
    const text = `no such family or phase: ${familyNumber}, ${phaseNumber}`;
    throw new SessionError(NOTIFICATION.routeRefresh, REFRESH_SUBCODE.invalid, 'route_refresh', text);
  }
  return { type: 'ROUTE-REFRESH', family, phase };
}
