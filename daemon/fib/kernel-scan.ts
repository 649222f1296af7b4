// Looking at the kernel as it is: the full sync after a start, and the periodic verify. Both read, compare and program
// while changes go on: what a change touches in the meantime is left to the change. One scan at a time.
import { CodedError } from '../../lib/errors.ts';
import {
  type FibDrift,
  type FibFailure,
  type FibKey,
  type FibObject,
  type FibRemoval,
  fibKey,
  removalKey,
} from '../../lib/fib/fib.ts';
import { patiently } from '../runtime/patiently.ts';
import { chunked } from './gently.ts';
import type { KernelContext } from './kernel-codec.ts';
import type { KernelProgrammer } from './kernel-programmer.ts';
import { type KernelReadBack, type ReadContext, readKernel } from './kernel-readback.ts';
import { compareNetlink, type RepairOptions, repairNetlink } from './kernel-repair.ts';
import type { KernelFibOptions, KernelHandles } from './kernel-start.ts';
import { type SettleNft, type SyncOutcome, syncKernel } from './kernel-sync.ts';
import type { NftHalf } from './nft-half.ts';
import { type NftScan, verifyNft } from './nft-repair.ts';

const NOBODY: Set<FibKey> = new Set();

export interface KernelScanOptions {
  readonly kernel: KernelHandles;
  readonly context: ReadContext & KernelContext;
  readonly programmer: KernelProgrammer;
  readonly nft: NftHalf;
  readonly log: KernelFibOptions['log'];
}

export interface Watch {
  /** Nothing was touched so far. */
  readonly isQuiet: () => boolean;
  readonly isTouched: (it: FibRemoval | FibObject) => boolean;
  readonly done: () => void;
}

export class KernelScan {
  readonly #options: KernelScanOptions;
  /** Keys that changes have touched since the running scan's view of the world was formed. */
  #touched = new Set<FibKey>();
  /** The same for every scan that runs or waits. */
  readonly #views = new Set<Set<FibKey>>();
  readonly #watching = new WeakMap<object, Set<FibKey>>();
  #last: Promise<unknown> = Promise.resolve();
  #pendingVerify: Promise<readonly FibDrift[]> | undefined;
  /** Ruleset generation at which our table was found whole, less our own transactions; undefined: look. */
  #wholeAt: number | undefined;
  #synced = false;
  #closed = false;
  /** Failures last told. */
  #told = '[]';
  readonly #inChunks = chunked(() => this.#closed);

  constructor(options: KernelScanOptions) {
    this.#options = options;
  }

  /**
   * Tells scans, and large changes under way, that these objects and keys are decided by a change: what they were told or
   * have read before is older. `but`: the view of the change itself.
   */
  touch(puts: readonly FibObject[], removals: readonly FibRemoval[], but?: Watch['isTouched']): void {
    if (this.#views.size === 0) return;
    for (const view of this.#views) {
      if (view === this.#watching.get(but as object)) continue;
      for (const object of puts) view.add(fibKey(object));
      for (const removal of removals) view.add(removalKey(removal));
    }
  }

  /** Whether anybody else is to be told. `but`: as `touch` has it. */
  isWatched(but: Watch['isTouched']): boolean {
    return this.#views.size > (this.#views.has(this.#watching.get(but) ?? NOBODY) ? 1 : 0);
  }

  /** What changes touch from now on, for a change that takes its time. */
  watch(): Watch {
    const view = new Set<FibKey>();
    this.#views.add(view);
    const isTouched = (it: FibRemoval | FibObject) =>
      view.size > 0 && view.has(typeof it === 'string' ? it : fibKey(it));
    this.#watching.set(isTouched, view);
    return { isQuiet: () => view.size === 0, isTouched, done: () => void this.#views.delete(view) };
  }

  /** Programs what is missing or different, and only then removes own objects that are not desired. */
  sync(desired: readonly FibObject[], settleNft: SettleNft): Promise<SyncOutcome> {
    return this.#exclusively(async () => {
      const { programmer, nft } = this.#options;
      const outcome = await syncKernel(await this.#readPatiently(), desired, {
        requests: this.#options.kernel.requests,
        programmer,
        nft,
        settleNft,
        isQuiet: () => this.#touched.size === 0,
        isTouched: (key) => this.#touched.has(key),
        isOver: () => this.#closed,
      });
      this.#synced = true;
      return outcome;
    });
  }

