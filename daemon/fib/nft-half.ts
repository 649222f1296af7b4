// The nftables half of the forwarding plane: affinity, REPLACE-CSID endpoints, border and MTU, each with its own table and
// its own way to change it. Decides which plane is told what; when is kernel-fib.ts's concern.
import { classesOf, instancesOf } from '../../lib/fib/affinity-classes.ts';
import { borderTable } from '../../lib/fib/border-table.ts';
import {
  type AffinityService,
  type Border,
  type FibCapability,
  type FibFailure,
  type FibKey,
  type FibObject,
  fibKey,
  type ReplaceSid,
  type ServiceMtu,
} from '../../lib/fib/fib.ts';
import { mtuTable } from '../../lib/fib/mtu-table.ts';
import type { FibObjectSet } from '../../lib/fib/object-set.ts';
import { AffinityPlane } from './affinity-plane.ts';
import { isNetlinkKey, isNetlinkObject, type NetlinkObject } from './kernel-codec.ts';
import { ReplacePlane } from './replace-plane.ts';
import { TablePlane } from './table-plane.ts';

type NftObject = Exclude<FibObject, NetlinkObject>;

/** What nftables is to be told; undefined: gone. */
export interface NftWishes {
  /** By service address. */
  readonly affinity: Map<string, AffinityService | undefined>;
  readonly replace: Map<FibKey, ReplaceSid | undefined>;
  readonly tables: Map<FibKey, Border | ServiceMtu | undefined>;
}

/** Shared, so nobody adds to it. */
const NO_WISHES: NftWishes = { affinity: new Map(), replace: new Map(), tables: new Map() };

export class NftHalf {
  readonly affinity: AffinityPlane;
  readonly replace: ReplacePlane;
  readonly border: TablePlane<Border>;
  readonly mtu: TablePlane<ServiceMtu>;
  readonly #markMask: number;

  constructor(options: {
    readonly markMask: number;
    readonly netns?: string | undefined;
    readonly nft?: string | undefined;
    readonly onAcceleratorLost?: ((error: unknown) => void) | undefined;
  }) {
    const { markMask, netns, nft } = options;
    const where = { netns, nft };
    this.#markMask = markMask;
    this.affinity = new AffinityPlane(options);
    this.replace = new ReplacePlane(options);
    this.border = new TablePlane(borderTable, where);
    this.mtu = new TablePlane(mtuTable(markMask), where);
  }

  /** Those that one object fills alone. */
  get tables(): readonly TablePlane<Border | ServiceMtu>[] {
    return [this.border, this.mtu];
  }

