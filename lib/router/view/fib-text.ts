// A forwarding object in one line, in the words of iproute2 and nft, so that it can be compared with their output.
import { classesOf, type NamedClass } from '../../fib/affinity-classes.ts';
import type { FibObject, LocalSid, NexthopGroup, ReplaceSid, RouteTarget } from '../../fib/fib.ts';
import { matchText } from '../../model/traffic-match.ts';

export function fibText(object: FibObject): string {
  switch (object.kind) {
    case 'nexthop':
      return `id ${object.id} encap seg6 mode encap.red segs ${object.segments.join(',')}`;
    case 'group':
      return `id ${object.id} group ${object.members.map((it) => `${it.nexthop},${it.weight}`).join('/')}${resilientText(object)}`;
    case 'route':
      return `${targetText(object.prefix, object.target)} table ${object.table}`;
    case 'local-sid':
      return `${object.prefix} encap seg6local action ${sidText(object)}`;
    case 'rule':
      return `${object.priority}: from all fwmark 0x${object.fwmark.toString(16)}/0x${object.mask.toString(16)} lookup ${object.table}`;
    case 'replace-csid':
      return `${object.prefix} nft ${sidText(object)}`;
    case 'affinity': {
      const rules = (object.classifier ?? []).map((rule) => ` [${matchText(rule.match)} -> ${rule.class || 'own'}]`);
      return `${object.service} ${classesOf(object).map(classText).join(' ')}${rules.join('')}`;
    }
    case 'border':
      return `inside ${object.inside.join(',') || 'nothing'} sids ${object.sidSpace.join(',')}`;
    case 'mtu':
      return `${object.services.join(',')} mtu ${object.mtu} mark 0x${object.mark.toString(16)}`;
    default:
      return object satisfies never;
  }
}

function resilientText({ resilient }: NexthopGroup): string {
  if (resilient === undefined) return '';
  const { buckets, idleTimeoutMs, unbalancedTimeoutMs } = resilient;
  const timers = `idle_timer ${idleTimeoutMs / 1000} unbalanced_timer ${unbalancedTimeoutMs / 1000}`;
  return ` type resilient buckets ${buckets} ${timers}`;
}

function classText({ name, mode, instances, mark }: NamedClass): string {
  const shares = instances.map((it) => `slot ${it.slot} mark 0x${it.mark.toString(16)} share ${it.weight}/1000`);
  const all = mark === undefined ? shares.join(', ') : `mark 0x${mark.toString(16)}`;
  return `${name === '' ? '' : `${name} `}${mode} { ${all} }`;
}

/** Behaviour and flavours of a local SID. */
export function sidText(object: LocalSid | ReplaceSid): string {
  if (object.kind === 'local-sid') return behaviourText(object.behaviour) + flavoursText(object);
  const action = object.mark === undefined ? 'End' : `End.X mark 0x${object.mark.toString(16)}`;
  return `${action} flavors replace-csid nflen ${object.csidBits}`;
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
