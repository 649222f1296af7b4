// What this kernel can do, found by trying: each kind of object is made in a corner that no packet reaches, read back,
// and removed. A kernel ignores attributes it does not know, so only the read-back counts.
import { sameObject } from '../../lib/fib/equality.ts';
import { type FibCapability, type FibObject, fibKey } from '../../lib/fib/fib.ts';
import { Flag, MessageType } from '../../lib/netlink/constants.ts';
import type { Encode } from '../../lib/netlink/writer.ts';
import type { RequestSocket } from '../netlink/request-socket.ts';
import { encodePut, encodeRemoval, type KernelContext, type NetlinkObject } from './kernel-codec.ts';
import { type ReadContext, readKernel } from './kernel-readback.ts';

export interface ProbeOptions {
  readonly groupIdBase: number;
  readonly nexthopIdBase: number;
  readonly tableBase: number;
  readonly rulePriority: number;
}

/** Beyond what the router hands out. */
const BEYOND = 0xfff0;
/** RFC 6666 discard prefix: nothing is sent there. */
const SID = '100::cf:d:0:0/128';
const SID_CSID = '100::cf:d:1:0/128';
const SID_CSID_X = '100::cf:d:3:0/128';
const SID_PSP = '100::cf:d:2:0/128';

/** Tries each kind; own objects of an earlier life are not touched. Rejects when the kernel cannot be read. */
export async function probeKernel(
  requests: RequestSocket,
  context: KernelContext & ReadContext,
  options: ProbeOptions,
): Promise<FibCapability[]> {
  const nexthop = options.nexthopIdBase + BEYOND;
  const group = options.groupIdBase + BEYOND;
  const table = options.tableBase + BEYOND;
  const trials: { name: string; remark: string; object: NetlinkObject }[] = [
    {
      name: 'seg6-encap',
      remark: 'no steering',
      object: { kind: 'nexthop', id: nexthop, segments: ['100::1', '100::2'] },
    },
    {
      name: 'nexthop-groups',
      remark: 'no steering',
      object: { kind: 'group', id: group, members: [{ nexthop, weight: 1 }] },
    },
    {
      name: 'nexthop-routes',
      remark: 'no steering',
      object: { kind: 'route', prefix: '100::1/128', table, target: { kind: 'group', id: group } },
    },
    {
      name: 'nexthop-routes-ipv4',
      remark: 'no steering of IPv4 services',
      object: { kind: 'route', prefix: '192.0.2.1/32', table, target: { kind: 'group', id: group } },
    },
    {
      name: 'seg6local',
      remark: 'no local SIDs',
      object: { kind: 'local-sid', prefix: SID, behaviour: { action: 'End' } },
    },
    {
      name: 'seg6local-next-csid',
      remark: 'no compressed SIDs here',
      object: {
        kind: 'local-sid',
        prefix: SID_CSID,
        behaviour: { action: 'End' },
        flavours: { nextCsid: { blockBits: 32, nodeBits: 16 } },
      },
    },
    {
      // Linux 6.6; End alone is older.
      name: 'seg6local-next-csid-end-x',
      remark: 'no compressed End.X SIDs, so none at all, here',
      object: {
        kind: 'local-sid',
        prefix: SID_CSID_X,
        behaviour: { action: 'End.X', nexthop: '100::1' },
        flavours: { nextCsid: { blockBits: 48, nodeBits: 32 } },
      },
    },
    {
      name: 'seg6local-psp',
      remark: 'no penultimate pop',
      object: { kind: 'local-sid', prefix: SID_PSP, behaviour: { action: 'End' }, flavours: { psp: true } },
    },
    {
      name: 'rules',
      remark: 'no affinity',
      object: {
        kind: 'rule',
        family: 'ipv6',
        priority: options.rulePriority + BEYOND,
        fwmark: 1,
        mask: 0xffffffff,
        table,
      },
    },
  ];
  const objects = trials.map((trial) => trial.object);
  const outcomes = objects.map((object) => requests.request(encodePut(context, object, false)));
  const seen = new Map<string, FibObject>();
  try {
    for (const object of (await readKernel(requests, context)).objects) seen.set(fibKey(object), object);
  } finally {
    requests.batch(objects.toReversed().map((object) => encodeRemoval(context, object)));
  }
  return trials.map(({ name, remark, object }, i) => {
    const error = outcomes[i];
    // A rule left by a probe that was killed half way is as good as a new one.
    const refused = error && error.code !== 'EEXIST' ? `${error.code}: ${error.text}` : '';
    const back = seen.get(fibKey(object));
    const why = refused || (back && sameObject(back, object) ? '' : 'the kernel forgets part of it');
    return { name, available: why === '', remark: why && `${remark} (${why})` };
  });
}

/** Notes what other parts may ask for; the forwarding plane itself does without. */
export function probeExtras(requests: RequestSocket, sidDeviceIndex: number): FibCapability[] {
  const vrf = requests.request(encodeVrfWithoutTable);
  const netem = requests.request((writer) => encodeNetemWithoutOptions(writer, sidDeviceIndex));
  return [
    // A known kind complains about the missing parameter, an unknown one about itself.
    { name: 'vrf', available: vrf?.code === 'EINVAL', remark: vrf?.code === 'EINVAL' ? '' : (vrf?.text ?? '') },
    { name: 'netem', available: netem?.code === 'EINVAL', remark: netem?.code === 'EINVAL' ? '' : (netem?.text ?? '') },
  ];
}

const encodeVrfWithoutTable: Encode = (writer) => {
  writer.begin(MessageType.newLink, Flag.request | Flag.create | Flag.exclusive);
  writer.zeros(16);
  writer.text(IFLA_IFNAME, 'cfnd-probe');
  const info = writer.open(IFLA_LINKINFO);
  writer.text(IFLA_INFO_KIND, 'vrf');
  writer.close(info);
  writer.end();
};

function encodeNetemWithoutOptions(writer: Parameters<Encode>[0], index: number): void {
  writer.begin(RTM_NEWQDISC, Flag.request | Flag.create | Flag.exclusive);
  writer.quad(0, 0, 0, 0);
  writer.word(index);
  writer.word(0);
  writer.word(TC_H_ROOT);
  writer.word(0);
  writer.text(TCA_KIND, 'netem');
  writer.end();
}

const IFLA_IFNAME = 3;
const IFLA_LINKINFO = 18;
const IFLA_INFO_KIND = 1;
const RTM_NEWQDISC = 36;
const TC_H_ROOT = 0xffffffff;
const TCA_KIND = 1;
