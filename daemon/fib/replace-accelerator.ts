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
import {
  attachIngress,
  type BpfCall,
  createHash,
  deleteElement,
  loadProgram,
  lookUpElement,
  updateElement,
  verifierLog,
} from '../../lib/bpf/system-call.ts';
import { CodedError } from '../../lib/errors.ts';
import type { ReplaceSid } from '../../lib/fib/fib.ts';
import { layoutName, layoutOf, type ReplaceLayout } from '../../lib/fib/replace-csid-names.ts';
import { netlinkError } from '../../lib/netlink/errors.ts';
import { loadNative, type Native } from '../netlink/native.ts';

/** As many as a map of nftables. */
const MAX_SIDS = 4096;
/** The verifier's last words. */
const MAX_TEXT = 300;
const PROBE_LAYOUT: ReplaceLayout = { blockBits: 48, csidBits: 32 };

export interface AcceleratorOptions {
  readonly markMask: number;
  readonly netns?: string | undefined;
  /** Index of an interface; undefined: not there. */
  interfaceIndex(name: string): number | undefined;
}

export class ReplaceAccelerator {
  readonly #options: AcceleratorOptions;
  readonly #native: Native;
  readonly #map: number;
  #program: number;
  #layouts: string;
  readonly #sids = new Map<string, ReplaceSid>();
  /** By interface name; a link ends with its descriptor. */
  readonly #links = new Map<string, { readonly index: number; readonly descriptor: number }>();
  readonly #devices: Set<string>;

  /** Loads the program and attaches it to those of `devices` that are there. Throws `CodedError` with the errno's name. */
  constructor(devices: readonly string[], options: AcceleratorOptions) {
    this.#options = options;
    this.#native = loadNative();
    this.#devices = new Set(devices);
    this.#map = this.#call(createHash(KEY_OCTETS, VALUE_OCTETS, MAX_SIDS), 'cannot make a map');
    try {
      this.#layouts = layoutName(PROBE_LAYOUT);
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
    const before = this.#links.get(device);
    if (!this.#devices.has(device) || index === undefined || before?.index === index) return;
    const descriptor = this.#call(attachIngress(this.#program, index), `cannot attach to ${device}`);
    if (before) this.#native.closefd(before.descriptor);
    this.#links.set(device, { index, descriptor });
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
      this.#call(deleteElement(this.#map, sidKey(old)), `cannot forget ${prefix}`);
      this.#sids.delete(prefix);
    }
    for (const [prefix, sid] of wanted) {
      if (this.#sids.has(prefix)) continue;
      this.#call(updateElement(this.#map, sidKey(sid), sidValue(sid.mark)), `cannot take ${prefix}`);
      this.#sids.set(prefix, sid);
    }
  }

  /** What never came to nftables, by prefix. */
  counts(): Map<string, { readonly packets: number; readonly bytes: number }> {
    const counts = new Map<string, { readonly packets: number; readonly bytes: number }>();
    for (const [prefix, sid] of this.#sids) {
      const value = new Uint8Array(VALUE_OCTETS);
      this.#call(lookUpElement(this.#map, sidKey(sid), value), `cannot read ${prefix}`);
      counts.set(prefix, sidCounts(value));
    }
    return counts;
  }

  close(): void {
    for (const { descriptor } of this.#links.values()) this.#native.closefd(descriptor);
    this.#links.clear();
    if (this.#program !== undefined) this.#native.closefd(this.#program);
    this.#native.closefd(this.#map);
  }

  /** Between the old program and the new one nftables does it all. One that cannot be loaded leaves the old one. */
  #reload(layouts: readonly ReplaceLayout[], names: string): void {
    const program = this.#load(layouts);
    for (const { descriptor } of this.#links.values()) this.#native.closefd(descriptor);
    this.#links.clear();
    this.#native.closefd(this.#program);
    this.#program = program;
    this.#layouts = names;
    for (const device of this.#devices) this.attach(device);
  }

  #load(layouts: readonly ReplaceLayout[]): number {
    const instructions = replaceProgram(layouts, this.#map, this.#options.markMask);
    const result = this.#perform(loadProgram(instructions));
    if (result >= 0) return result;
    const log = verifierLog();
    this.#perform(loadProgram(instructions, log));
    const words = Buffer.from(log).toString('latin1').replaceAll('\0', '').trim().slice(-MAX_TEXT);
    throw failure(result, `cannot load the program${words && `: ${words}`}`);
  }

  #call(call: BpfCall, what: string): number {
    const result = this.#perform(call);
    if (result < 0) throw failure(result, what);
    return result;
  }

  #perform({ command, attributes, pointers }: BpfCall): number {
    const { netns } = this.#options;
    const path = netns === undefined ? null : netns.includes('/') ? netns : `/run/netns/${netns}`;
    const places = pointers.map(({ at }) => at);
    return this.#native.bpf(
      command,
      attributes,
      places,
      pointers.map(({ buffer }) => buffer),
      path,
    );
  }
}

function failure(result: number, what: string): CodedError {
  const { code, text } = netlinkError(-result);
  return new CodedError(code, `${what} (${text})`);
}
