// SIDs of one flavour in eBPF in front of whoever does them otherwise: loads the program, tells it the SIDs, and attaches it
// to the domain's links while there are any, since every packet pays for every program. All of it ends with this process,
// and then nftables or the kernel do everything again. Refuses to know what the program does.
import type { PacketCounts, SidFlavour } from '../../lib/bpf/sid-flavour.ts';
import { createMap, deleteElement, lookUpElement, updateElement } from '../../lib/bpf/system-call.ts';
import { BpfKernel, BpfLinks } from './bpf-kernel.ts';

/** As many as a map of nftables. */
const MAX_SIDS = 4096;

export interface AcceleratorOptions {
  readonly markMask: number;
  readonly netns?: string | undefined;
  /** Index of an interface; undefined: not there. */
  interfaceIndex(name: string): number | undefined;
}

export class SidAccelerator<S extends { readonly prefix: string }> {
  readonly #flavour: SidFlavour<S>;
  readonly #options: AcceleratorOptions;
  readonly #kernel: BpfKernel;
  readonly #map: number;
  #program: number | undefined;
  #layouts = '';
  readonly #sids = new Map<string, { readonly sid: S; readonly key: Uint8Array }>();
  readonly #links: BpfLinks;
  readonly #devices: Set<string>;

  /**
   * Loads a program and attaches it to those of `devices` that are there, to see whether that can be done. Throws
   * `CodedError` with the errno's name.
   */
  constructor(flavour: SidFlavour<S>, devices: readonly string[], options: AcceleratorOptions) {
    this.#flavour = flavour;
    this.#options = options;
    this.#kernel = new BpfKernel(options.netns);
    this.#links = new BpfLinks(this.#kernel);
    this.#devices = new Set(devices);
    const map = createMap('hash', flavour.keyOctets, flavour.valueOctets, MAX_SIDS);
    this.#map = this.#kernel.call(map, 'cannot make a map');
    try {
      this.#reload([flavour.probe]);
      this.#attachAll();
      this.#links.detach();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Attaches to an interface that has come, or come anew. Others than those given at the start are left alone. */
  attach(device: string): void {
    if (this.#devices.has(device) && this.#sids.size > 0) this.#attachTo(device);
  }

  /** Does for these SIDs, and for no others; those that stay keep their counts. */
  program(sids: readonly S[]): void {
    if (sids.length > 0 && this.#flavour.layouts(sids) !== this.#layouts) this.#reload(sids);
    const wanted = new Map(sids.map((sid) => [sid.prefix, { sid, key: this.#flavour.key(sid) }]));
    for (const [prefix, { sid: old, key }] of this.#sids) {
      const now = wanted.get(prefix);
      if (now && isSame(key, now.key) && isSame(this.#flavour.value(old), this.#flavour.value(now.sid))) continue;
      this.#kernel.call(deleteElement(this.#map, key), `cannot forget ${prefix}`);
      this.#sids.delete(prefix);
    }
    for (const [prefix, one] of wanted) {
      if (this.#sids.has(prefix)) continue;
      this.#kernel.call(updateElement(this.#map, one.key, this.#flavour.value(one.sid)), `cannot take ${prefix}`);
      this.#sids.set(prefix, one);
    }
    if (this.#sids.size === 0) this.#links.detach();
    else this.#attachAll();
  }

  /** What nobody else has counted, by prefix. */
  counts(): Map<string, PacketCounts> {
    const counts = new Map<string, PacketCounts>();
    for (const [prefix, { key }] of this.#sids) {
      const value = new Uint8Array(this.#flavour.valueOctets);
      this.#kernel.call(lookUpElement(this.#map, key, value), `cannot read ${prefix}`);
      counts.set(prefix, this.#flavour.counts(value));
    }
    return counts;
  }

  close(): void {
    this.#links.detach();
    if (this.#program !== undefined) this.#kernel.close(this.#program);
    this.#kernel.close(this.#map);
  }

  /** Between the old program and the new one others do it all. One that cannot be loaded leaves the old one. */
  #reload(sids: readonly S[]): void {
    const program = this.#kernel.load(this.#flavour.program(sids, this.#map, this.#options.markMask));
    this.#links.detach();
    if (this.#program !== undefined) this.#kernel.close(this.#program);
    this.#program = program;
    this.#layouts = this.#flavour.layouts(sids);
  }

  #attachAll(): void {
    for (const device of this.#devices) this.#attachTo(device);
  }

  #attachTo(device: string): void {
    const index = this.#options.interfaceIndex(device);
    if (index !== undefined) this.#links.attach(device, index, { ingress: this.#program! });
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
