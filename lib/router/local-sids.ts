// The SIDs every router has (RFC 8986, RFC 9800): in each locator that it serves End and End.X a link, End.DT6 and End.DX4
// that end a tunnel in the main table, and an egress SID a contact instance, above the black hole of the locator.
import { type FibObject, fibKey, fibRoute, type LocalSid, MAIN_TABLE, type SidBehaviour } from '../fib/fib.ts';
import { replaceAdjacency } from '../fib/replace-csid-adjacency.ts';
import type { DecapSid, SidAdvertisement } from '../model/link-state.ts';
import { adjacencyFunction, endFunction, type Locator, sidOf, structureOf } from '../model/locator.ts';
import { FUNCTION_DT6, FUNCTION_DX4 } from '../model/sid-functions.ts';
import { BEHAVIOUR } from '../segment/behaviours.ts';
import { behaviourOf, egressAction, prefixOfSid } from './locators.ts';
import { adjacencySlot } from './slots.ts';
import type { Link, RouterState } from './state.ts';

export function localSids(state: RouterState): FibObject[] {
  const { config } = state;
  const [plain, ...others] = state.locators;
  const links = [...state.links.values()].filter((link) => link.kernelUp);
  return [
    // Unknown functions die here instead of looping (dataplane.md section 0).
    blackhole(plain!),
    localSid(plain!, config.srv6.endSid, { action: 'End' }),
    localSid(plain!, sidOf(plain!, FUNCTION_DT6), { action: 'End.DT6', table: MAIN_TABLE }),
    localSid(plain!, sidOf(plain!, FUNCTION_DX4), { action: 'End.DX4', nexthop: '0.0.0.0' }),
    ...links.flatMap((link) => endX(state, plain!, link)),
    ...[...state.instances.values()].map(
      ({ config: { nexthop }, attributes: { egressSid: sid, sidStructure: structure } }): LocalSid => ({
        kind: 'local-sid',
        prefix: prefixOfSid({ sid, structure }),
        behaviour: { action: egressAction(nexthop), nexthop },
      }),
    ),
    ...others.flatMap((locator) => [...endOf(locator), ...links.flatMap((link) => endX(state, locator, link))]),
    ...(others.some(({ family }) => family === 'replace-csid') ? links.flatMap((link) => wayOf(state, link)) : []),
  ];
}

/** What others may end a tunnel with here. End.DX4 to 0.0.0.0 is told as what it does: nothing on the wire tells them apart. */
export function decapSids(state: RouterState): DecapSid[] {
  const plain = state.locators[0]!;
  return [
    { sid: sidOf(plain, FUNCTION_DT6), behaviour: BEHAVIOUR.endDt6 },
    { sid: sidOf(plain, FUNCTION_DX4), behaviour: BEHAVIOUR.endDt4 },
  ];
}

/** The End SID of a locator beside the first. */
export function endSid(locator: Locator): SidAdvertisement {
  const value = endFunction(locator);
  return { sid: sidOf(locator, value), structure: structureOf(locator, value), behaviour: behaviourOf(locator, 'End') };
}

/** Locators beside the first whose End is not refused by the forwarding plane: others must not be sent there. */
export function announcedLocators(state: RouterState): Locator[] {
  return state.locators.slice(1).filter((locator) => !endOf(locator).some((it) => state.fib.failed.has(fibKey(it))));
}

/** End.X SID of a link in the first locator. */
export function endXSid(state: RouterState, link: Link): string {
  return adjacencySid(state, state.locators[0]!, link)?.sid ?? '';
}

/** End.X SID of a link in a locator; undefined: the locator has too few function numbers. */
export function adjacencySid(state: RouterState, locator: Locator, link: Link): SidAdvertisement | undefined {
  const value = adjacencyFunction(locator, linkNumber(state, link));
  if (value === undefined) return undefined;
  return {
    sid: sidOf(locator, value),
    structure: structureOf(locator, value),
    behaviour: behaviourOf(locator, 'End.X'),
  };
}

function endOf(locator: Locator): FibObject[] {
  const end = endSid(locator);
  const prefix = prefixOfSid(end);
  if (locator.family === 'replace-csid') return [blackhole(locator), replaceSid(locator, prefix)];
  const sid = localSid(locator, end.sid, { action: 'End' }, end.structure.function);
  // An End that is its whole locator shifts what it does not know on to the next node.
  return prefix === locator.prefix ? [sid] : [blackhole(locator), sid];
}

function endX(state: RouterState, locator: Locator, link: Link): FibObject[] {
  const { name: device, remoteAddress: nexthop } = link.config;
  const sid = adjacencySid(state, locator, link);
  if (sid === undefined) return [];
  if (locator.family !== 'replace-csid') return [localSid(locator, sid.sid, { action: 'End.X', nexthop, device })];
  return [replaceWay(state, link, prefixOfSid(sid), locator)[2]];
}

/** Where packets of the link's REPLACE-CSID End.X go, whatever their locator. */
function wayOf(state: RouterState, link: Link): FibObject[] {
  return replaceWay(state, link, '::/0', state.locators[0]!).slice(0, 2);
}

function replaceWay(state: RouterState, link: Link, prefix: string, { csidBits }: Locator) {
  const { fib } = state.config;
  const slot = adjacencySlot(state, linkNumber(state, link));
  return replaceAdjacency({
    prefix,
    csidBits: csidBits === 16 ? 16 : 32,
    mark: fib.markBase + slot,
    markMask: fib.markMask,
    table: fib.tableBase + slot,
    priority: fib.rulePriority + slot,
    gateway: link.config.remoteAddress,
    device: link.config.name,
  });
}

function localSid(
  locator: Locator,
  address: string,
  behaviour: SidBehaviour,
  functionBits = locator.function,
): LocalSid {
  const { block, node, family } = locator;
  const prefix = prefixOfSid({ sid: address, structure: { block, node, function: functionBits, argument: 0 } });
  const sid: LocalSid = { kind: 'local-sid', prefix, behaviour };
  // Node and function are shifted out together, or the node's C-SID would stay in front (dataplane.md section 4).
  return family === 'next-csid'
    ? { ...sid, flavours: { nextCsid: { blockBits: block, nodeBits: node + functionBits } } }
    : sid;
}

function replaceSid({ csidBits }: Locator, prefix: string): FibObject {
  return { kind: 'replace-csid', prefix, csidBits: csidBits === 16 ? 16 : 32 };
}

function blackhole({ prefix }: Locator): FibObject {
  return fibRoute(prefix, MAIN_TABLE, { kind: 'blackhole' });
}

/** Position in the configuration, from 1. */
function linkNumber(state: RouterState, link: Link): number {
  return [...state.links.keys()].indexOf(link.config.name) + 1;
}
