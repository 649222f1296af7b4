// Looking at the kernel as it is: the full sync after a start, and the periodic verify. Both read, compare and program
// while changes go on: what a change touches in the meantime is left to the change. One scan at a time.
import { CodedError } from '../../lib/errors.ts';
import { mapInstances } from '../../lib/fib/affinity-classes.ts';
import { byKeySteps, diffSteps, driftOf } from '../../lib/fib/diff.ts';
import { sameObject } from '../../lib/fib/equality.ts';
import {
  type AffinityService,
  type Border,
  type FibDrift,
  type FibFailure,
  type FibKey,
  type FibObject,
  fibKey,
  type ServiceMtu,
} from '../../lib/fib/fib.ts';
import { kindOfKey, orderPuts, orderRemovals } from '../../lib/fib/order.ts';
import { chunked, gently } from './gently.ts';
import { isNetlinkKey, isNetlinkObject, type KernelContext } from './kernel-codec.ts';
import type { KernelProgrammer } from './kernel-programmer.ts';
import { type KernelReadBack, type ReadContext, readKernel } from './kernel-readback.ts';
import { compareNetlink, type RepairOptions, repairNetlink } from './kernel-repair.ts';
import type { KernelFibOptions, KernelHandles } from './kernel-start.ts';
import type { NftHalf } from './nft-half.ts';
import type { TablePlane } from './table-plane.ts';

export interface KernelScanOptions {
  readonly kernel: KernelHandles;
  readonly context: ReadContext & KernelContext;
  readonly programmer: KernelProgrammer;
  readonly nft: NftHalf;
  readonly log: KernelFibOptions['log'];
}

export interface SyncOutcome {
  readonly failures: FibFailure[];
  readonly put: number;
  readonly removed: number;
}

/** Puts what nftables holds among `puts` and removes it among `removals`; failures are added. */
export type SettleNft = (
  puts: readonly FibObject[],
  removals: readonly FibKey[],
  failures: FibFailure[],
) => Promise<void>;

