// The nftables half of the forwarding plane: holds what each service's chains are believed to be, brings changes in by
// one transaction at a time, and merges what arrives meanwhile, so that a backlog never grows beyond one entry a service.
// Rules go through the nft program; where only weights change, elements go to the kernel directly, in a tenth of the time.
import { leavesTrace } from '../../lib/fib/affinity-classes.ts';
import { AFFINITY_TABLE } from '../../lib/fib/affinity-names.ts';
import { type AffinityReadBack, readAffinity } from '../../lib/fib/affinity-readback.ts';
import {
  AFFINITY_SET_SIZE,
  renderAffinityChange,
  renderAffinityProbe,
  renderTableRemoval,
} from '../../lib/fib/affinity-rules.ts';
import { splitChange } from '../../lib/fib/affinity-split.ts';
import { differInWeightsOnly, sameStructure } from '../../lib/fib/affinity-text.ts';
import { sameObject } from '../../lib/fib/equality.ts';
import { type AffinityService, type ClassCounter, type FibFailure, fibKey } from '../../lib/fib/fib.ts';
import { Accelerator } from './accelerated.ts';
import { type Batch, merge, newBatch, type Wish } from './affinity-batch.ts';
import { countByListing, listCounters, spreadsAs } from './affinity-counts.ts';
import type { FlowAccelerator } from './flow-accelerator.ts';
import { reasonOf } from './links.ts';
import { NftElements } from './nft-elements.ts';
import { NftProcess, runNft } from './nft-process.ts';
import { listTable } from './nft-table-listing.ts';

export interface AffinityPlaneOptions {
  readonly markMask: number;
  readonly netns?: string | undefined;
  /** The nft program. */
  readonly nft?: string | undefined;
  /** From now on nftables does all by itself. */
  readonly onAcceleratorLost?: ((error: unknown) => void) | undefined;
}

export class AffinityPlane {
  readonly #nft: NftProcess;
  readonly #options: AffinityPlaneOptions;
  readonly #accelerator: Accelerator<FlowAccelerator>;
  #elements: NftElements | undefined;
  /** What the kernel holds, by service address. */
  readonly #held = new Map<string, AffinityService>();
  /** Services of which `#held` may be wrong: rendered in full the next time. */
  readonly #unsure = new Set<string>();
  #running: Batch | undefined;
  #next: Batch | undefined;
  #unavailable = 'not started';
  /** Own transactions that took effect: each moves the kernel's ruleset generation by one. */
  transactions = 0;
  /** Those among them that went through the nft program. */
  programmed = 0;

  constructor(options: AffinityPlaneOptions) {
    this.#options = options;
    this.#nft = new NftProcess({ netns: options.netns, program: options.nft });
    this.#accelerator = new Accelerator(options.onAcceleratorLost);
  }

  /** True while a transaction is under way: what marks point at must not be removed yet. */
  get busy(): boolean {
    return this.#running !== undefined;
  }

  /** Tries our kinds of set, map and rule in a table that exists inside one transaction only. Empty: all is well. */
  async probe(): Promise<string> {
    const outcome = await this.#nft.run(renderAffinityProbe());
    this.#unavailable = outcome.ok ? '' : outcome.text;
    if (outcome.ok) this.#openElements();
    return this.#unavailable;
  }

