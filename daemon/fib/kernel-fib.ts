// The forwarding plane in the Linux kernel: routes, nexthop objects, SIDs and rules by rtnetlink, affinity and
// REPLACE-CSID endpoints by nftables.
// Decides in which order the two halves act: what marks point at is there before them and goes after them. Touches only
// what carries our protocol number, and our own tables of nftables. Reading back is kernel-scan.ts's part.
import type {
  AffinityService,
  Fib,
  FibCapability,
  FibDelta,
  FibDrift,
  FibFailure,
  FibKey,
  FibObject,
  FibResult,
  FibStart,
  ReplaceSid,
  SidCounters,
} from '../../lib/fib/fib.ts';
import { fibKey } from '../../lib/fib/fib.ts';
import { lastPuts, orderPuts } from '../../lib/fib/order.ts';
import { AffinityPlane } from './affinity-plane.ts';
import { isNetlinkKey, isNetlinkObject, type KernelContext } from './kernel-codec.ts';
import { KernelProgrammer } from './kernel-programmer.ts';
import { type ReadContext, readKernel, readSidCounters } from './kernel-readback.ts';
import { KernelScan } from './kernel-scan.ts';
import { type KernelFibOptions, type KernelHandles, openKernel, prepareKernel } from './kernel-start.ts';
import { reasonOf } from './links.ts';
import { probeExtras, probeKernel } from './probe.ts';
import { ReplacePlane } from './replace-plane.ts';

export type { KernelFibOptions } from './kernel-start.ts';

/** The change may or may not be in force. */
const OUTCOME_UNKNOWN = new Set(['ETIMEDOUT', 'ENOBUFS']);

/** Nothing is opened before `start`. */
export function createKernelFib(options: KernelFibOptions): Fib {
  return new KernelFib(options);
}

/** What works between `start` and `close`. */
interface Life {
  readonly kernel: KernelHandles;
  readonly programmer: KernelProgrammer;
  readonly scan: KernelScan;
}

/** What nftables is to be told; undefined: gone. */
interface NftWishes {
  /** By service address. */
  readonly affinity: Map<string, AffinityService | undefined>;
  readonly replace: Map<FibKey, ReplaceSid | undefined>;
}

class KernelFib implements Fib {
  readonly kind = 'kernel';
  readonly #options: KernelFibOptions;
  readonly #affinity: AffinityPlane;
  readonly #replace: ReplacePlane;
  #life: Life | undefined;
  /** To be removed when nftables is at rest; a later put takes a key out again. */
  readonly #deferred = new Set<FibKey>();

  constructor(options: KernelFibOptions) {
    this.#options = options;
    const { markMask, netns, nft } = options;
    this.#affinity = new AffinityPlane({ markMask, netns, nft });
    this.#replace = new ReplacePlane({ markMask, netns, nft });
  }

