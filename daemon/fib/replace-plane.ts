// REPLACE-CSID endpoints in nftables: holds which SIDs the kernel is believed to have, and brings changes in, one
// transaction at a time; what arrives meanwhile is merged into the next. Decides when the table can still be trusted: after
// each transaction it is listed, and any later difference to that listing is somebody else's.
import { type FibFailure, type FibKey, fibKey, type ReplaceSid, type SidCounters } from '../../lib/fib/fib.ts';
import { renderStandInRemoval } from '../../lib/fib/nft-stand-in.ts';
import { REPLACE_TABLE, REPLACE_TABLE_SPEC } from '../../lib/fib/replace-csid-names.ts';
import { type ReplaceReadBack, readReplaceTable, replaceCounters } from '../../lib/fib/replace-csid-readback.ts';
import {
  countReplaceRules,
  haveSameLayouts,
  renderReplaceChange,
  renderReplaceProbe,
  renderReplaceRemoval,
} from '../../lib/fib/replace-csid-rules.ts';
import { Accelerator } from './accelerated.ts';
import { runNft } from './nft-process.ts';
import { makeAnew } from './nft-stand-in.ts';
import { listTable } from './nft-table-listing.ts';
import type { SidAccelerator } from './sid-accelerator.ts';

export interface ReplacePlaneOptions {
  readonly markMask: number;
  readonly netns?: string | undefined;
  /** The nft program. */
  readonly nft?: string | undefined;
  /** From now on nftables does all by itself. */
  readonly onAcceleratorLost?: ((error: unknown) => void) | undefined;
}

/** By FIB key; undefined: gone. */
export type ReplaceWishes = ReadonlyMap<FibKey, ReplaceSid | undefined>;

export interface ReplaceTruth {
  readonly sids: readonly ReplaceSid[];
  /** Whether the rules are as this process left them; `unknown`: another process did, or a listing failed. */
  readonly state: 'whole' | 'changed' | 'unknown';
}

interface Batch {
  readonly wishes: Map<FibKey, ReplaceSid | undefined>;
  readonly done: Promise<string>;
}

export class ReplacePlane {
  readonly #options: ReplacePlaneOptions;
  /** What the kernel holds. */
  #held = new Map<FibKey, ReplaceSid>();
  /** `ruleText` of our table as our last transaction left it; undefined: not known, so the next one makes all anew. */
  #baseline: string | undefined;
  #next: Batch | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  readonly #accelerator: Accelerator<SidAccelerator<ReplaceSid>>;
  #unavailable = 'not started';
  /** Own transactions that took effect: those that change the table, and those that wake it. */
  #changes = 0;
  #wakings = 0;

  constructor(options: ReplacePlaneOptions) {
    this.#options = options;
    this.#accelerator = new Accelerator(options.onAcceleratorLost);
  }

  /** Each moves the kernel's ruleset generation by one. */
  get transactions(): number {
    return this.#changes + this.#wakings;
  }

  /** True while a transaction is under way: what marks point at must not be removed yet. */
  get busy(): boolean {
    return this.#waiting > 0;
  }

  /** False: there are SIDs behind rules that this process has not made. */
  get isKnown(): boolean {
    return this.#held.size === 0 || this.#baseline !== undefined;
  }

  /** Tries the rules in a table that exists inside one transaction only. Empty: all is well. */
  async probe(): Promise<string> {
    this.#unavailable = await this.#transact(renderReplaceProbe());
    return this.#unavailable;
  }

  /** Brings SIDs to their wished state; resolves when the kernel has taken all of it, or refused all of it. */
  async change(wishes: ReplaceWishes): Promise<FibFailure[]> {
    if (this.#unavailable) return refuse(wishes, this.#unavailable);
    this.#next ??= this.#enqueue();
    const { done, wishes: merged } = this.#next;
    for (const [key, wish] of wishes) merged.set(key, wish);
    const refusal = await done;
    return refusal === '' ? [] : [...wishes.keys()].map((key) => ({ key, code: 'nft', text: refusal }));
  }

  /** The SID as the kernel holds it. */
  inForce(key: FibKey): ReplaceSid | undefined {
    return this.#held.get(key);
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.busy) await this.#last;
  }