  /**
   * Brings services to their wished state (`undefined`: gone); resolves when the kernel has taken it, or refused, with
   * a failure per refused service. What a service is wished to be before its turn comes is merged into one change.
   */
  async change(wishes: ReadonlyMap<string, Wish>): Promise<FibFailure[]> {
    if (this.#unavailable) return this.#refuse(wishes);
    this.#next ??= newBatch();
    const batch = this.#next;
    for (const [service, wish] of wishes) batch.wishes.set(service, merge(batch.wishes.get(service), wish));
    if (!this.#running) void this.#work();
    const failures = await batch.done;
    return [...failures.values()].filter(({ key }) => wishes.has(key.slice('affinity '.length)));
  }

  /**
   * Brings in at once, in this very call, what only changes weights. False: nothing was done, `change` has to. Promises
   * would add a turn of the event loop to what takes the kernel microseconds.
   */
  changeNow(wishes: ReadonlyMap<string, Wish>): boolean {
    return this.#unavailable === '' && !this.#running && this.#reweigh(wishes);
  }

  /** Whether `changeNow` would find nothing but new weights, told without texts: false may still be. */
  isReweighed(wish: AffinityService): boolean {
    const held = this.#held.get(wish.service);
    return held !== undefined && this.#unavailable === '' && !this.#running && differInWeightsOnly(held, wish);
  }

  /** The service as the kernel holds it. */
  inForce(service: string): AffinityService | undefined {
    return this.#held.get(service);
  }

  /** Whether the kernel spreads new flows of the service as it was told; undefined: it is being told otherwise. */
  async spreadsAsHeld(service: string): Promise<boolean | undefined> {
    const held = this.#held.get(service);
    if (!held || this.busy) return undefined;
    const isSame = await spreadsAs(held, this.#elements!);
    return this.busy || this.#held.get(service) !== held ? undefined : isSame;
  }

  /** Learned flows per slot, for kernels that do not count (before 6.17). */
  async countByListing(): Promise<Map<number, number>> {
    return this.#unavailable ? new Map() : countByListing(this.#held.values(), this.#options);
  }

  /** What each class has decided. */
  async counters(): Promise<ClassCounter[]> {
    return this.#unavailable ? [] : listCounters([...this.#held.values()], this.#options);
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running.done;
  }

  /**
   * Reads our table and takes what it holds for true; damaged services will be rendered in full. Undefined when nft
   * is unavailable or cannot tell. Lists of nft fetch every learned flow (0.45 s at 40 000): not for hot paths.
   */
  async readBack(): Promise<AffinityReadBack | undefined> {
    if (this.#unavailable) return undefined;
    const { netns, nft: program } = this.#options;
    const table = await listTable('inet', AFFINITY_TABLE, { netns, program, terse: true });
    if (table === undefined) return undefined;
    if (table === 'absent') {
      this.#held.clear();
      this.#tellAccelerator();
      return { services: [], damaged: new Set() };
    }
    // A terse list leaves out the maps' elements too, and nft 1.0.6 lists only one object a command.
    const input = `list map inet ${AFFINITY_TABLE} services6\nlist map inet ${AFFINITY_TABLE} services4\n`;
    const maps = await runNft(['-j', '-i'], { netns, program, input });
    const documents = [table.output, ...maps.output.split('\n')].filter((text) => text.trim() !== '');
    let read: AffinityReadBack;
    try {
      read = readAffinity(documents, await this.#elements!.readShares(), this.#accelerator.isThere);
    } catch {
      return undefined;
    }
    if (table.woken) {
      this.transactions++;
      read = { ...read, damaged: new Set(read.services.map(({ service }) => service)) };
    }
    // A change that came in between is newer than what was read.
    if (this.#running) return read;
    for (const service of this.#held.keys())
      if (!read.services.some((seen) => seen.service === service)) this.#unsure.add(service);
    for (const seen of read.services) {
      const held = this.#held.get(seen.service);
      const damaged = read.damaged.has(seen.service);
      if (damaged || (held && !sameObject(held, seen))) this.#unsure.add(seen.service);
      if (!held) this.#held.set(seen.service, seen);
    }
    this.#tellAccelerator();
    return read;
  }

  /** Removes our table, learned flows included. */
  async removeAll(): Promise<void> {
    if (this.#unavailable) return;
    await this.idle();
    await this.#nft.run(renderTableRemoval());
    this.#held.clear();
    this.#tellAccelerator();
  }

  /** Lets `accelerator` take running flows before nftables from the next change on; it is closed with the plane. */
  accelerate(accelerator: FlowAccelerator): void {
    this.#accelerator.take(accelerator);
  }

  /** An interface has come. */
  linkUsable(): void {
    this.#accelerator.with((accelerator) => accelerator.attach());
  }

  async close(): Promise<void> {
    await this.idle();
    this.#unavailable = 'closed';
    this.#accelerator.close();
    this.#elements?.close();
    await this.#nft.close();
  }

  async #work(): Promise<void> {
    while (this.#next) {
      const batch = this.#next;
      this.#running = batch;
      this.#next = undefined;
      const failures = await this.#perform(batch.wishes);
      // The next change may be asked for by whoever awaits this one: it must find the plane at rest.
      if (!this.#next) this.#running = undefined;
      batch.settle(failures);
    }
  }

  async #perform(wishes: ReadonlyMap<string, Wish>): Promise<Map<string, FibFailure>> {
    const failures = new Map<string, FibFailure>();
    if (this.#reweigh(wishes) || (await this.#run(wishes, false)) === '') return failures;
    // One bad service must not hold up the others, and the table may have been changed behind our back.
    for (const [service, wish] of wishes) {
      const text = await this.#run(new Map([[service, wish]]), true);
      if (text !== '') failures.set(service, { key: `affinity ${service}`, code: 'nft', text });
    }
    return failures;
  }

  #openElements(): void {
    try {
      this.#elements ??= new NftElements(this.#options.netns);
    } catch (error) {
      this.#unavailable = reasonOf(error).text;
    }
  }

  /** Performs at once what only changes weights. False when it does more, or when the kernel does not hold what we believe. */
  #reweigh(wishes: ReadonlyMap<string, Wish>): boolean {
    const changes = [];
    for (const [service, wish] of wishes) {
      const held = this.#held.get(service);
      if (!held || !wish || this.#unsure.has(service) || !sameStructure(held, wish)) return false;
      changes.push(splitChange(held, wish));
    }
    const forgot = this.#forget(wishes);
    const outcome = this.#elements!.change(changes);
    if (outcome === 'refused') {
      for (const service of wishes.keys()) this.#unsure.add(service);
      return false;
    }
    this.#took(wishes, outcome === 'changed');
    if (forgot) this.#tellAccelerator();
    return true;
  }

  /** Empty when the kernel has taken it, nft's words otherwise. */
  async #run(wishes: ReadonlyMap<string, Wish>, rebuild: boolean): Promise<string> {
    const commands: string[] = [];
    for (const [service, wish] of wishes)
      commands.push(
        ...renderAffinityChange(this.#held.get(service), wish, {
          markMask: this.#options.markMask,
          setSize: AFFINITY_SET_SIZE,
          rebuild: rebuild || this.#unsure.has(service),
          accelerated: this.#accelerator.isThere,
        }),
      );
    this.#forget(wishes);
    const outcome = await this.#nft.run(commands);
    if (!outcome.ok) {
      for (const service of wishes.keys()) this.#unsure.add(service);
      return outcome.text;
    }
    if (commands.length > 0) this.programmed++;
    this.#took(wishes, commands.length > 0);
    this.#tellAccelerator();
    return '';
  }

  /** Before flows are forgotten, so that none of them is learned meanwhile. */
  #forget(wishes: ReadonlyMap<string, Wish>): boolean {
    let forgot = false;
    for (const wish of wishes.values()) if (wish && this.#accelerator.with((it) => it.forget(wish))) forgot = true;
    return forgot;
  }

  #tellAccelerator(): void {
    this.#accelerator.with((accelerator) => accelerator.program(this.#held.values()));
  }

  /** The kernel holds the wishes now. */
  #took(wishes: ReadonlyMap<string, Wish>, changed: boolean): void {
    if (changed) this.transactions++;
    for (const [service, wish] of wishes) {
      this.#unsure.delete(service);
      if (wish && leavesTrace(wish)) this.#held.set(service, wish);
      else this.#held.delete(service);
    }
  }

  #refuse(wishes: ReadonlyMap<string, Wish>): FibFailure[] {
    const failures: FibFailure[] = [];
    for (const wish of wishes.values())
      if (wish && leavesTrace(wish)) failures.push({ key: fibKey(wish), code: 'nft', text: this.#unavailable });
    return failures;
  }
}
