// The SIDs every router has (RFC 8986): End, End.DT6 and End.DX4 that end a tunnel in the main table, End.X a link, End.DX6
// or End.DX4 a contact instance, above the black hole of its locator.
import { type FibObject, type FibRoute, type LocalSid, MAIN_TABLE } from '../fib/fib.ts';
import type { DecapSid } from '../model/link-state.ts';
import { FUNCTION_DT6, FUNCTION_DX4, FUNCTION_END_X } from '../model/sid-functions.ts';
import { addressFamily, addressToBytes, bytesToAddress, parsePrefix } from '../net/address.ts';
import { BEHAVIOUR } from '../segment/behaviours.ts';
import type { Link, RouterState } from './state.ts';

export function localSids(state: RouterState): FibObject[] {
  const { config } = state;
  const { block, node, function: functionBits } = config.srv6.structure;
  const length = block + node + functionBits;
  const sid = (address: string, behaviour: LocalSid['behaviour']): LocalSid => ({
    kind: 'local-sid',
    prefix: `${parsePrefix(`${address}/${length}`).address}/${length}`,
    behaviour,
  });
  const locator: FibRoute = {
    kind: 'route',
    prefix: config.srv6.locator,
    table: MAIN_TABLE,
    target: { kind: 'blackhole' },
  };
  return [
    // Unknown functions die here instead of looping (dataplane.md section 0).
    locator,
    sid(config.srv6.endSid, { action: 'End' }),
    sid(functionSid(state, FUNCTION_DT6), { action: 'End.DT6', table: MAIN_TABLE }),
    sid(functionSid(state, FUNCTION_DX4), { action: 'End.DX4', nexthop: '0.0.0.0' }),
    ...[...state.links.values()]
      .filter((link) => link.kernelUp)
      .map((link) =>
        sid(endXSid(state, link), { action: 'End.X', nexthop: link.config.remoteAddress, device: link.config.name }),
      ),
    ...config.instances.map(({ sid: address, nexthop }) =>
      sid(address, { action: addressFamily(nexthop) === 'ipv6' ? 'End.DX6' : 'End.DX4', nexthop }),
    ),
  ];
}

/** What others may end a tunnel with here. End.DX4 to 0.0.0.0 is told as what it does: nothing on the wire tells them apart. */
export function decapSids(state: RouterState): DecapSid[] {
  return [
    { sid: functionSid(state, FUNCTION_DT6), behaviour: BEHAVIOUR.endDt6 },
    { sid: functionSid(state, FUNCTION_DX4), behaviour: BEHAVIOUR.endDt4 },
  ];
}

export function endXSid(state: RouterState, link: Link): string {
  const index = [...state.links.keys()].indexOf(link.config.name);
  return functionSid(state, FUNCTION_END_X + index + 1);
}

/** The SID of a function number in the own locator; the function's bits follow the node's. */
function functionSid(state: RouterState, value: number): string {
  const { block, node, function: functionBits } = state.config.srv6.structure;
  const bytes = addressToBytes(parsePrefix(state.config.srv6.locator).address);
  for (let bit = 0; bit < functionBits; bit++) {
    if (((value >>> (functionBits - 1 - bit)) & 1) === 0) continue;
    const position = block + node + bit;
    bytes[position >> 3]! |= 0x80 >> (position & 7);
  }
  return bytesToAddress(bytes);
}