  /** Reads our table and takes the SIDs that it holds for true. Undefined when nft is unavailable or cannot tell. */
  async readBack(): Promise<ReplaceTruth | undefined> {
    if (this.#unavailable) return undefined;
    const before = this.#changes;
    const read = await this.#list();
    if (read === undefined) return undefined;
    // A change that came in between is newer than what was read.
    if (this.busy || before !== this.#changes) return { sids: [...this.#held.values()], state: 'whole' };
    const whole = read === 'absent' ? this.#held.size === 0 : read.ruleText === this.#baseline;
    const state = whole ? 'whole' : this.#baseline === undefined ? 'unknown' : 'changed';
    const sids = read === 'absent' ? [] : read.sids;
    if (!whole) this.#baseline = undefined;
    this.#held = new Map(sids.map((sid) => [fibKey(sid), sid]));
    this.#tellAccelerator();
    return { sids, state };
  }

  /** Makes the table anew from what is held: for one that is not whole. */
  repair(): Promise<FibFailure[]> {
    this.#baseline = undefined;
    return this.change(new Map(this.#held));
  }

  /** Counters since the table was last made anew; SIDs that are dropped with a reason count as errors. */
  async counters(): Promise<SidCounters[]> {
    if (this.#unavailable || this.#held.size === 0) return [];
    const read = await this.#list();
    if (read === undefined || read === 'absent') return [];
    const faster = this.#accelerator.with((it) => it.counts());
    return replaceCounters(this.#held.values(), read).map((it) => {
      const { packets = 0, bytes = 0 } = faster?.get(it.prefix) ?? {};
      return { ...it, packets: it.packets + packets, bytes: it.bytes + bytes };
    });
  }

  /** Removes our table. */
  async removeAll(): Promise<void> {
    if (this.#unavailable) return;
    await this.idle();
    if (this.#held.size > 0) await this.#transact(renderReplaceRemoval());
    this.#held.clear();
  }

  async close(): Promise<void> {
    await this.idle();
    this.#unavailable = 'closed';
    this.#accelerator.close();
  }

  /** Lets `accelerator` take packets before nftables from now on; it is closed with the plane. */
  accelerate(accelerator: SidAccelerator<ReplaceSid>): void {
    this.#accelerator.take(accelerator);
    this.#tellAccelerator();
  }

  /** An interface has come. */
  linkUsable(device: string): void {
    this.#accelerator.with((accelerator) => accelerator.attach(device));
  }

  #tellAccelerator(): void {
    this.#accelerator.with((accelerator) => accelerator.program([...this.#held.values()]));
  }

  #enqueue(): Batch {
    const wishes = new Map<FibKey, ReplaceSid | undefined>();
    this.#waiting++;
    const done = this.#last.then(async () => {
      this.#next = undefined;
      const refusal = await this.#perform(wishes);
      // Whoever awaits this may ask for the next change: it must find the plane at rest.
      this.#waiting--;
      return refusal;
    });
    this.#last = done;
    return { wishes, done };
  }

  async #perform(wishes: ReplaceWishes): Promise<string> {
    const wanted = new Map(this.#held);
    for (const [key, wish] of wishes) {
      if (wish) wanted.set(key, wish);
      else wanted.delete(key);
    }
    if (wanted.size === 0 && this.#held.size === 0 && this.#baseline === undefined) {
      return (await this.#list()) === 'absent' ? '' : this.#replace(wanted, true);
    }
    if (this.#baseline !== undefined && (await this.#replace(wanted, false)) === '') return '';
    // The table was changed behind our back, or never ours to know: from the ground up, at the price of its counters.
    return this.#replace(wanted, true);
  }

  async #replace(wanted: Map<FibKey, ReplaceSid>, anew: boolean): Promise<string> {
    const { markMask } = this.#options;
    const held = [...this.#held.values()];
    const sids = [...wanted.values()];
    const known = anew || !haveSameLayouts(held, sids) ? undefined : held;
    const commands = renderReplaceChange(known, sids, { markMask });
    const isUnderTraffic = known === undefined && held.length > 0 && sids.length > 0;
    const leftBehind = known === undefined && sids.length > 0 ? renderStandInRemoval(REPLACE_TABLE_SPEC) : [];
    const refusal = await (isUnderTraffic
      ? makeAnew(REPLACE_TABLE_SPEC, commands, (step) => this.#transact(step))
      : this.#transact([...leftBehind, ...commands]));
    if (refusal !== '') {
      this.#baseline = undefined;
      return refusal;
    }
    this.#held = wanted;
    this.#tellAccelerator();
    const read = sids.length === 0 ? undefined : await this.#list();
    const isOurs =
      typeof read === 'object' &&
      read.sids.length === sids.length &&
      read.rules === countReplaceRules(sids, { markMask });
    this.#baseline = isOurs ? read.ruleText : undefined;
    return '';
  }

  async #list(): Promise<ReplaceReadBack | 'absent' | undefined> {
    const { netns, nft: program } = this.#options;
    const listed = await listTable('ip6', REPLACE_TABLE, { netns, program });
    if (listed === undefined || listed === 'absent') return listed;
    if (listed.woken) this.#startled();
    try {
      return readReplaceTable(listed.output);
    } catch {
      return undefined;
    }
  }

  /** Somebody changed the table, whatever it looks like now. */
  #startled(): void {
    this.#wakings++;
    this.#baseline = '';
  }

  /** Empty when the kernel has taken it, nft's words otherwise. */
  async #transact(commands: readonly string[]): Promise<string> {
    const { netns, nft: program } = this.#options;
    const outcome = await runNft(['-f', '-'], { netns, program, input: `${commands.join('\n')}\n` });
    if (outcome.ok) this.#changes++;
    return outcome.ok ? '' : outcome.text || 'nft failed';
  }
}

function refuse(wishes: ReplaceWishes, text: string): FibFailure[] {
  return [...wishes].flatMap(([key, wish]) => (wish ? [{ key, code: 'nft', text }] : []));
}
