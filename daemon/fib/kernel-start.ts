// What happens once before the kernel forwarding plane works: sockets, settings, the SID device, the tunnel source, and
// trying out what the kernel can do. Every shortcoming becomes a capability with a remark; nothing here ends the daemon.
import { NEXT_CSID } from '../../lib/bpf/next-csid-program.ts';
import { REPLACE_CSID } from '../../lib/bpf/replace-program.ts';
import type { FibCapability } from '../../lib/fib/fib.ts';
import { FORWARDING_SYSCTLS } from '../../lib/fib/sysctl-table.ts';
import { decodeFamilyId, encodeGetFamily } from '../../lib/netlink/generic.ts';
import {
  decodeTunnelSource,
  encodeGetTunnelSource,
  encodeSetHmac,
  encodeSetTunnelSource,
  type HmacKey,
  SEG6_FAMILY,
} from '../../lib/netlink/seg6/genl.ts';
import { RequestSocket } from '../netlink/request-socket.ts';
import { monotonicMs } from '../runtime/clock.ts';
import { patiently } from '../runtime/patiently.ts';
import { FlowAccelerator } from './flow-accelerator.ts';
import type { KernelContext } from './kernel-codec.ts';
import { type KernelReadBack, type ReadContext, readKernel } from './kernel-readback.ts';
import { FibLinks, type LinkListener, reasonOf } from './links.ts';
import type { NextCsidPlane } from './next-csid-plane.ts';
import type { NftHalf } from './nft-half.ts';
import { NftNetlink } from './nft-netlink.ts';
import { relaxReversePath } from './reverse-path.ts';
import { SidAccelerator } from './sid-accelerator.ts';
import { applySysctls, writeSysctl } from './sysctls.ts';

export interface KernelFibOptions {
  /** rtm_protocol, nexthop protocol and rule protocol of everything of ours. */
  readonly protocol: number;
  /** Name of the port-less bridge that carries SIDs and tunnels; made if it is not there. */
  readonly device: string;
  /** Source address of encapsulated packets. */
  readonly source: string;
  /** Bits of the packet mark that are ours. */
  readonly markMask: number;
  readonly groupIdBase: number;
  readonly nexthopIdBase: number;
  readonly tableBase: number;
  readonly rulePriority: number;
  /** Signs the headers we impose, and asks for signatures of those that come in by these interfaces. */
  readonly hmac?: { readonly key: HmacKey; readonly requireOn: readonly string[] } | undefined;
  /** Takes packets to SIDs and of running flows before nftables and the kernel, which do without where it cannot be loaded. */
  readonly accelerator?: 'tc-bpf' | undefined;
  /** Interfaces of the domain's links: what leaves a tunnel came in there. */
  readonly links: readonly string[];
  /** Name under /run/netns, or a path; default the process's own. For tests. */
  readonly netns?: string | undefined;
  /** The nft program; default: found on PATH and in sbin. */
  readonly nft?: string | undefined;
  readonly log: (
    level: 'debug' | 'info' | 'warn' | 'error',
    text: string,
    fields: Readonly<Record<string, unknown>>,
  ) => void;
}

/** What is open while the forwarding plane works. */
export interface KernelHandles {
  readonly requests: RequestSocket;
  readonly links: FibLinks;
  /** Undefined: this kernel has no nf_tables. */
  readonly nft: NftNetlink | undefined;
}

/** A start waits so long for a kernel that others are busy with: what an earlier life left is not to be taken for nothing. */
const READ_WITHIN_MS = 5000;

/** NETLINK_GENERIC. */
const GENERIC = 16;

/** Opens sockets and makes the SID device. `refused`: the kernel may not be programmed, nothing is left open. */
export async function openKernel(
  options: KernelFibOptions,
  listener: LinkListener,
): Promise<KernelHandles | { readonly refused: FibCapability }> {
  const { netns, device } = options;
  const at = netns === undefined ? {} : { netns };
  let requests: RequestSocket | undefined;
  let links: FibLinks | undefined;
  try {
    requests = RequestSocket.open(at);
    links = await FibLinks.open({ requests, sidDevice: device, netns, listener });
    const outcome = await links.ensureSidDevice();
    if (!outcome) return { requests, links, nft: openNft(netns) };
    const text = outcome.code === 'EPERM' ? 'CAP_NET_ADMIN is missing' : `cannot make ${device}: ${outcome.text}`;
    links.close();
    requests.close();
    return { refused: { name: 'net-admin', available: false, remark: text } };
  } catch (error) {
    links?.close();
    requests?.close();
    return { refused: { name: 'net-admin', available: false, remark: reasonOf(error).text } };
  }
}

/** What reading and writing have to know of this kernel and of us. */
export function contextOf(
  { protocol, hmac }: KernelFibOptions,
  links: FibLinks,
  countsAtSids: () => boolean,
): KernelContext & ReadContext {
  return {
    countsAtSids,
    protocol,
    hmacKeyId: hmac?.key.id,
    sidDevice: () => links.sidDeviceIndex(),
    deviceIndex: (name) => links.deviceIndex(name),
    deviceName: (index) => links.deviceName(index),
  };
}