  get #planes() {
    return [this.affinity, this.replace, this.mtu, this.border];
  }

  /** True while a transaction is under way: what marks point at must not be removed yet. */
  get busy(): boolean {
    return this.affinity.busy || this.replace.busy || this.mtu.busy || this.border.busy;
  }

  /** Own transactions that took effect: each moves the kernel's ruleset generation by one. */
  get transactions(): number {
    return this.#planes.reduce((sum, plane) => sum + plane.transactions, 0);
  }

  /** Tries what nft and the kernel may refuse; a plane that is refused stays silent. */
  async probe(): Promise<FibCapability[]> {
    const found: FibCapability[] = [];
    const add = (name: string, refusal: string, loss: string) =>
      found.push({ name, available: refusal === '', remark: refusal && `${loss} (${refusal})` });
    add('affinity', await this.affinity.probe(), 'flows are not pinned, every packet follows the main table');
    add('replace-csid', await this.replace.probe(), 'no REPLACE-CSID endpoints here');
    const border = { kind: 'border', inside: ['cfnd-probe'], sidSpace: ['100::/64'] } as const;
    add('border', await this.border.probe(border), 'packets to SIDs from outside the domain are taken');
    const mtu = { kind: 'mtu', services: ['100::1', '192.0.2.1'], mtu: 1280, mark: 1 } as const;
    add('mtu', await this.mtu.probe(mtu), 'the core must carry what encapsulation adds to what clients send');
    return found;
  }

  /** An interface has come. */
  linkUsable(device: string): void {
    this.replace.linkUsable(device);
    this.affinity.linkUsable();
  }

  /** What an earlier life left. */
  async readBack(): Promise<NftObject[]> {
    const found: NftObject[] = [...((await this.affinity.readBack())?.services ?? [])];
    found.push(...((await this.replace.readBack())?.sids ?? []));
    for (const plane of this.tables) {
      const object = (await plane.readBack())?.object;
      if (object) found.push(object);
    }
    return found;
  }

  /** Sorts a change by plane. Objects that nftables cannot be told are added to `failures`; `held` follows at once. */
  wish(held: FibObjectSet, puts: readonly FibObject[], removals: readonly FibKey[], failures: FibFailure[]): NftWishes {
    if (removals.length === 0 && puts.every(isNetlinkObject)) return NO_WISHES;
    const wishes: NftWishes = { affinity: new Map(), replace: new Map(), tables: new Map() };
    for (const key of removals) {
      const old = isNetlinkKey(key) ? undefined : held.remove(key);
      if (old?.kind === 'affinity') wishes.affinity.set(old.service, undefined);
      if (old?.kind === 'replace-csid') wishes.replace.set(key, undefined);
      if (old?.kind === 'border' || old?.kind === 'mtu') wishes.tables.set(key, undefined);
    }
    for (const object of puts) {
      if (isNetlinkObject(object)) continue;
      const refusal = held.refusal(object) ?? maskRefusal(object, this.#markMask);
      if (refusal) {
        failures.push(refusal);
        continue;
      }
      held.put(object);
      if (object.kind === 'affinity') wishes.affinity.set(object.service, object);
      else if (object.kind === 'replace-csid') wishes.replace.set(fibKey(object), object);
      else wishes.tables.set(fibKey(object), object);
    }
    return wishes;
  }

  /** Performs wishes that are mere weights in this very call. False: nothing was done, `settle` has to. */
  settleNow({ affinity, replace, tables }: NftWishes): boolean {
    return replace.size === 0 && tables.size === 0 && !this.busy && this.affinity.changeNow(affinity);
  }

  /**
   * Waits until nftables has taken the wishes, and whatever came before them; what it refused is then `held` as the kernel
   * has it. Every plane hears its own in this very call: a wish that waited for another plane's turn would undo what was
   * wished meanwhile.
   */
  async settle(wishes: NftWishes, held: FibObjectSet): Promise<FibFailure[]> {
    const { affinity, replace, tables } = wishes;
    const outcomes = this.tables.flatMap((plane) =>
      tables.has(plane.key) ? [plane.change(tables.get(plane.key))] : [],
    );
    if (replace.size > 0) outcomes.push(this.replace.change(replace));
    if (affinity.size > 0) outcomes.push(this.affinity.change(affinity));
    const failures = (await Promise.all(outcomes)).flat();
    await this.idle();
    for (const { key } of failures) {
      // Wished otherwise meanwhile: that is the newer change's to settle.
      if (held.get(key) !== wishFor(wishes, key)) continue;
      const inForce = this.inForce(key);
      if (inForce) held.put(inForce);
      else held.remove(key);
    }
    return failures;
  }

  /** The object as the kernel holds it. */
  inForce(key: FibKey): FibObject | undefined {
    const table = this.tables.find((plane) => plane.key === key);
    if (table) return table.inForce();
    return this.replace.inForce(key) ?? this.affinity.inForce(key.slice('affinity '.length));
  }

  /** Resolves when nftables has taken what it was told. */
  async idle(): Promise<void> {
    for (const plane of this.#planes) await plane.idle();
  }

  async removeAll(): Promise<void> {
    for (const plane of this.#planes) await plane.removeAll();
  }

  async close(): Promise<void> {
    for (const plane of this.#planes) await plane.close();
  }
}

export function countWishes(wishes: NftWishes): { total: number; removals: number } {
  if (wishes === NO_WISHES) return { total: 0, removals: 0 };
  const { affinity, replace, tables } = wishes;
  const all = [...affinity.values(), ...replace.values(), ...tables.values()];
  return { total: all.length, removals: all.filter((wish) => wish === undefined).length };
}

/** What is wished for an object; undefined: gone, or nothing is. */
function wishFor({ affinity, replace, tables }: NftWishes, key: FibKey): NftObject | undefined {
  return tables.get(key) ?? replace.get(key) ?? affinity.get(key.slice('affinity '.length));
}

function maskRefusal(object: NftObject, mask: number): FibFailure | undefined {
  if (object.kind === 'border') return undefined;
  const marks = object.kind === 'affinity' ? marksOf(object) : [object.mark ?? 0];
  const foreign = marks.find((mark) => (mark & ~mask) !== 0);
  if (foreign === undefined) return undefined;
  return { key: fibKey(object), code: 'EINVAL', text: `mark ${foreign} has bits that are not ours` };
}

function marksOf(service: AffinityService): number[] {
  return [...instancesOf(service).map(({ mark }) => mark), ...classesOf(service).map(({ mark }) => mark ?? 0)];
}
