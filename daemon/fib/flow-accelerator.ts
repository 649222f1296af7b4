// Affinity `flow` in eBPF in front of nftables: loads the two programs, tells them which marks lead where, and attaches them
// to every Ethernet interface, since clients may come in by any. Nftables' sets remain what is true: all of this ends with
// this process, and then nftables does everything again. Refuses to know what the programs do.
import { FLOW_KEY_OCTETS, FLOW_VALUE_OCTETS, learnProgram, markProgram } from '../../lib/bpf/flow-program.ts';
import {
  type FlowSlot,
  failedPlaces,
  flowSlots,
  type MarkPlaces,
  markPlaces,
  SLOT_OCTETS,
  slotValue,
} from '../../lib/bpf/flow-slots.ts';
import { createMap, updateElement } from '../../lib/bpf/system-call.ts';
import type { AffinityService } from '../../lib/fib/fib.ts';
import { BpfKernel, BpfLinks } from './bpf-kernel.ts';

/** The least recently seen go first; 15 MB. */
const MAX_FLOWS = 131_072;

export interface FlowAcceleratorOptions {
  readonly markMask: number;
  readonly netns?: string | undefined;
  /** Ethernet interfaces that are not ports of another, by name, at this moment. */
  interfaces(): Iterable<{ readonly name: string; readonly index: number }>;
}

export class FlowAccelerator {
  readonly #options: FlowAcceleratorOptions;
  readonly #kernel: BpfKernel;
  readonly #links: BpfLinks;
  readonly #places: MarkPlaces;
  readonly #descriptors: number[] = [];
  readonly #slotsMap: number;
  readonly #programs: { readonly ingress: number; readonly egress: number };
  #slots = new Map<number, FlowSlot>();
  #epoch = 0;

  /** Loads the programs. Throws `CodedError` with the errno's name. */
  constructor(options: FlowAcceleratorOptions) {
    this.#options = options;
    this.#places = markPlaces(options.markMask);
    this.#kernel = new BpfKernel(options.netns);
    this.#links = new BpfLinks(this.#kernel);
    try {
      const cache = createMap('cache', FLOW_KEY_OCTETS, FLOW_VALUE_OCTETS, MAX_FLOWS);
      const flows = this.#keep(this.#kernel.call(cache, 'cannot make a map'));
      const array = createMap('array', 4, SLOT_OCTETS, this.#places.count);
      this.#slotsMap = this.#keep(this.#kernel.call(array, 'cannot make a map'));
      const maps = { flows, slots: this.#slotsMap, places: this.#places };
      const [ingress, egress] = [markProgram(maps), learnProgram(maps)].map((it) => this.#keep(this.#kernel.load(it)));
      this.#programs = { ingress: ingress!, egress: egress! };
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** An interface has come, or come anew. */
  attach(): void {
    if (this.#slots.size === 0) return;
    const interfaces = [...this.#options.interfaces()];
    this.#links.keepOnly(new Set(interfaces.map(({ name }) => name)));
    for (const { name, index } of interfaces) this.#links.attach(name, index, this.#programs);
  }

  /** Before nftables forgets what has failed: nobody is to learn it meanwhile. False: nothing has. */
  forget(service: AffinityService): boolean {
    const places = failedPlaces(service, this.#places).filter((place) => this.#slots.delete(place));
    for (const place of places) this.#write(place, slotValue(0));
    return places.length > 0;
  }

  /** Does for the flows of these services, and for no others; contact instances that stay keep theirs. */
  program(services: Iterable<AffinityService>): void {
    const wanted = flowSlots(services, this.#places);
    for (const place of this.#slots.keys()) if (!wanted.has(place)) this.#write(place, slotValue(0));
    for (const [place, { owner, refreshNs }] of wanted) {
      const before = this.#slots.get(place);
      if (before?.owner === owner && before.refreshNs === refreshNs) continue;
      this.#write(place, slotValue(++this.#epoch, refreshNs));
    }
    this.#slots = wanted;
    if (wanted.size === 0) this.#links.detach();
    else this.attach();
  }

  close(): void {
    this.#links.detach();
    for (const descriptor of this.#descriptors.splice(0)) this.#kernel.close(descriptor);
  }

  #write(place: number, value: Uint8Array): void {
    const key = new Uint8Array(4);
    new DataView(key.buffer).setUint32(0, place, true);
    this.#kernel.call(updateElement(this.#slotsMap, key, value), 'cannot write a mark');
  }

  #keep(descriptor: number): number {
    this.#descriptors.push(descriptor);
    return descriptor;
  }
}