  /** Reports and repairs drift. Asked for again while one waits for its turn, it is the same one. */
  verify(): Promise<readonly FibDrift[]> {
    this.#pendingVerify ??= this.#exclusively(() => {
      this.#pendingVerify = undefined;
      return this.#verify();
    });
    return this.#pendingVerify;
  }

  /** Reports drift and leaves it. */
  inspect(): Promise<readonly FibDrift[]> {
    return this.#exclusively(async () => {
      const failures: FibFailure[] = [];
      const { drift } = await compareNetlink(await this.#read(), this.#repairOptions());
      drift.push(...(await verifyNft(this.#nftScan(failures, false))));
      // What was seen and left is for the next scan to see again.
      this.#wholeAt = undefined;
      return drift;
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#last.catch(() => {});
  }

  async #verify(): Promise<readonly FibDrift[]> {
    const { nft, kernel } = this.#options;
    // Whatever was on it is missing then, and found so.
    const device = await kernel.links.ensureSidDevice().catch(unreadable);
    const failures: FibFailure[] = device ? [{ key: 'sid device', code: device.code, text: device.text }] : [];
    const options = this.#repairOptions();
    const drift: FibDrift[] = [];
    const read = await this.#read().catch(unreadable);
    if ('code' in read) failures.push(read);
    else {
      const found = await compareNetlink(read, options);
      failures.push(...(await repairNetlink(found, options)));
      drift.push(...found.drift);
    }
    const generation = kernel.nft?.generation();
    const base = generation === undefined ? undefined : generation - nft.transactions;
    if (base === undefined || base !== this.#wholeAt) {
      drift.push(...(await verifyNft(this.#nftScan(failures, true))));
      const after = kernel.nft?.generation();
      this.#wholeAt = after === undefined ? undefined : after - nft.transactions;
    }
    this.#tell(failures);
    return drift;
  }

  /** What cannot be repaired is said once, and again only when it is something else. */
  #tell(failures: readonly FibFailure[]): void {
    const text = JSON.stringify(failures);
    if (failures.length > 0 && text !== this.#told)
      this.#options.log('warn', 'drift cannot be repaired', {
        failures: failures.slice(0, 10),
        count: failures.length,
      });
    this.#told = text;
  }

  #repairOptions(): RepairOptions {
    const { kernel, context, programmer } = this.#options;
    return {
      requests: kernel.requests,
      context,
      programmer,
      inChunks: this.#inChunks,
      isTouched: (key) => this.#touched.has(key),
      synced: this.#synced,
    };
  }

  #nftScan(failures: FibFailure[], repair: boolean): NftScan {
    const { nft, programmer } = this.#options;
    const isTouched = (key: FibKey) => this.#touched.has(key);
    return { nft, held: programmer.held, isTouched, synced: this.#synced, repair, failures };
  }

  #read(): Promise<KernelReadBack> {
    const { kernel, context, programmer } = this.#options;
    // What a large change sent before this scan began to look is to be seen.
    programmer.flush();
    return readKernel(kernel.requests, context, programmer.held);
  }

  /** The first full set cannot do without: a kernel that others are busy with is asked again. */
  #readPatiently(): Promise<KernelReadBack> {
    let told = false;
    return patiently(
      () => this.#read(),
      ({ code, message }) => {
        if (!told) this.#options.log('warn', 'kernel cannot be read, the full set waits', { code, reason: message });
        told = true;
        return !this.#closed;
      },
    );
  }

  /** Runs after the scans before it. A change made from now on wins over it, even if it has to wait. */
  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const touched = new Set<FibKey>();
    this.#views.add(touched);
    const result = this.#last.then(async () => {
      try {
        if (this.#closed) throw new Error('forwarding plane was closed');
        this.#touched = touched;
        return await work();
      } finally {
        this.#views.delete(touched);
      }
    });
    this.#last = result.catch(() => {});
    return result;
  }
}

/** The table changed faster than it could be read, or the kernel has no room: the next scan tries again. */
export function unreadable(error: unknown): FibFailure {
  if (!(error instanceof CodedError)) throw error;
  return { key: 'read-back', code: error.code, text: error.message };
}
