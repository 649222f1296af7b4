// Network namespaces for the kernel tests of this folder: made, entered by `ip`, and deleted again. Not part of the
// daemon.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { RequestSocket } from './request-socket.ts';

/** Why kernel tests cannot run here, or undefined. */
export function kernelTestsImpossible(): string | undefined {
  if (process.platform !== 'linux') return 'not Linux';
  if (process.getuid?.() !== 0) return 'not root';
  if (!existsSync('/proc/sys/net/ipv6/conf/all/seg6_enabled')) return 'this kernel has no SRv6';
  try {
    execFileSync('ip', ['-V'], { stdio: 'ignore' });
  } catch {
    return 'no iproute2';
  }
  return addonImpossible();
}

/** Why the addon cannot be built here, or undefined: then it is built. */
export function addonImpossible(): string | undefined {
  const build = spawnSync(join(import.meta.dirname, '../../scripts/build-native'), { encoding: 'utf8' });
  return build.status === 0 ? undefined : build.stderr.trim() || 'scripts/build-native failed';
}

let made = 0;

export class TestNamespace {
  readonly name: string;
  private readonly sockets: RequestSocket[] = [];

  constructor() {
    this.name = `cfn-nl-${process.pid}-${++made}`;
    execFileSync('ip', ['netns', 'add', this.name]);
    this.run('ip', 'link', 'set', 'lo', 'up');
    // As the daemon sets it: nexthop changes are not repeated for each route.
    this.run('sysctl', '-qw', 'net.ipv4.nexthop_compat_mode=0');
  }

  run(...command: string[]): string {
    return execFileSync('ip', ['netns', 'exec', this.name, ...command], { encoding: 'utf8' });
  }

  /** Output of `ip -j`. */
  ip(...args: string[]): Record<string, unknown>[] {
    return JSON.parse(this.run('ip', '-j', ...args) || '[]') as Record<string, unknown>[];
  }

  open(protocol?: number): RequestSocket {
    const socket = RequestSocket.open({ netns: this.name, ...(protocol !== undefined && { protocol }) });
    this.sockets.push(socket);
    return socket;
  }

  close(): void {
    for (const socket of this.sockets) socket.close();
    execFileSync('ip', ['netns', 'del', this.name]);
  }
}

/** Polls until the condition holds; throws with `what` after `timeoutMs`. */
export async function eventually(what: string, condition: () => boolean, timeoutMs = 5000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`did not happen within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
