// A table of nftables that one object fills alone (border, MTU): holds what the kernel is believed to have, and brings the
// newest wish in, one transaction at a time. Decides when the table can still be trusted: after each transaction it is
// listed, and any later difference to that listing is somebody else's.
import { sameObject } from '../../lib/fib/equality.ts';
import type { FibFailure, FibKey, FibObject } from '../../lib/fib/fib.ts';
import { renderStandInRemoval } from '../../lib/fib/nft-stand-in.ts';
import { readTable, renderTableRemoval, type TableReadBack, type WholeTable } from '../../lib/fib/nft-table.ts';
import { runNft } from './nft-process.ts';
import { makeAnew } from './nft-stand-in.ts';
import { listTable } from './nft-table-listing.ts';

export interface TablePlaneOptions {
  readonly netns?: string | undefined;
  /** The nft program. */
  readonly nft?: string | undefined;
}

export interface TableTruth<T> {
  readonly object: T | undefined;
  /** Whether the table is as this process left it; `unknown`: another process did, or a listing failed. */
  readonly state: 'whole' | 'changed' | 'unknown';
}

export class TablePlane<T extends FibObject> {
  readonly #table: WholeTable<T>;
  readonly #options: TablePlaneOptions;
  /** What the kernel holds. */
  #held: T | undefined;
  /** There is a table, whatever it says: one that is being made anew, and not to the end, says nothing. */
  #isThere = false;
  /** The table's text as our last transaction left it; undefined: not known, so the next one makes all anew. */
  #baseline: string | undefined;
  /** What has not been told yet; merged, the newest wins. */
  #next: { wish: T | undefined; readonly done: Promise<string> } | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #unavailable = 'not started';
  /** Own transactions that took effect: those that change the table, and those that wake it. */
  #changes = 0;
  #wakings = 0;

  constructor(table: WholeTable<T>, options: TablePlaneOptions) {
    this.#table = table;
    this.#options = options;
  }

  get key(): FibKey {
    return this.#table.key;
  }

  /** Each moves the kernel's ruleset generation by one. */
  get transactions(): number {
    return this.#changes + this.#wakings;
  }

  get busy(): boolean {
    return this.#waiting > 0;
  }

  /** False: there is a table that this process has not made. */
  get isKnown(): boolean {
    return !this.#isThere || this.#baseline !== undefined;
  }

