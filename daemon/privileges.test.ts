// Which masks are within what a daemon keeps. That every thread of a real one is: e2e/privileges.netns.test.ts.
import { describe, expect, it } from 'vitest';
import { ACCELERATOR_CAPABILITIES, capabilityMasks, exceedsKept, KEPT_CAPABILITIES, keptMask } from './privileges.ts';

const status = (effective: string, bounding: string) => `Name:\tcfnd\nCapEff:\t${effective}\nCapBnd:\t${bounding}\n`;

describe('the masks of a thread', () => {
  it('are read from its status', () => {
    expect(capabilityMasks(status('0000000000001400', '000001ffffffffff'))).toEqual({
      effective: 0x1400n,
      bounding: 0x1ffffffffffn,
    });
  });

  it.each([
    ['exactly what is kept', '0000000000001400', '0000000000001400', false],
    ['nothing at all', '0000000000000000', '0000000000000000', false],
    ['CAP_SYS_ADMIN', '0000000000201400', '0000000000201400', true],
    ['more only in the bounding set, which children of root get', '0000000000001400', '0000000000201400', true],
    ['CAP_NET_RAW', '0000000000003400', '0000000000003400', true],
    ['a capability above bit 31', '0000004000000000', '0000000000001400', true],
  ])('%s', (_, effective, bounding, more) => {
    const kept = keptMask({ accelerator: false });
    expect(exceedsKept(capabilityMasks(status(effective, bounding)), kept)).toBe(more);
  });

  it('keep two capabilities, by the numbers of linux/capability.h', () => {
    expect(KEPT_CAPABILITIES).toEqual({ CAP_NET_BIND_SERVICE: 10, CAP_NET_ADMIN: 12 });
    expect(keptMask({ accelerator: false })).toBe(0x1400n);
  });

  it('keep two more for the accelerator, and are in excess where there is none', () => {
    expect(ACCELERATOR_CAPABILITIES).toEqual({ CAP_PERFMON: 38, CAP_BPF: 39 });
    const kept = keptMask({ accelerator: true });
    expect(kept).toBe(0xc000001400n);
    const masks = { effective: kept, bounding: kept };
    expect(exceedsKept(masks, kept)).toBe(false);
    expect(exceedsKept(masks, keptMask({ accelerator: false }))).toBe(true);
  });
});
