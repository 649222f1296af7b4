// What the tests of the netlink sockets add to a test namespace: sockets in it, and iproute2's JSON. Not part of the daemon.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Namespace, whyNoKernelTests } from '../fib/testing/namespaces.ts';
import { RequestSocket } from './request-socket.ts';

/** Why kernel tests cannot run here, or undefined. */
export function kernelTestsImpossible(): string | undefined {
  const why = whyNoKernelTests();
  if (why !== undefined) return why;
  if (!existsSync('/proc/sys/net/ipv6/conf/all/seg6_enabled')) return 'this kernel has no SRv6';
  return addonImpossible();
}

/** Why the addon cannot be built here, or undefined: then it is built. */
export function addonImpossible(): string | undefined {
  const build = spawnSync(join(import.meta.dirname, '../../scripts/build-native'), { encoding: 'utf8' });
  return build.status === 0 ? undefined : build.stderr.trim() || 'scripts/build-native failed';
}

export class NetlinkNamespace extends Namespace {
  readonly #sockets: RequestSocket[] = [];

  constructor() {
    super('nl');
    // As the daemon sets it: nexthop changes are not repeated for each route.
    this.sysctl('net.ipv4.nexthop_compat_mode', '0');
  }

  /** Output of `ip -j`. */
  listed(...args: string[]): Record<string, unknown>[] {
    return JSON.parse(this.ip('-j', ...args) || '[]') as Record<string, unknown>[];
  }

  open(protocol?: number): RequestSocket {
    const socket = RequestSocket.open({ netns: this.name, ...(protocol !== undefined && { protocol }) });
    this.#sockets.push(socket);
    return socket;
  }

  override remove(): void {
    for (const socket of this.#sockets) socket.close();
    super.remove();
  }
}
