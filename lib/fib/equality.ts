// When two FIB objects forward alike. The kernel reads members and hops back in its own order and leaves defaults
// out, so equality is about meaning, not about the text of the objects.
import { affinityText } from './affinity-text.ts';
import type { FibObject, GatewayHop, LocalSid, NexthopGroup, RouteTarget } from './fib.ts';

/** True when both objects have one key and program the same forwarding; `failed` is an act, not a state, and ignored. */
export function sameObject(a: FibObject, b: FibObject): boolean {
  if (a === b) return true;
  // The bulk of a table: no texts for it.
  if (a.kind === 'route' && b.kind === 'route' && 'id' in a.target && 'id' in b.target) {
    const isSame = a.target.kind === b.target.kind && a.target.id === b.target.id;
    return isSame && a.prefix === b.prefix && a.table === b.table;
  }
  return a.kind === b.kind && objectText(a) === objectText(b);
}

/** A text that is equal for objects that forward alike and different otherwise; for comparison only. */
export function objectText(object: FibObject): string {
  switch (object.kind) {
    case 'nexthop':
      return `nexthop ${object.id} ${object.segments.join(',')}`;
    case 'group':
      return groupText(object);
    case 'route':
      return `route ${object.table} ${object.prefix} ${targetText(object.target)}`;
    case 'local-sid':
      return `local-sid ${object.prefix} ${behaviourText(object)}`;
    case 'replace-csid':
      return `replace-csid ${object.prefix} ${object.csidBits} ${object.mark ?? 'End'}`;
    case 'rule':
      return `rule ${object.family} ${object.priority} ${object.fwmark}/${object.mask} ${object.table}`;
    case 'affinity':
      return affinityText(object);
    case 'border':
      return `border ${sorted([...object.inside])} ${sorted([...object.sidSpace])}`;
    case 'mtu':
      return `mtu ${object.mtu} ${object.mark} ${sorted([...object.services])}`;
    default:
      return object satisfies never;
  }
}

function groupText({ id, members, resilient }: NexthopGroup): string {
  const type = resilient
    ? ` resilient ${resilient.buckets} ${resilient.idleTimeoutMs}/${resilient.unbalancedTimeoutMs}`
    : '';
  return `group ${id} ${sorted(members.map((member) => `${member.nexthop}*${member.weight}`))}${type}`;
}

function targetText(target: RouteTarget): string {
  switch (target.kind) {
    case 'group':
    case 'nexthop':
      return `${target.kind} ${target.id}`;
    case 'blackhole':
      return 'blackhole';
    case 'too-big':
      return `too big ${target.mtu}`;
    case 'encap':
      return `segs ${target.segments.join(',')}`;
    case 'gateways':
      return `via ${sorted(target.hops.map((hop) => hopText(hop, target.hops.length === 1)))}`;
    default:
      return target satisfies never;
  }
}

/** A lone hop has no weight in the kernel: it takes all. */
function hopText(hop: GatewayHop, alone: boolean): string {
  return `${hop.gateway}%${hop.device}*${alone ? 1 : hop.weight}`;
}

function behaviourText({ behaviour, flavours }: LocalSid): string {
  const csid = flavours?.nextCsid;
  const flavour = `${flavours?.psp ? ' psp' : ''}${csid ? ` next-csid ${csid.blockBits}/${csid.nodeBits}` : ''}`;
  switch (behaviour.action) {
    case 'End':
      return `End${flavour}`;
    case 'End.X':
      return `End.X ${behaviour.nexthop} ${behaviour.device ?? ''}${flavour}`;
    case 'End.T':
    case 'End.DT6':
      return `${behaviour.action} ${behaviour.table}${flavour}`;
    case 'End.DX6':
    case 'End.DX4':
      return `${behaviour.action} ${behaviour.nexthop}${flavour}`;
    case 'End.DT4':
    case 'End.DT46':
      return `${behaviour.action} vrf ${behaviour.vrfTable}${flavour}`;
    case 'End.B6.Encaps':
      return `End.B6.Encaps ${behaviour.segments.join(',')}${flavour}`;
    default:
      return behaviour satisfies never;
  }
}

function sorted(texts: string[]): string {
  return texts.sort().join(',');
}
