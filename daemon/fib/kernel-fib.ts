// The forwarding plane in the Linux kernel: routes, nexthop objects, SIDs and rules by rtnetlink, the rest by nftables.
// Decides in which order the two halves act: what marks point at is there before them and goes after them. Touches only
// what carries our protocol number, and our own tables of nftables. Reading back is kernel-scan.ts's part.
import { borderCounters } from '../../lib/fib/border-table.ts';
import {
  type BorderCounters,
  type ClassCounter,
  type Fib,
  type FibCapability,
  type FibDelta,
  type FibDrift,
  type FibFailure,
  type FibKey,
  type FibObject,
  type FibResult,
  type FibStart,
  fibKey,
  type ReadBack,
  removalKey,
  type SidCounters,
} from '../../lib/fib/fib.ts';
import { lastPuts, orderPuts } from '../../lib/fib/order.ts';
import { monotonicMs } from '../runtime/clock.ts';
import { busyBuckets } from './bucket-counts.ts';
import { isNetlinkKey, isNetlinkObject, type KernelContext } from './kernel-codec.ts';
import { glance } from './kernel-glance.ts';
import { applyLarge, LARGE, without } from './kernel-large-change.ts';
import { KernelProgrammer } from './kernel-programmer.ts';
import { type ReadContext, readSidCounters } from './kernel-readback.ts';
import { KernelScan, unreadable, type Watch } from './kernel-scan.ts';
import {
  accelerate,
  contextOf,
  type KernelFibOptions,
  type KernelHandles,
  openKernel,
  prepareKernel,
  readAtStart,
  requireHmacAt,
} from './kernel-start.ts';
import { steer } from './kernel-steering.ts';
import { countPut } from './kernel-sync.ts';
import { reasonOf } from './links.ts';
import { NextCsidPlane } from './next-csid-plane.ts';
import { countWishes, NftHalf, type NftWishes } from './nft-half.ts';
import { probeExtras, probeKernel, SID_COUNTERS } from './probe.ts';
import { relaxReversePath } from './reverse-path.ts';

export type { KernelFibOptions } from './kernel-start.ts';

/** The change may or may not be in force. */
const OUTCOME_UNKNOWN = new Set(['ETIMEDOUT', 'ENOBUFS']);

const NET_ADMIN: FibCapability = { name: 'net-admin', available: true, remark: '' };

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

class KernelFib implements Fib {
  readonly kind = 'kernel';
  readonly #options: KernelFibOptions;
  readonly #nft: NftHalf;
  readonly #nextCsid: NextCsidPlane;
  #life: Life | undefined;
  /** Not known before the probe. */
  #countsAtSids = false;
  /** To be removed when nftables is at rest; a later put takes a key out again. */
  readonly #deferred = new Set<FibKey>();
  /** Large changes, one after the other. */
  #lastLarge: Promise<unknown> = Promise.resolve();

