// What this kernel can do, found by trying: each kind of object is made in a corner that no packet reaches, read back,
// and removed. A kernel ignores attributes it does not know, so only the read-back counts.
import { sameObject } from '../../lib/fib/equality.ts';
import { type FibCapability, type FibObject, fibKey } from '../../lib/fib/fib.ts';
import { Flag, MessageType } from '../../lib/netlink/constants.ts';
import type { NetlinkError } from '../../lib/netlink/errors.ts';
import type { Encode } from '../../lib/netlink/writer.ts';
import type { RequestSocket } from '../netlink/request-socket.ts';
import { encodePut, encodeRemoval, type KernelContext } from './kernel-codec.ts';
import { type ReadContext, readKernel, readSidCounters } from './kernel-readback.ts';
import { type ProbeOptions, probeTrials, type Trial } from './probe-trials.ts';

export const SID_COUNTERS = 'seg6local-counters';

/** Tries each kind; own objects of an earlier life are not touched. Rejects when the kernel cannot be read. */
export async function probeKernel(
  requests: RequestSocket,
  context: KernelContext & ReadContext,
  options: ProbeOptions,
): Promise<FibCapability[]> {
  const trials = probeTrials(options);
  const objects = trials.map((trial) => trial.object);
  const outcomes = objects.map((object) => requests.request(encodePut(context, object, false)));
  const seen = new Map<string, FibObject>();
  let counts = false;
  try {
    for (const [key, object] of (await readKernel(requests, context)).objects) seen.set(key, object);
    counts = (await readSidCounters(requests, context)).length > 0;
  } finally {
    requests.batch(objects.toReversed().map((object) => encodeRemoval(context, object)));
  }
  const found = trials.map((trial, i) => outcomeOf(trial, outcomes[i] ?? undefined, seen.get(fibKey(trial.object))));
  const remark = counts ? '' : 'what each SID has processed is not known (the kernel forgets the counters)';
  return [...found, { name: SID_COUNTERS, available: counts, remark }];
}

function outcomeOf(trial: Trial, error: NetlinkError | undefined, back: FibObject | undefined): FibCapability {
  const { name, without, object, knownBy = [] } = trial;
  const available = (why: string): FibCapability => ({
    name,
    available: why === '',
    remark: why && `${without} (${why})`,
  });
  // A rule left by a probe that was killed half way is as good as a new one.
  if (error && error.code !== 'EEXIST')
    return available(knownBy.includes(error.code) ? '' : `${error.code}: ${error.text}`);
  return available(back && sameObject(back, object) ? '' : 'the kernel forgets part of it');
}

/** Notes what other parts may ask for; the forwarding plane itself does without. */
export function probeExtras(requests: RequestSocket, sidDeviceIndex: number): FibCapability[] {
  const vrf = requests.request(encodeVrfWithoutTable);
  const netem = requests.request((writer) => encodeNetemWithoutOptions(writer, sidDeviceIndex));
  return [
    // A known kind complains about the missing parameter, an unknown one about itself.
    kindOf('vrf', 'one table for all: no SIDs into VRFs', vrf),
    kindOf('netem', "labs relay their links' packets themselves", netem),
  ];
}

function kindOf(name: string, without: string, error: NetlinkError | null): FibCapability {
  const available = error?.code === 'EINVAL';
  return { name, available, remark: available ? '' : `${without} (${error?.text ?? 'no answer'})` };
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