  async start(): Promise<FibStart> {
    const kernel = await openKernel(this.#options, {
      onUsable: (device) => this.#restore(device),
      onSidDeviceLost: () => void this.#recoverSidDevice(),
      onOverrun: () => this.#rescan('notifications were lost'),
    });
    if ('refused' in kernel) return { capabilities: [kernel.refused], retained: [] };
    const context = this.#context(kernel);
    const programmer = new KernelProgrammer(kernel.requests, context);
    const planes = { affinity: this.#affinity, replace: this.#replace };
    const scan = new KernelScan({ kernel, context, programmer, ...planes, log: this.#options.log });
    this.#life = { kernel, programmer, scan };
    const capabilities: FibCapability[] = [{ name: 'net-admin', available: true, remark: '' }];
    capabilities.push(...(await prepareKernel(this.#options, planes)));
    try {
      capabilities.push(...(await probeKernel(kernel.requests, context, this.#options)));
      capabilities.push(...probeExtras(kernel.requests, kernel.links.sidDeviceIndex()));
      const { objects } = await readKernel(kernel.requests, context);
      for (const object of orderPuts(objects)) programmer.held.put(object);
    } catch (error) {
      capabilities.push({ name: 'read-back', available: false, remark: reasonOf(error).text });
    }
    const affinity = await this.#affinity.readBack();
    for (const service of affinity?.services ?? []) programmer.held.put(service);
    for (const sid of (await this.#replace.readBack())?.sids ?? []) programmer.held.put(sid);
    return { capabilities, retained: [...programmer.held.values()] };
  }

  async apply(delta: FibDelta): Promise<FibResult> {
    const { programmer, scan } = this.#alive();
    const puts = lastPuts(delta.put);
    const putKeys = puts.map(fibKey);
    const wanted = new Set(putKeys);
    // A key that is put and removed in one change is put: the put is the newer wish of a merged delta.
    const removals = delta.remove.filter((key) => !wanted.has(key));
    scan.touch(putKeys);
    scan.touch(removals);
    for (const key of putKeys) this.#deferred.delete(key);
    const failures = programmer.put(puts.filter(isNetlinkObject));
    if (failures.some(({ code }) => OUTCOME_UNKNOWN.has(code))) this.#rescan('the kernel did not answer');
    let netlinkDoneAtMs = monotonicMs();
    const wishes = this.#wish(puts, removals, failures);
    const unwanted = removals.filter(isNetlinkKey);
    let removed = [...wishes.affinity.values(), ...wishes.replace.values()].filter((wish) => wish === undefined).length;
    if (isEmpty(wishes) && !this.#affinity.busy && !this.#replace.busy) {
      const result = programmer.remove(unwanted);
      failures.push(...result.failures);
      removed += result.removed;
      netlinkDoneAtMs = monotonicMs();
      return { failures, put: countPut(puts, failures), removed, netlinkDoneAtMs, affinityDoneAtMs: netlinkDoneAtMs };
    }
    for (const key of unwanted) this.#deferred.add(key);
    failures.push(...(await this.#settle(wishes)));
    const affinityDoneAtMs = monotonicMs();
    const still = unwanted.filter((key) => this.#deferred.delete(key));
    if (this.#life) {
      const result = programmer.remove(still);
      failures.push(...result.failures);
      removed += result.removed;
    }
    return { failures, put: countPut(puts, failures), removed, netlinkDoneAtMs, affinityDoneAtMs };
  }

  async sync(desired: readonly FibObject[]): Promise<FibResult> {
    const { scan } = this.#alive();
    let netlinkDoneAtMs = 0;
    let affinityDoneAtMs = 0;
    const outcome = await scan.sync(lastPuts(desired), async (puts, removals, failures) => {
      netlinkDoneAtMs = monotonicMs();
      const wishes = this.#wish(puts, removals, failures);
      failures.push(...(await this.#settle(wishes)));
      affinityDoneAtMs = monotonicMs();
    });
    return { ...outcome, netlinkDoneAtMs, affinityDoneAtMs };
  }

  verify(): Promise<readonly FibDrift[]> {
    return this.#alive().scan.verify();
  }

  dump(): readonly FibObject[] {
    return [...this.#alive().programmer.held.values()];
  }

  async flowCounts(): Promise<ReadonlyMap<number, number>> {
    const { kernel } = this.#alive();
    return (await kernel.nft?.flowCounts()) ?? (await this.#affinity.countByListing());
  }

  async sidCounters(): Promise<readonly SidCounters[]> {
    const { kernel } = this.#alive();
    const own = await readSidCounters(kernel.requests, this.#context(kernel));
    return [...own, ...(await this.#replace.counters())];
  }

  async close({ remove }: { readonly remove: boolean }): Promise<void> {
    const life = this.#life;
    this.#life = undefined;
    if (life) {
      await life.scan.close();
      await this.#idle();
      if (remove) {
        await this.#affinity.removeAll();
        await this.#replace.removeAll();
        life.programmer.remove([...life.programmer.held.keys()]);
        life.kernel.links.removeSidDevice();
      }
      life.kernel.links.close();
      life.kernel.nft?.close();
      life.kernel.requests.close();
    }
    await this.#affinity.close();
    await this.#replace.close();
  }

  #alive(): Life {
    if (!this.#life) throw new Error('forwarding plane used before start or after close');
    return this.#life;
  }

  #context({ links }: KernelHandles): KernelContext & ReadContext {
    return {
      protocol: this.#options.protocol,
      sidDevice: () => links.sidDeviceIndex(),
      deviceIndex: (name) => links.deviceIndex(name),
      deviceName: (index) => links.deviceName(index),
    };
  }

  /** Objects that nftables cannot be told are added to `failures`. The held set follows at once. */
  #wish(puts: readonly FibObject[], removals: readonly FibKey[], failures: FibFailure[]): NftWishes {
    const { held } = this.#alive().programmer;
    const wishes: NftWishes = { affinity: new Map(), replace: new Map() };
    for (const key of removals) {
      const old = isNetlinkKey(key) ? undefined : held.remove(key);
      if (old?.kind === 'affinity') wishes.affinity.set(old.service, undefined);
      if (old?.kind === 'replace-csid') wishes.replace.set(key, undefined);
    }
    for (const object of puts) {
      if (isNetlinkObject(object)) continue;
      const refusal = held.refusal(object) ?? maskRefusal(object, this.#options.markMask);
      if (refusal) {
        failures.push(refusal);
        continue;
      }
      held.put(object);
      if (object.kind === 'affinity') wishes.affinity.set(object.service, object);
      else wishes.replace.set(fibKey(object), object);
    }
    return wishes;
  }

  /** Waits until nftables has taken the wishes, and whatever came before them. */
  async #settle({ affinity, replace }: NftWishes): Promise<FibFailure[]> {
    const failures: FibFailure[] = [];
    if (replace.size > 0) failures.push(...(await this.#replace.change(replace)));
    if (affinity.size > 0) failures.push(...(await this.#affinity.change(affinity)));
    await this.#idle();
    for (const { key } of failures) {
      const inForce = this.#replace.inForce(key) ?? this.#affinity.inForce(key.slice('affinity '.length));
      if (inForce) this.#life?.programmer.held.put(inForce);
      else this.#life?.programmer.held.remove(key);
    }
    return failures;
  }

  /** Resolves when nftables has taken what it was told. */
  async #idle(): Promise<void> {
    await this.#affinity.idle();
    await this.#replace.idle();
  }

  #restore(device: string): void {
    const failures = this.#life?.programmer.restore(device) ?? [];
    if (failures.length > 0)
      this.#options.log('debug', 'routes through a link are still refused', { device, failures });
  }

  async #recoverSidDevice(): Promise<void> {
    const outcome = await this.#life?.kernel.links.ensureSidDevice();
    const { device } = this.#options;
    if (outcome) this.#options.log('error', 'sid device is gone and cannot be made', { device, error: outcome.text });
    else this.#rescan(`${device} was removed or disabled`);
  }

  #rescan(reason: string): void {
    const { scan } = this.#life ?? {};
    scan?.verify().then(
      (drift) => this.#options.log('warn', 'forwarding read back', { reason, repaired: drift.length }),
      (error) => this.#options.log('error', 'forwarding cannot be read back', { reason, error: reasonOf(error).text }),
    );
  }
}

function isEmpty({ affinity, replace }: NftWishes): boolean {
  return affinity.size === 0 && replace.size === 0;
}

function countPut(puts: readonly FibObject[], failures: readonly FibFailure[]): number {
  const failed = new Set(failures.map((failure) => failure.key));
  return puts.filter((object) => !failed.has(fibKey(object))).length;
}

function maskRefusal(object: AffinityService | ReplaceSid, mask: number): FibFailure | undefined {
  const marks = object.kind === 'affinity' ? object.instances.map(({ mark }) => mark) : [object.mark ?? 0];
  const foreign = marks.find((mark) => (mark & ~mask) !== 0);
  if (foreign === undefined) return undefined;
  return { key: fibKey(object), code: 'EINVAL', text: `mark ${foreign} has bits that are not ours` };
}

function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
