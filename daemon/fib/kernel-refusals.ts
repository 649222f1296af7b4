// What the kernel's refusals mean for what is asked of it: which of them are success, which are worth another try, and what is
// said of them.
import { type FibFailure, fibKey } from '../../lib/fib/fib.ts';
import type { NetlinkError } from '../../lib/netlink/errors.ts';
import type { NetlinkObject } from './kernel-codec.ts';

/** A route through a link that is down or has lost its address: worth another try when the link comes back. */
const LINK_TROUBLE = new Set(['ENODEV', 'ENETDOWN', 'EHOSTUNREACH', 'ENETUNREACH']);
/** What is to be removed is not there: somebody, or a link that went down, was faster. */
export const GONE = new Set(['ESRCH', 'ENOENT', 'ENODEV', 'EADDRNOTAVAIL']);

/** The object is to be put again when its link is back. */
export function isLinkTrouble(object: NetlinkObject, { code }: NetlinkError): boolean {
  return LINK_TROUBLE.has(code) && dependsOnLink(object);
}

/** The object goes through this link. */
export function uses(object: NetlinkObject, device: string): boolean {
  if (object.kind === 'route')
    return object.target.kind === 'gateways' && object.target.hops.some((hop) => hop.device === device);
  return object.kind === 'local-sid' && object.behaviour.action === 'End.X' && object.behaviour.device === device;
}

export function failure(object: NetlinkObject, error: NetlinkError): FibFailure {
  return { key: fibKey(object), code: error.code, text: failureText(object, error) };
}

/** The kernel answers most of these with a bare EINVAL. */
function failureText(object: NetlinkObject, { code, text }: NetlinkError): string {
  if (code === 'EEXIST') return 'somebody else holds this key in the kernel, and it is left alone';
  if (object.kind !== 'local-sid' || !('vrfTable' in object.behaviour)) return text;
  const { action, vrfTable } = object.behaviour;
  return `${action} needs a kernel with VRF, a VRF device for table ${vrfTable} and net.vrf.strict_mode=1 (${text})`;
}

function dependsOnLink(object: NetlinkObject): boolean {
  return (object.kind === 'route' && object.target.kind === 'gateways') || object.kind === 'local-sid';
}
