// Network namespaces for kernel tests: made under unique names, wired with veth pairs, and removed with everything in
// them. Uses iproute2, which tests may; the product does not.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';

let serial = 0;

/** Why kernel tests cannot run here; undefined: they can. */
export function whyNoKernelTests(): string | undefined {
  if (process.platform !== 'linux') return 'not Linux';
  if (process.getuid?.() !== 0) return 'not root';
  const name = `cfnd${process.pid}probe`;
  try {
    ip('netns', 'add', name);
    ip('netns', 'del', name);
    return undefined;
  } catch (error) {
    return `cannot make a network namespace: ${String(error).split('\n')[0]}`;
  }
}

export function ip(...args: string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** A namespace with loopback up. */
export class Namespace {
  readonly name: string;
  readonly #children = new Set<ChildProcess>();

  constructor(label: string) {
    this.name = `cfnd${process.pid}x${serial++}${label}`;
    ip('netns', 'add', this.name);
    this.ip('link', 'set', 'lo', 'up');
    // No duplicate address detection: addresses work at once.
    this.sysctl('net.ipv6.conf.all.accept_dad', '0');
    this.sysctl('net.ipv6.conf.default.accept_dad', '0');
    this.sysctl('net.ipv6.conf.default.dad_transmits', '0');
  }

  ip(...args: string[]): string {
    return ip('-n', this.name, ...args);
  }

  /** Runs a command inside and returns its output; throws when it fails. */
  run(command: string, ...args: string[]): string {
    return execFileSync('ip', ['netns', 'exec', this.name, command, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  sysctl(name: string, value: string): void {
    this.run('sh', '-c', `printf %s ${value} > /proc/sys/${name.replaceAll('.', '/')}`);
  }

  nft(script: string): string {
    return execFileSync('ip', ['netns', 'exec', this.name, 'nft', '-f', '-'], {
      encoding: 'utf8',
      input: script,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  }

  /** Datagrams that sockets in here have dropped for want of room so far: lost by a busy machine, not by forwarding. */
  udpDrops(): number {
    return Number(/^Udp6RcvbufErrors\s+(\d+)/m.exec(this.run('cat', '/proc/net/snmp6'))?.[1] ?? 0);
  }

  /** Whatever the kernel counts of packets that went no further, by counter: for failures, where a packet was lost. */
  discards(): ReadonlyMap<string, number> {
    const counters = new Map<string, number>();
    for (const [, name, count] of this.run('cat', '/proc/net/snmp6').matchAll(/^(\S+)\s+(\d+)$/gm))
      if (/Discards|NoRoutes|Errors|NoPorts|TimeExcds|Unreachs|ReqFails/i.test(name!))
        counters.set(name!, Number(count));
    for (const [, device, fields] of this.run('cat', '/proc/net/dev').matchAll(/^\s*(\S+):(.*)$/gm)) {
      const columns = fields!.trim().split(/\s+/).map(Number);
      for (const [name, column] of [
        ['rx-errors', 2],
        ['rx-dropped', 3],
        ['tx-errors', 10],
        ['tx-dropped', 11],
      ] as const)
        counters.set(`${device} ${name}`, columns[column]!);
    }
    return counters;
  }

  /** Runs a script of this Node inside, with a message channel; ended with the namespace. */
  fork(script: string, ...args: string[]): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', this.name, process.execPath, script, ...args], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    return child;
  }

  remove(): void {
    for (const child of this.#children) child.kill('SIGKILL');
    try {
      ip('netns', 'del', this.name);
    } catch {
      // Removed already.
    }
  }
}

/** A veth pair between two namespaces, up, with addresses `address/length` on either end. */
export function wire(a: Namespace, deviceA: string, addressA: string, b: Namespace, deviceB: string, addressB: string) {
  ip('link', 'add', deviceA, 'netns', a.name, 'type', 'veth', 'peer', 'name', deviceB, 'netns', b.name);
  for (const [namespace, device, address] of [
    [a, deviceA, addressA],
    [b, deviceB, addressB],
  ] as const) {
    namespace.ip('addr', 'add', address, 'dev', device);
    namespace.ip('link', 'set', 'dev', device, 'up');
  }
}

/** Asks until `holds` is true; throws `what` after the deadline. */
export async function eventually(what: string, holds: () => boolean | Promise<boolean>, deadlineMs = 60_000) {
  const end = performance.now() + deadlineMs;
  for (;;) {
    if (await holds()) return;
    if (performance.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