export interface Watch {
  readonly isTouched: (it: FibKey | FibObject) => boolean;
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
  touch(puts: readonly FibObject[], removals: readonly FibKey[], but?: Watch['isTouched']): void {
    for (const view of this.#views) {
      if (view === this.#watching.get(but as object)) continue;
      for (const object of puts) view.add(fibKey(object));
      for (const key of removals) view.add(key);
    }
  }

  /** What changes touch from now on, for a change that takes its time. */
  watch(): Watch {
    const view = new Set<FibKey>();
    this.#views.add(view);
    const isTouched = (it: FibKey | FibObject) => view.size > 0 && view.has(typeof it === 'string' ? it : fibKey(it));
    this.#watching.set(isTouched, view);
    return { isTouched, done: () => void this.#views.delete(view) };
  }

  /** Programs what is missing or different, and only then removes own objects that are not desired. */
  sync(desired: readonly FibObject[], settleNft: SettleNft): Promise<SyncOutcome> {
    return this.#exclusively(async () => {
      const { programmer, nft } = this.#options;
      const read = await this.#read();
      await this.#adopt(read);
      const { put, remove } = await gently(diffSteps([...programmer.held.values()], desired));
      const failures: FibFailure[] = [];
      const puts = orderPuts(put).filter(isNetlinkObject);
      await this.#inChunks(puts, (chunk) => {
        failures.push(...programmer.put(chunk.filter((object) => !this.#touched.has(fibKey(object)))));
      });
      const untouched = (key: FibKey) => !this.#touched.has(key);
      const told = put.filter((object) => !isNetlinkObject(object) && untouched(fibKey(object)));
      await settleNft(told, remove.filter(untouched), failures);
      let removed = remove.filter((key) => !isNetlinkKey(key)).length;
      const stale = orderRemovals(remove.filter(isNetlinkKey));
      await this.#inChunks(stale, (chunk) => {
        const result = programmer.remove(chunk.filter(untouched));
        failures.push(...result.failures);
        removed += result.removed;
      });
      removed += this.#removeStrays(read);
      if (!nft.replace.isKnown) failures.push(...(await nft.replace.repair()));
      for (const plane of nft.tables) {
        if (!plane.isKnown && untouched(plane.key)) failures.push(...(await plane.repair(plane.inForce())));
      }
      this.#synced = true;
      const failed = new Set(failures.map((failure) => failure.key));
      return { failures, put: put.filter((object) => !failed.has(fibKey(object))).length, removed };
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
      drift.push(...(await this.#verifyNft(failures, false)));
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
    const device = await kernel.links.ensureSidDevice();
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
      drift.push(...(await this.#verifyNft(failures, true)));
      const after = kernel.nft?.generation();
      this.#wholeAt = after === undefined ? undefined : after - nft.transactions;
    }
    this.#tell(failures);
    return drift;
  }

  async #verifyNft(failures: FibFailure[], repair: boolean): Promise<FibDrift[]> {
    const drift = [...(await this.#verifyAffinity(failures, repair)), ...(await this.#verifyReplace(failures, repair))];
    for (const plane of this.#options.nft.tables) drift.push(...(await this.#verifyTable(plane, failures, repair)));
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

  async #verifyAffinity(failures: FibFailure[], repair: boolean): Promise<FibDrift[]> {
    const { programmer, nft } = this.#options;
    const read = await nft.affinity.readBack();
    if (!read) return [];
    const isService = (object: FibObject) => object.kind === 'affinity' && !this.#touched.has(fibKey(object));
    const held = [...programmer.held.values()].filter(isService);
    const drift = driftOf(held, read.services.filter(isService));
    for (const service of read.damaged) {
      const key = `affinity ${service}`;
      if (programmer.held.has(key) && !drift.some((known) => known.key === key)) drift.push({ key, what: 'different' });
    }
    const wishes = new Map(
      drift.map(({ key, what }) => {
        const object = what === 'stale' ? undefined : programmer.held.get(key);
        return [key.slice('affinity '.length), object?.kind === 'affinity' ? forgettingNothing(object) : undefined];
      }),
    );
    if (!this.#synced) for (const { key, what } of drift) if (what === 'stale') wishes.delete(key.slice(9));
    if (wishes.size > 0 && repair) failures.push(...(await nft.affinity.change(wishes)));
    return drift.filter(({ what }) => this.#synced || what !== 'stale');
  }

  async #verifyReplace(failures: FibFailure[], repair: boolean): Promise<FibDrift[]> {
    const { programmer, nft } = this.#options;
    const read = await nft.replace.readBack();
    if (!read) return [];
    const isOurs = (object: FibObject) => object.kind === 'replace-csid' && !this.#touched.has(fibKey(object));
    const held = [...programmer.held.values()].filter(isOurs);
    const drift = driftOf(held, read.sids.filter(isOurs)).filter(({ what }) => this.#synced || what !== 'stale');
    // The walk is common to all SIDs: with it each of them is different.
    if (drift.length === 0 && read.state === 'changed')
      drift.push(...held.map((object) => ({ key: fibKey(object), what: 'different' }) as const));
    const wishes = new Map(
      drift.map(({ key, what }) => {
        const object = what === 'stale' ? undefined : programmer.held.get(key);
        return [key, object?.kind === 'replace-csid' ? object : undefined];
      }),
    );
    if (read.state !== 'whole' && wishes.size === 0 && repair) failures.push(...(await nft.replace.repair()));
    if (wishes.size > 0 && repair) failures.push(...(await nft.replace.change(wishes)));
    return drift;
  }

  async #verifyTable(
    plane: TablePlane<Border | ServiceMtu>,
    failures: FibFailure[],
    repair: boolean,
  ): Promise<FibDrift[]> {
    const { key } = plane;
    const read = await plane.readBack();
    if (!read || this.#touched.has(key)) return [];
    const held = this.#options.programmer.held.get(key);
    const wanted = held?.kind === 'border' || held?.kind === 'mtu' ? held : undefined;
    const drift = driftOf(wanted ? [wanted] : [], read.object ? [read.object] : []);
    if (drift.length === 0 && wanted && read.state === 'changed') drift.push({ key, what: 'different' });
    // What an earlier life left goes with the first full set, not before.
    if (!wanted && !this.#synced) return [];
    if (repair && (drift.length > 0 || read.state !== 'whole')) failures.push(...(await plane.repair(wanted)));
    return drift;
  }

  #removeStrays({ strays }: KernelReadBack): number {
    const { requests } = this.#options.kernel;
    const outcomes = requests.batch(strays.map((stray) => stray.remove));
    return outcomes.filter((outcome) => outcome === null).length;
  }

  #read(): Promise<KernelReadBack> {
    return readKernel(this.#options.kernel.requests, this.#options.context);
  }

  /** Takes what was read for what is in force, except where a change has been faster. */
  async #adopt({ objects }: KernelReadBack): Promise<void> {
    const { programmer, nft } = this.#options;
    const { held } = programmer;
    const pinned = await nft.affinity.readBack();
    const replaced = await nft.replace.readBack();
    const tables = await Promise.all(nft.tables.map((plane) => plane.readBack()));
    const unread = new Set(nft.tables.filter((_, i) => !tables[i]).map((plane) => plane.key));
    const whole = tables.flatMap((truth) => (truth?.object ? [truth.object] : []));
    const services = pinned?.services.filter((service) => !pinned.damaged.has(service.service)) ?? [];
    const seen = await gently(byKeySteps([...objects, ...services, ...(replaced?.sids ?? []), ...whole]));
    for (const key of [...held.keys()]) {
      const kind = kindOfKey(key);
      const unknown = (kind === 'affinity' && !pinned) || (kind === 'replace-csid' && !replaced) || unread.has(key);
      if (!seen.has(key) && !unknown && !this.#touched.has(key)) held.remove(key);
    }
    await this.#inChunks([...seen], (chunk) => {
      for (const [key, object] of chunk) {
        const old = held.get(key);
        if (!this.#touched.has(key) && !(old && sameObject(old, object))) held.put(object);
      }
    });
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
function unreadable(error: unknown): FibFailure {
  if (!(error instanceof CodedError)) throw error;
  return { key: 'read-back', code: error.code, text: error.message };
}

/** A repair is no reason to forget flows a second time. */
function forgettingNothing(service: AffinityService): AffinityService {
  return mapInstances(service, (instance) => ({ ...instance, failed: false }));
}
