// How many programs the kernel runs at a traffic-control hook of an interface, whoever attached them.
import { type Hook, queryPrograms } from '../../../lib/bpf/system-call.ts';
import { BpfKernel } from '../bpf-kernel.ts';

/** `netns`: a name under /run/netns. */
export function attachedPrograms(netns: string, interfaceIndex: number, hook: Hook): number {
  const query = queryPrograms(interfaceIndex, hook);
  new BpfKernel(netns).call(query, 'cannot query programs');
  return new DataView(query.attributes.buffer).getUint32(24, true);
}