  /** Tries the rules of `sample` in a table that exists inside one transaction only. Empty: all is well. */
  async probe(sample: T): Promise<string> {
    const { name } = this.#table;
    const commands = [...this.#table.render(undefined, sample), ...renderTableRemoval(this.#table)];
    this.#unavailable = await this.#transact(commands.map((command) => command.replace(name, `${name}_probe`)));
    return this.#unavailable;
  }

  /** Brings the table to the wished state (undefined: gone); resolves when the kernel has taken it, or refused. */
  async change(wish: T | undefined): Promise<FibFailure[]> {
    if (this.#unavailable) return wish ? [{ key: this.key, code: 'nft', text: this.#unavailable }] : [];
    this.#next ??= this.#enqueue();
    this.#next.wish = wish;
    const refusal = await this.#next.done;
    return refusal === '' ? [] : [{ key: this.key, code: 'nft', text: refusal }];
  }

  inForce(): T | undefined {
    return this.#held;
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.busy) await this.#last;
  }

  /** Reads the table and takes what it says for true. Undefined when nft is unavailable or cannot tell. */
  async readBack(): Promise<TableTruth<T> | undefined> {
    if (this.#unavailable) return undefined;
    const before = this.#changes;
    const read = await this.#list();
    if (read === undefined) return undefined;
    // A change that came in between is newer than what was read.
    if (this.busy || before !== this.#changes) return { object: this.#held, state: 'whole' };
    this.#isThere = read !== 'absent';
    if (read === 'absent') {
      this.#held = undefined;
      this.#baseline = undefined;
      return { object: undefined, state: 'whole' };
    }
    const state = read.text === this.#baseline ? 'whole' : this.#baseline === undefined ? 'unknown' : 'changed';
    if (state !== 'whole') {
      this.#baseline = undefined;
      this.#held = this.#table.read(read);
    }
    return { object: this.#held, state };
  }

  /** The table as it stands; undefined: there is none of ours. */
  async look(): Promise<TableReadBack | undefined> {
    if (this.#unavailable || this.#held === undefined) return undefined;
    const read = await this.#list();
    return read === 'absent' ? undefined : read;
  }

  /** Makes the table anew from `wish`, whatever is there. */
  repair(wish: T | undefined): Promise<FibFailure[]> {
    this.#baseline = undefined;
    return this.change(wish);
  }

  /** Removes our table. */
  async removeAll(): Promise<void> {
    if (this.#unavailable) return;
    await this.idle();
    if (this.#isThere) await this.#transact(this.#removal());
    this.#held = undefined;
    this.#isThere = false;
  }

  async close(): Promise<void> {
    await this.idle();
    this.#unavailable = 'closed';
  }

  #enqueue() {
    this.#waiting++;
    const done = this.#last.then(async () => {
      const wish = this.#next?.wish;
      this.#next = undefined;
      const refusal = await this.#perform(wish);
      // Whoever awaits this may ask for the next change: it must find the plane at rest.
      this.#waiting--;
      return refusal;
    });
    this.#last = done;
    return { wish: undefined as T | undefined, done };
  }

  async #perform(wish: T | undefined): Promise<string> {
    if (!wish) {
      const refusal = await this.#transact(this.#removal());
      if (refusal !== '') return refusal;
      this.#held = this.#baseline = undefined;
      this.#isThere = false;
      return '';
    }
    const known = this.#baseline === undefined ? undefined : this.#held;
    if (known && sameObject(known, wish)) return '';
    if (known && (await this.#bring(this.#table.render(known, wish))) === '') return this.#took(wish);
    // Changed behind our back, or never ours to know: from the ground up, at the price of its counters.
    const refusal = await this.#bring(this.#table.render(undefined, wish));
    if (refusal === '') return this.#took(wish);
    this.#baseline = undefined;
    return refusal;
  }

  #bring(commands: readonly string[]): Promise<string> {
    const spec = `${this.#table.family} ${this.#table.name}`;
    if (!commands.includes(`delete table ${spec}`)) return this.#transact(commands);
    if (this.#held) return makeAnew(spec, commands, (step) => this.#transact(step));
    return this.#transact([...renderStandInRemoval(spec), ...commands]);
  }

  #removal(): string[] {
    const { family, name } = this.#table;
    return [...renderTableRemoval(this.#table), ...renderStandInRemoval(`${family} ${name}`)];
  }

  async #took(wish: T): Promise<string> {
    this.#held = wish;
    this.#isThere = true;
    const read = await this.#list();
    const seen = typeof read === 'object' ? this.#table.read(read) : undefined;
    this.#baseline = seen && sameObject(seen, wish) && typeof read === 'object' ? read.text : undefined;
    return '';
  }

  /** Somebody changed the table, whatever it looks like now. */
  #startled(): void {
    this.#wakings++;
    this.#baseline = '';
  }

  async #list(): Promise<TableReadBack | 'absent' | undefined> {
    const { netns, nft: program } = this.#options;
    const { family, name } = this.#table;
    const listed = await listTable(family, name, { netns, program });
    if (listed === undefined || listed === 'absent') return listed;
    if (listed.woken) this.#startled();
    try {
      return readTable(listed.output);
    } catch {
      return undefined;
    }
  }

  /** Empty when the kernel has taken it, nft's words otherwise. */
  async #transact(commands: readonly string[]): Promise<string> {
    const { netns, nft: program } = this.#options;
    const outcome = await runNft(['-f', '-'], { netns, program, input: `${commands.join('\n')}\n` });
    if (outcome.ok) this.#changes++;
    return outcome.ok ? '' : outcome.text || 'nft failed';
  }
}
