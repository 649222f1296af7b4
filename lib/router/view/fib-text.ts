// A forwarding object in one line, in the words of iproute2 and nft, so that it can be compared with their output.
import type { FibObject, LocalSid, RouteTarget } from '../../fib/fib.ts';

export function fibText(object: FibObject): string {
  switch (object.kind) {
    case 'nexthop':
      return `id ${object.id} encap seg6 mode encap.red segs ${object.segments.join(',')}`;
    case 'group':
      return `id ${object.id} group ${object.members.map((it) => `${it.nexthop},${it.weight}`).join('/')}`;
    case 'route':
      return `${targetText(object.prefix, object.target)} table ${object.table}`;
    case 'local-sid':
      return `${object.prefix} encap seg6local action ${behaviourText(object.behaviour)}${flavoursText(object)}`;
    case 'rule':
      return `${object.priority}: from all fwmark 0x${object.fwmark.toString(16)}/0x${object.mask.toString(16)} lookup ${object.table}`;
    case 'replace-csid': {
      const action = object.mark === undefined ? 'End' : `End.X mark 0x${object.mark.toString(16)}`;
      return `${object.prefix} nft ${action} flavors replace-csid nflen ${object.csidBits}`;
    }
    case 'affinity': {
      const shares = object.instances.map(
        (it) => `slot ${it.slot} mark 0x${it.mark.toString(16)} share ${it.weight}/1000`,
      );
      return `${object.service} ${object.mode} { ${shares.join(', ')} }`;
    }
    case 'border':
      return `inside ${object.inside.join(',') || 'nothing'} sids ${object.sidSpace.join(',')}`;
    case 'mtu':
      return `${object.services.join(',')} mtu ${object.mtu} mark 0x${object.mark.toString(16)}`;
    default:
      return object satisfies never;
  }
}

function targetText(prefix: string, target: RouteTarget): string {
  switch (target.kind) {
    case 'group':
    case 'nexthop':
      return `${prefix} nhid ${target.id}`;
    case 'blackhole':
      return `blackhole ${prefix}`;
    case 'too-big':
      return `${prefix} mtu ${target.mtu}`;
    case 'encap':
      return `${prefix} encap seg6 mode encap.red segs ${target.segments.join(',')}`;
    case 'gateways': {
      const hops = target.hops.map((hop) => `via ${hop.gateway} dev ${hop.device}`);
      return hops.length === 1 ? `${prefix} ${hops[0]}` : `${prefix} ${hops.map((hop) => `nexthop ${hop}`).join(' ')}`;
    }
    default:
      return target satisfies never;
  }
}

function behaviourText(behaviour: LocalSid['behaviour']): string {
  switch (behaviour.action) {
    case 'End':
      return 'End';
    case 'End.X':
      return `End.X nh6 ${behaviour.nexthop}${behaviour.device === undefined ? '' : ` oif ${behaviour.device}`}`;
    case 'End.DX6':
      return `End.DX6 nh6 ${behaviour.nexthop}`;
    case 'End.DX4':
      return `End.DX4 nh4 ${behaviour.nexthop}`;
    case 'End.DT4':
    case 'End.DT46':
      return `${behaviour.action} vrftable ${behaviour.vrfTable}`;
    case 'End.B6.Encaps':
      return `End.B6.Encaps srh segs ${behaviour.segments.join(',')}`;
    case 'End.T':
    case 'End.DT6':
      return `${behaviour.action} table ${behaviour.table}`;
    default:
      return behaviour satisfies never;
  }
}

function flavoursText({ flavours }: LocalSid): string {
  if (flavours === undefined) return '';
  const words: string[] = [];
  if (flavours.psp) words.push('psp');
  if (flavours.nextCsid)
    words.push(`next-csid lblen ${flavours.nextCsid.blockBits} nflen ${flavours.nextCsid.nodeBits}`);
  return words.length > 0 ? ` flavors ${words.join(',')}` : '';
}