  constructor(options: KernelFibOptions) {
    this.#options = options;
    const { markMask, netns, nft, log } = options;
    const onAcceleratorLost = (error: unknown) =>
      log('warn', 'tc-bpf is given up, nftables and the kernel do without it', { error: reasonOf(error).text });
    this.#nft = new NftHalf({ markMask, netns, nft, onAcceleratorLost });
    this.#nextCsid = new NextCsidPlane(onAcceleratorLost);
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
    const scan = new KernelScan({ kernel, context, programmer, nft: this.#nft, log: this.#options.log });
    this.#life = { kernel, programmer, scan };
    const capabilities = [NET_ADMIN, ...(await prepareKernel(this.#options, this.#nft))];
    if (this.#options.accelerator === 'tc-bpf')
      capabilities.push(accelerate(this.#options, kernel, this.#nft, this.#nextCsid));
    try {
      capabilities.push(...(await probeKernel(kernel.requests, context, this.#options)));
      this.#countsAtSids = capabilities.some(({ name, available }) => name === SID_COUNTERS && available);
      capabilities.push(...probeExtras(kernel.requests, kernel.links.sidDeviceIndex()));
      const { objects } = await readAtStart(kernel.requests, context);
      for (const object of orderPuts([...objects.values()])) programmer.held.put(object);
    } catch (error) {
      capabilities.push({ name: 'read-back', available: false, remark: reasonOf(error).text });
    }
    for (const object of await this.#nft.readBack()) programmer.held.put(object);
    this.#nextCsid.reset(programmer.held);
    return { capabilities, retained: [...programmer.held.values()] };
  }

  async apply(delta: FibDelta): Promise<FibResult> {
    const { programmer, scan } = this.#alive();
    if (delta.put.length + delta.remove.length > LARGE) {
      // What is changed from now on is newer, also while this waits for its turn.
      const watch = scan.watch();
      const result = this.#lastLarge.then(() => this.#applyLarge(delta, watch));
      this.#lastLarge = result.catch(() => {});
      return result;
    }
    const steered = this.#deferred.size > 0 ? undefined : steer(delta, { programmer, scan, nft: this.#nft });
    if (steered) return this.#doubt(steered);
    const puts = lastPuts(delta.put);
    // A key that is put and removed in one change is put: the put is the newer wish of a merged delta.
    const removals = delta.remove.length > 0 ? without(delta.remove, puts).map(removalKey) : [];
    scan.touch(puts, removals);
    if (this.#deferred.size > 0) for (const object of puts) this.#deferred.delete(fibKey(object));
    const requestedAtMs = monotonicMs();
    const failures = programmer.put(puts.filter(isNetlinkObject));
    this.#nextCsid.follow(programmer.held, puts, removals);
    this.#doubt({ failures });
    let netlinkDoneAtMs = monotonicMs();
    const wishes = this.#nft.wish(programmer.held, puts, removals, failures);
    const unwanted = removals.filter(isNetlinkKey);
    const told = countWishes(wishes);
    let removed = told.removals;
    const atOnce = told.total > 0 && this.#nft.settleNow(wishes);
    if (atOnce || (told.total === 0 && !this.#nft.busy)) {
      const affinityDoneAtMs = atOnce ? monotonicMs() : undefined;
      const result = programmer.remove(unwanted);
      failures.push(...result.failures);
      removed += result.removed;
      if (affinityDoneAtMs === undefined && unwanted.length > 0) netlinkDoneAtMs = monotonicMs();
      const done = { netlinkDoneAtMs, affinityDoneAtMs: affinityDoneAtMs ?? netlinkDoneAtMs };
      return { failures, put: countPut(puts, failures), removed, requestedAtMs, ...done };
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
    return { failures, put: countPut(puts, failures), removed, requestedAtMs, netlinkDoneAtMs, affinityDoneAtMs };
  }

  async #applyLarge(delta: FibDelta, watch: Watch): Promise<FibResult> {
    const { programmer, scan } = this.#alive();
    const result = await applyLarge(delta, {
      programmer,
      scan,
      watch,
      isOver: () => this.#life === undefined,
      starting: (objects) => {
        if (this.#deferred.size > 0) for (const object of objects()) this.#deferred.delete(fibKey(object));
      },
      settle: async (puts, removals, failures) => {
        const wishes = this.#nft.wish(programmer.held, puts, removals, failures);
        failures.push(...(await this.#settle(wishes)));
        return countWishes(wishes).removals;
      },
      nowMs: monotonicMs,
    });
    this.#doubt(result);
    this.#nextCsid.reset(programmer.held);
    return result;
  }

  async readBack(delta: FibDelta): Promise<ReadBack | undefined> {
    const { kernel, programmer } = this.#alive();
    const [context, held] = [this.#context(kernel), programmer.held];
    return glance(delta, { requests: kernel.requests, context, held, nft: this.#nft });
  }

  async sync(desired: readonly FibObject[]): Promise<FibResult> {
    const { scan, programmer } = this.#alive();
    const done = { netlinkDoneAtMs: 0, affinityDoneAtMs: 0 };
    const outcome = await scan.sync(desired, async (puts, removals, failures) => {
      done.netlinkDoneAtMs = monotonicMs();
      const wishes = this.#nft.wish(programmer.held, puts, removals, failures);
      failures.push(...(await this.#settle(wishes)));
      done.affinityDoneAtMs = monotonicMs();
    });
    this.#nextCsid.reset(programmer.held);
    return { ...outcome, ...done };
  }

  verify(): Promise<readonly FibDrift[]> {
    return this.#alive().scan.verify();
  }

  inspect(): Promise<readonly FibDrift[]> {
    return this.#alive().scan.inspect();
  }

  dump(): readonly FibObject[] {
    return [...this.#alive().programmer.held.values()];
  }

  async flowCounts(): Promise<ReadonlyMap<number, number>> {
    const { kernel, programmer } = this.#alive();
    const learned = (await kernel.nft?.flowCounts()) ?? (await this.#nft.affinity.countByListing());
    const { nexthopIdBase } = this.#options;
    return new Map([...learned, ...(await busyBuckets(kernel.requests, programmer.held.values(), nexthopIdBase))]);
  }

  classCounters(): Promise<readonly ClassCounter[]> {
    return this.#nft.affinity.counters();
  }

  async sidCounters(): Promise<readonly SidCounters[]> {
    const { kernel } = this.#alive();
    const own = await readSidCounters(kernel.requests, this.#context(kernel));
    return [...this.#nextCsid.withCounts(own), ...(await this.#nft.replace.counters())];
  }

  async borderCounters(): Promise<BorderCounters | undefined> {
    this.#alive();
    const table = await this.#nft.border.look();
    return table && borderCounters(table);
  }

  async close({ remove }: { readonly remove: boolean }): Promise<void> {
    const life = this.#life;
    this.#life = undefined;
    if (life) {
      await life.scan.close();
      await this.#nft.idle();
      if (remove) {
        await this.#nft.removeAll();
        life.programmer.removeAll();
        life.kernel.links.removeSidDevice();
      }
      life.kernel.links.close();
      life.kernel.nft?.close();
      life.kernel.requests.close();
    }
    this.#nextCsid.close();
    await this.#nft.close();
  }

  #alive(): Life {
    if (!this.#life) throw new Error('forwarding plane used before start or after close');
    return this.#life;
  }

  #context({ links }: KernelHandles): KernelContext & ReadContext {
    return contextOf(this.#options, links, () => this.#countsAtSids);
  }

  #settle(wishes: NftWishes): Promise<FibFailure[]> {
    return this.#nft.settle(wishes, this.#alive().programmer.held);
  }

  #restore(device: string): void {
    if (this.#options.links.includes(device)) relaxReversePath([device], this.#options.netns);
    this.#nft.linkUsable(device);
    this.#nextCsid.linkUsable(device);
    requireHmacAt(device, this.#options);
    const failures = this.#life?.programmer.restore(device) ?? [];
    if (failures.length > 0)
      this.#options.log('debug', 'routes through a link are still refused', { device, failures });
  }

  async #recoverSidDevice(): Promise<void> {
    const outcome = await this.#life?.kernel.links.ensureSidDevice().catch(unreadable);
    const { device } = this.#options;
    if (outcome) this.#options.log('error', 'sid device is gone and cannot be made', { device, error: outcome.text });
    else this.#rescan(`${device} was removed or disabled`);
  }

  #doubt<T extends Pick<FibResult, 'failures'>>(result: T): T {
    if (result.failures.some(({ code }) => OUTCOME_UNKNOWN.has(code))) this.#rescan('the kernel did not answer');
    return result;
  }

  #rescan(reason: string): void {
    this.#life?.scan.verify().then(
      (drift) => this.#options.log('warn', 'forwarding read back', { reason, repaired: drift.length }),
      (error) => this.#options.log('error', 'forwarding cannot be read back', { reason, error: reasonOf(error).text }),
    );
  }
}
