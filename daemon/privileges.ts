// What a daemon that root started may still do: program the network, bind low ports, load the accelerator where one is
// configured, and nothing else. No raw sockets: STAMP is UDP, and netlink asks for CAP_NET_ADMIN.
// Capabilities belong to threads, and Node has a dozen before the first line of a program runs, so the process limits
// its bounding set and executes itself anew: every thread and every child (nft) of the new life starts within it.
import { readFileSync } from 'node:fs';
import { loadNative } from './netlink/native.ts';

/** Capability numbers of include/uapi/linux/capability.h, and what each is for. */
export const KEPT_CAPABILITIES = {
  /** UDP 862 (STAMP), and a session port below 1024. */
  CAP_NET_BIND_SERVICE: 10,
  /** Routes, nexthops, nftables, /proc/sys/net. */
  CAP_NET_ADMIN: 12,
} as const;

/** Kept besides where `fib.accelerator` asks for eBPF. */
export const ACCELERATOR_CAPABILITIES = {
  /** Reads a packet at a place that the packet tells: the verifier refuses that to whoever it mistrusts. */
  CAP_PERFMON: 38,
  /** Maps, programs, links. */
  CAP_BPF: 39,
} as const;

const NAMES: readonly (readonly [string, number])[] = Object.entries({
  ...KEPT_CAPABILITIES,
  ...ACCELERATOR_CAPABILITIES,
});

/** Set for the life after the limit: a kernel that hands capabilities back must not make this an endless loop. */
const SECOND_LIFE = 'CFND_LIMITED';

export interface Privileges {
  /** Names of those kept that this process holds. */
  readonly held: readonly string[];
  /** Holds more than it needs, and why that could not be helped; undefined: it does not. */
  readonly excess: string | undefined;
}

/** Masks of one thread, from its `/proc/.../status`. */
export function capabilityMasks(status: string): { readonly effective: bigint; readonly bounding: bigint } {
  const mask = (name: string): bigint =>
    BigInt(`0x${new RegExp(`^${name}:\\s*([0-9a-f]+)$`, 'm').exec(status)?.[1] ?? '0'}`);
  return { effective: mask('CapEff'), bounding: mask('CapBnd') };
}

/** Mask of what a daemon keeps. */
export function keptMask({ accelerator }: { readonly accelerator: boolean }): bigint {
  const kept = { ...KEPT_CAPABILITIES, ...(accelerator && ACCELERATOR_CAPABILITIES) };
  return Object.values(kept).reduce((mask, bit) => mask | (1n << BigInt(bit)), 0n);
}

/** True: more than is kept; both must be within, because a child of root gets what the bounding set allows. */
export function exceedsKept(masks: { readonly effective: bigint; readonly bounding: bigint }, kept: bigint): boolean {
  return ((masks.effective | masks.bounding) & ~kept) !== 0n;
}

/**
 * Gives up all capabilities of a process of root but those of `kept`. Does not return when there was something to give up: the program
 * begins again under the same process id. Whoever is not root has been limited by who started it.
 */
export function limitPrivileges(kept: bigint): Privileges {
  const isRoot = process.geteuid?.() === 0;
  const masks = readMasks();
  if (masks === undefined) return { held: [], excess: undefined };
  const second = process.env[SECOND_LIFE] !== undefined;
  delete process.env[SECOND_LIFE];
  if (!isRoot || !exceedsKept(masks, kept)) return { held: namesOf(masks.effective), excess: undefined };
  const refusal = second ? 'they came back when the program began again' : limit(kept);
  if (refusal !== undefined) return { held: namesOf(masks.effective), excess: refusal };
  return begin();
}

function limit(kept: bigint): string | undefined {
  try {
    const result = loadNative().limit(Number(kept));
    return result < 0 ? `the kernel refuses to limit capabilities (errno ${-result})` : undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function begin(): never {
  const { execPath, execArgv, argv, env } = process;
  if (process.execve === undefined) throw new Error('this Node has no process.execve');
  return process.execve(execPath, [execPath, ...execArgv, ...argv.slice(1)], { ...env, [SECOND_LIFE]: '1' });
}

function readMasks() {
  try {
    return capabilityMasks(readFileSync('/proc/self/status', 'utf8'));
  } catch {
    return undefined;
  }
}

function namesOf(mask: bigint): string[] {
  return NAMES.flatMap(([name, bit]) => ((mask >> BigInt(bit)) & 1n ? [name] : []));
}
