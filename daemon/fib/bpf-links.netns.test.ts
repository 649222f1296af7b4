// Interfaces that come and go, as those of containers do, under programs that are at all of them.
import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AffinityService } from '../../lib/fib/fib.ts';
import { FlowAccelerator } from './flow-accelerator.ts';
import { attachedPrograms } from './testing/attached-programs.ts';
import { Namespace } from './testing/namespaces.ts';
import { whyNoPacketTests } from './testing/packet-port.ts';

const skip = whyNoPacketTests();
const SERVICE: AffinityService = {
  kind: 'affinity',
  service: 'fd00:cafe::80',
  mode: 'flow',
  idleTimeoutMs: 60_000,
  closingTimeoutMs: 1000,
  instances: [{ slot: 1, mark: 1, weight: 1000, failed: false }],
};

describe.skipIf(skip !== undefined)(`programs at interfaces${skip ? ` (skipped: ${skip})` : ''}`, () => {
  let router: Namespace;
  let accelerator: FlowAccelerator;
  let told: { name: string; index: number }[];

  const addLink = (name: string) => {
    router.ip('link', 'add', name, 'type', 'veth', 'peer', 'name', `${name}peer`);
    const [link] = JSON.parse(router.ip('-j', 'link', 'show', name)) as { ifindex: number }[];
    return { name, index: link!.ifindex };
  };
  const programsAt = ({ index }: { index: number }) => attachedPrograms(router.name, index, 'ingress');
  const descriptors = () => readdirSync('/proc/self/fd').length;

  beforeEach(() => {
    router = new Namespace('b');
    told = [];
    accelerator = new FlowAccelerator({ markMask: 0xfff, netns: router.name, interfaces: () => told });
  });
  afterEach(() => {
    accelerator.close();
    router.remove();
  });

  it('pass one over that has gone before news of it came', () => {
    const [gone, here] = [addLink('gone'), addLink('here')];
    router.ip('link', 'del', 'gone');
    told = [gone, here];
    accelerator.program([SERVICE]);
    expect(programsAt(here)).toBe(1);
  });

  it('keep nothing open of those that have gone', () => {
    told = [addLink('stays')];
    accelerator.program([SERVICE]);
    const before = descriptors();
    for (let i = 0; i < 10; i++) {
      const passing = addLink(`passing${i}`);
      told = [told[0]!, passing];
      accelerator.attach();
      expect(programsAt(passing)).toBe(1);
      router.ip('link', 'del', passing.name);
    }
    told = [told[0]!];
    accelerator.attach();
    expect(programsAt(told[0]!)).toBe(1);
    expect(descriptors()).toBe(before);
  });
});
