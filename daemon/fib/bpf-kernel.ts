// bpf(2) as the accelerators use it: programs and maps by descriptor, and programs at interfaces. All of it ends with this
// process. Refuses to know what a program does.
import { attach, type BpfCall, type Hook, loadProgram, verifierLog } from '../../lib/bpf/system-call.ts';
import { CodedError } from '../../lib/errors.ts';
import { Errno, netlinkError } from '../../lib/netlink/errors.ts';
import { loadNative, type Native } from '../netlink/native.ts';

/** The verifier gives up when a signal waits, such as a child's end: the next call finds it delivered. As libbpf has it. */
const LOAD_ATTEMPTS = 5;
/** The verifier's last words. */
const MAX_TEXT = 300;

export class BpfKernel {
  readonly #native: Native = loadNative();
  /** Where interfaces are looked for; null: the process's own. */
  readonly #path: string | null;

  /** `netns`: a name under /run/netns, or a path. */
  constructor(netns: string | undefined) {
    this.#path = netns === undefined ? null : netns.includes('/') ? netns : `/run/netns/${netns}`;
  }

  /** Throws `CodedError` with the errno's name. */
  call(call: BpfCall, what: string): number {
    const result = this.#perform(call);
    if (result < 0) throw failure(result, what);
    return result;
  }

  /** Loads a program for traffic-control hooks. Throws `CodedError` with what the verifier says. */
  load(instructions: Uint8Array): number {
    let result = -Errno.EAGAIN;
    for (let i = 0; i < LOAD_ATTEMPTS && result === -Errno.EAGAIN; i++)
      result = this.#perform(loadProgram(instructions));
    if (result >= 0) return result;
    const log = verifierLog();
    result = this.#perform(loadProgram(instructions, log));
    if (result >= 0) return result;
    const words = Buffer.from(log).toString('latin1').replaceAll('\0', '').trim().slice(-MAX_TEXT);
    throw failure(result, `cannot load the program${words && `: ${words}`}`);
  }

  close(descriptor: number): void {
    this.#native.closefd(descriptor);
  }

  #perform({ command, attributes, pointers }: BpfCall): number {
    const places = pointers.map(({ at }) => at);
    const buffers = pointers.map(({ buffer }) => buffer);
    return this.#native.bpf(command, attributes, places, buffers, this.#path);
  }
}

/** Programs at interfaces, by name; a link ends with its descriptor. */
export class BpfLinks {
  readonly #kernel: BpfKernel;
  readonly #links = new Map<string, { readonly index: number; readonly descriptors: readonly number[] }>();

  constructor(kernel: BpfKernel) {
    this.#kernel = kernel;
  }

  /**
   * Attaches to an interface unless it is done already; one of that name and another index is another one. One that has gone
   * meanwhile, as a container's may at any moment, is passed over: news of it are on their way.
   */
  attach(device: string, index: number, programs: Readonly<Partial<Record<Hook, number>>>): void {
    const before = this.#links.get(device);
    if (before?.index === index) return;
    const descriptors: number[] = [];
    try {
      for (const [hook, program] of Object.entries(programs) as [Hook, number][])
        descriptors.push(this.#kernel.call(attach(program, index, hook), `cannot attach to ${device}`));
    } catch (error) {
      for (const descriptor of descriptors) this.#kernel.close(descriptor);
      if (error instanceof CodedError && error.code === 'ENODEV') return;
      throw error;
    }
    for (const descriptor of before?.descriptors ?? []) this.#kernel.close(descriptor);
    this.#links.set(device, { index, descriptors });
  }

  /** Detaches from all others, most of which have gone: their descriptors are ours to close. */
  keepOnly(devices: ReadonlySet<string>): void {
    for (const [device, { descriptors }] of this.#links) {
      if (devices.has(device)) continue;
      for (const it of descriptors) this.#kernel.close(it);
      this.#links.delete(device);
    }
  }

  detach(): void {
    for (const { descriptors } of this.#links.values()) for (const it of descriptors) this.#kernel.close(it);
    this.#links.clear();
  }
}

function failure(result: number, what: string): CodedError {
  const { code, text } = netlinkError(-result);
  return new CodedError(code, `${what} (${text})`);
}