/** What an earlier life left; rejects with the `CodedError` of the last try. */
export function readAtStart(requests: RequestSocket, context: ReadContext): Promise<KernelReadBack> {
  const untilMs = monotonicMs() + READ_WITHIN_MS;
  return patiently(
    () => readKernel(requests, context),
    () => monotonicMs() < untilMs,
  );
}

/** Settings, tunnel source and what nftables does for us; what cannot be had is told. */
export async function prepareKernel(options: KernelFibOptions, nft: NftHalf): Promise<FibCapability[]> {
  const found = applySysctls(FORWARDING_SYSCTLS, options.netns);
  found.push(...relaxReversePath(options.links, options.netns));
  found.push(setTunnelSource(options));
  if (options.hmac) found.push(setHmac(options, options.hmac));
  found.push(...(await nft.probe()));
  return found;
}

/** The key, and on which interfaces unsigned headers are dropped. Elsewhere a wrong signature is, and none is taken. */
function setHmac(
  { netns }: KernelFibOptions,
  { key, requireOn }: NonNullable<KernelFibOptions['hmac']>,
): FibCapability {
  const name = 'hmac';
  let socket: RequestSocket | undefined;
  try {
    socket = RequestSocket.open({ protocol: GENERIC, ...(netns !== undefined && { netns }) });
    const family = socket.query((writer) => encodeGetFamily(writer, SEG6_FAMILY), decodeFamilyId);
    const error =
      'error' in family ? family.error : socket.request((writer) => encodeSetHmac(writer, family.value, key));
    if (error) return { name, available: false, remark: `headers cannot be signed (${error.text})` };
    requireHmac(requireOn, netns);
    return { name, available: true, remark: '' };
  } catch (error) {
    return { name, available: false, remark: reasonOf(error).text };
  } finally {
    socket?.close();
  }
}

/** Asks for signatures on an interface that has come, where they are to be asked for. */
export function requireHmacAt(device: string, { hmac, netns, log }: KernelFibOptions): void {
  if (!hmac?.requireOn.includes(device)) return;
  try {
    requireHmac([device], netns);
  } catch (error) {
    log('error', 'signatures cannot be asked for', { device, error: reasonOf(error).text });
  }
}

/** Asks for signatures on those interfaces that are there. Throws the file system's error. */
function requireHmac(interfaces: readonly string[], netns?: string): void {
  for (const name of interfaces) {
    const setting = `net.ipv6.conf.${name.replaceAll('.', '/')}.seg6_require_hmac`;
    try {
      writeSysctl(setting, '1', netns);
    } catch (error) {
      // One that is not there yet is seen to when it comes.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

/** Puts the accelerators in front of nftables and the kernel, if this kernel and our privileges let us. */
export function accelerate(
  options: KernelFibOptions,
  { links }: KernelHandles,
  nft: NftHalf,
  nextCsid: NextCsidPlane,
): FibCapability {
  const name = 'tc-bpf';
  const { markMask, netns } = options;
  const interfaceIndex = (device: string) => links.indexOf(device);
  const interfaces = () => links.ethernet();
  try {
    const at = { markMask, netns, interfaceIndex };
    nft.replace.accelerate(new SidAccelerator(REPLACE_CSID, options.links, at));
    nextCsid.accelerate(new SidAccelerator(NEXT_CSID, options.links, at));
    nft.affinity.accelerate(new FlowAccelerator({ markMask, netns, interfaces }));
    return { name, available: true, remark: '' };
  } catch (error) {
    return { name, available: false, remark: `nftables and the kernel do without it (${reasonOf(error).text})` };
  }
}

/** Waits for an RCU grace period (8 ms) in the kernel, so it is set only where it differs. */
function setTunnelSource({ source, netns }: KernelFibOptions): FibCapability {
  const name = 'tunnel-source';
  let socket: RequestSocket | undefined;
  try {
    socket = RequestSocket.open({ protocol: GENERIC, ...(netns !== undefined && { netns }) });
    const family = socket.query((writer) => encodeGetFamily(writer, SEG6_FAMILY), decodeFamilyId);
    if ('error' in family) return { name, available: false, remark: `no SEG6 netlink family: ${family.error.text}` };
    const present = socket.query((writer) => encodeGetTunnelSource(writer, family.value), decodeTunnelSource);
    if (!('error' in present) && present.value === source) return { name, available: true, remark: '' };
    const outcome = socket.request((writer) => encodeSetTunnelSource(writer, family.value, source));
    return { name, available: !outcome, remark: outcome ? `the kernel chooses the source (${outcome.text})` : '' };
  } catch (error) {
    return { name, available: false, remark: reasonOf(error).text };
  } finally {
    socket?.close();
  }
}

function openNft(netns: string | undefined): NftNetlink | undefined {
  try {
    return new NftNetlink(netns);
  } catch {
    return undefined;
  }
}
