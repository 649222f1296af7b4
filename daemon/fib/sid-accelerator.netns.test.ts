// Where the programs of an accelerator are: at the domain's links, and there only while they have something to do.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { REPLACE_CSID } from '../../lib/bpf/replace-program.ts';
import type { ReplaceSid } from '../../lib/fib/fib.ts';
import { SidAccelerator } from './sid-accelerator.ts';
import { attachedPrograms } from './testing/attached-programs.ts';
import { Namespace } from './testing/namespaces.ts';
import { whyNoPacketTests } from './testing/packet-port.ts';

const skip = whyNoPacketTests();
const SID: ReplaceSid = { kind: 'replace-csid', prefix: 'fdbb:cafe:0:1:1::/80', csidBits: 32 };
const SHORT: ReplaceSid = { kind: 'replace-csid', prefix: 'fdbb:cafe:1::/48', csidBits: 16 };

describe.skipIf(skip !== undefined)(`programs for SIDs${skip ? ` (skipped: ${skip})` : ''}`, () => {
  let router: Namespace;
  let accelerator: SidAccelerator<ReplaceSid>;
  const indexOf = (name: string) => {
    const [link] = JSON.parse(router.ip('-j', 'link')).filter((it: { ifname: string }) => it.ifname === name);
    return link?.ifindex as number | undefined;
  };
  const addLink = (name: string) => router.ip('link', 'add', name, 'type', 'veth', 'peer', 'name', `${name}peer`);
  const programsAt = (...names: string[]) =>
    names.map((name) => attachedPrograms(router.name, indexOf(name)!, 'ingress'));

  beforeEach(() => {
    router = new Namespace('r');
    for (const name of ['one', 'other', 'outside']) addLink(name);
    accelerator = new SidAccelerator(REPLACE_CSID, ['one', 'other', 'later'], {
      markMask: 0xfff,
      netns: router.name,
      interfaceIndex: indexOf,
    });
  });
  afterEach(() => {
    accelerator.close();
    router.remove();
  });

  it('are at the links while there are SIDs', () => {
    expect(programsAt('one', 'other', 'outside')).toEqual([0, 0, 0]);
    accelerator.program([SID]);
    expect(programsAt('one', 'other', 'outside')).toEqual([1, 1, 0]);
    accelerator.program([SID, SHORT]);
    expect(programsAt('one', 'other', 'outside')).toEqual([1, 1, 0]);
    accelerator.program([]);
    expect(programsAt('one', 'other', 'outside')).toEqual([0, 0, 0]);
    accelerator.program([SHORT]);
    expect(programsAt('one', 'other', 'outside')).toEqual([1, 1, 0]);
  });

  it('are at a link that comes when there are SIDs', () => {
    addLink('later');
    accelerator.attach('later');
    expect(programsAt('later')).toEqual([0]);
    accelerator.program([SID]);
    expect(programsAt('later')).toEqual([1]);
    router.ip('link', 'del', 'later');
    addLink('later');
    for (const name of ['later', 'outside']) accelerator.attach(name);
    expect(programsAt('later', 'outside')).toEqual([1, 0]);
  });
});
