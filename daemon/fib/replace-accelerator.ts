// REPLACE-CSID in eBPF in front of nftables: loads the program, tells it the SIDs, and attaches it to the domain's links. All
// of it ends with this process, and then nftables does everything again. Refuses to know what the program does.

import {
  KEY_OCTETS,
  replaceProgram,
  sidCounts,
  sidKey,
  sidValue,
  VALUE_OCTETS,
} from '../../lib/bpf/replace-program.ts';
import { createMap, deleteElement, lookUpElement, updateElement } from '../../lib/bpf/system-call.ts';
import type { ReplaceSid } from '../../lib/fib/fib.ts';
import { layoutName, layoutOf, type ReplaceLayout } from '../../lib/fib/replace-csid-names.ts';
import { BpfKernel, BpfLinks } from './bpf-kernel.ts';

/** As many as a map of nftables. */
const MAX_SIDS = 4096;
const PROBE_LAYOUT: ReplaceLayout = { blockBits: 48, csidBits: 32 };

export interface AcceleratorOptions {
  readonly markMask: number;
  readonly netns?: string | undefined;
  /** Index of an interface; undefined: not there. */
  interfaceIndex(name: string): number | undefined;
}

export class ReplaceAccelerator {
  readonly #options: AcceleratorOptions;
  readonly #kernel: BpfKernel;
  readonly #map: number;
  #program: number | undefined;
  #layouts = layoutName(PROBE_LAYOUT);
  readonly #sids = new Map<string, ReplaceSid>();
  readonly #links: BpfLinks;
  readonly #devices: Set<string>;

  /** Loads the program and attaches it to those of `devices` that are there. Throws `CodedError` with the errno's name. */
  constructor(devices: readonly string[], options: AcceleratorOptions) {
    this.#options = options;
    this.#kernel = new BpfKernel(options.netns);
    this.#links = new BpfLinks(this.#kernel);
    this.#devices = new Set(devices);
    this.#map = this.#kernel.call(createMap('hash', KEY_OCTETS, VALUE_OCTETS, MAX_SIDS), 'cannot make a map');
    try {
      this.#program = this.#load([PROBE_LAYOUT]);
      for (const device of this.#devices) this.attach(device);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Attaches to an interface that has come, or come anew. Others than those given at the start are left alone. */
  attach(device: string): void {
    const index = this.#options.interfaceIndex(device);
    if (!this.#devices.has(device) || index === undefined) return;
    this.#links.attach(device, index, { ingress: this.#program! });
  }

  /** Does for these SIDs, and for no others; those that stay keep their counts. */
  program(sids: readonly ReplaceSid[]): void {
    const layouts = new Map(sids.map(layoutOf).map((layout) => [layoutName(layout), layout]));
    const names = [...layouts.keys()].sort().join(' ');
    if (layouts.size > 0 && names !== this.#layouts) this.#reload([...layouts.values()], names);
    const wanted = new Map(sids.map((sid) => [sid.prefix, sid]));
    for (const [prefix, old] of this.#sids) {
      const now = wanted.get(prefix);
      if (now?.mark === old.mark && now?.csidBits === old.csidBits) continue;
      this.#kernel.call(deleteElement(this.#map, sidKey(old)), `cannot forget ${prefix}`);
      this.#sids.delete(prefix);
    }
    for (const [prefix, sid] of wanted) {
      if (this.#sids.has(prefix)) continue;
      this.#kernel.call(updateElement(this.#map, sidKey(sid), sidValue(sid.mark)), `cannot take ${prefix}`);
      this.#sids.set(prefix, sid);
    }
  }

  /** What never came to nftables, by prefix. */
  counts(): Map<string, { readonly packets: number; readonly bytes: number }> {
    const counts = new Map<string, { readonly packets: number; readonly bytes: number }>();
    for (const [prefix, sid] of this.#sids) {
      const value = new Uint8Array(VALUE_OCTETS);
      this.#kernel.call(lookUpElement(this.#map, sidKey(sid), value), `cannot read ${prefix}`);
      counts.set(prefix, sidCounts(value));
    }
    return counts;
  }

  close(): void {
    this.#links.detach();
    if (this.#program !== undefined) this.#kernel.close(this.#program);
    this.#kernel.close(this.#map);
  }

  /** Between the old program and the new one nftables does it all. One that cannot be loaded leaves the old one. */
  #reload(layouts: readonly ReplaceLayout[], names: string): void {
    const program = this.#load(layouts);
    this.#links.detach();
    this.#kernel.close(this.#program!);
    this.#program = program;
    this.#layouts = names;
    for (const device of this.#devices) this.attach(device);
  }

  #load(layouts: readonly ReplaceLayout[]): number {
    return this.#kernel.load(replaceProgram(layouts, this.#map, this.#options.markMask));
  }
}
