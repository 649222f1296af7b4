// Sends and captures raw IPv6 packets on interfaces of a test namespace, by a small C program that is compiled when a
// test first needs it. What is captured is what an interface takes in, before nftables sees it.
import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { type Namespace, whyNoKernelTests } from './namespaces.ts';

let program: { readonly path: string } | { readonly missing: string } | undefined;

/** Why tests with raw packets cannot run here; undefined: they can. */
export function whyNoPacketTests(): string | undefined {
  const why = whyNoKernelTests();
  if (why !== undefined) return why;
  const built = build();
  return 'missing' in built ? built.missing : undefined;
}

export interface CapturedPacket {
  readonly device: string;
  readonly bytes: Uint8Array;
}

export class PacketPort {
  /** Everything so far, in order of capture. */
  readonly captured: CapturedPacket[] = [];
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;

  private constructor(child: ChildProcessByStdio<Writable, Readable, null>) {
    this.#child = child;
  }

  /** `peers`: by device, the link address that packets sent through it go to; empty: only listen. */
  static open(namespace: Pick<Namespace, 'name'>, peers: Readonly<Record<string, string>>): Promise<PacketPort> {
    const built = build();
    if ('missing' in built) throw new Error(built.missing);
    const links = Object.entries(peers).map(([device, mac]) => (mac === '' ? device : `${device}=${mac}`));
    const child = spawn('ip', ['netns', 'exec', namespace.name, built.path, ...links], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    child.stdin.on('error', () => {});
    const port = new PacketPort(child);
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`the packet program ended with ${code}`)));
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (line === 'ready') return resolve(port);
        const [device = '', hex = ''] = line.split(' ');
        port.captured.push({ device, bytes: Buffer.from(hex, 'hex') });
      });
    });
  }

  send(device: string, packets: readonly Uint8Array[]): void {
    this.#child.stdin.write(packets.map((bytes) => `${device} ${Buffer.from(bytes).toString('hex')}\n`).join(''));
  }

  close(): void {
    this.#child.stdin.end();
  }
}

/** The address of an interface on its link. */
export function linkAddress(namespace: Namespace, device: string): string {
  const address = /link\/ether ([0-9a-f:]{17})/.exec(namespace.ip('link', 'show', device))?.[1];
  if (address === undefined) throw new Error(`${device} has no link address`);
  return address;
}

/** Beside what else is built: a temporary folder would outlive a test worker, which nobody tells of its end. */
function build(): { readonly path: string } | { readonly missing: string } {
  if (program) return program;
  const source = join(import.meta.dirname, 'packets.c');
  const path = join(import.meta.dirname, '../../../dist/testing/packets');
  try {
    if (!existsSync(path) || statSync(path).mtimeMs < statSync(source).mtimeMs) {
      mkdirSync(dirname(path), { recursive: true });
      // Moved into place whole: another worker may want it at the same time.
      const draft = `${path}.${process.pid}`;
      execFileSync(process.env.CC ?? 'cc', ['-O2', '-o', draft, source], { stdio: 'pipe' });
      renameSync(draft, path);
    }
    program = { path };
  } catch (error) {
    program = { missing: `no C compiler: ${String(error).split('\n')[0]}` };
  }
  return program;
}
