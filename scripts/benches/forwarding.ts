// Bench `forwarding`: packets a second through one router on one core, for each encapsulation, endpoint and affinity mode, as
// a share of plain forwarding measured in turn in the same run. Every router is a namespace that the daemon's own
// forwarding plane has programmed; a C program sends and counts what arrives.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createKernelFib } from '../../daemon/fib/kernel-fib.ts';
import type { Fib } from '../../lib/fib/fib.ts';
import { CASES, type Case, PLAIN, SINK } from './forwarding-cases.ts';
import { type Frame, frame } from './forwarding-frames.ts';
import { type Bench, type BenchOptions, comparison, type Document, machine, type Round, type Row } from './report.ts';

const FLOWS = 1000;
/** Of one slice; a round is `SLICES` of them in turn with plain forwarding. */
const SLICE_MS = 40;
const SLICES = 3;
/** A case that loses more is not measured but broken. */
const MAX_LOSS = 0.01;
const ETHERNET_OCTETS = 14;

interface Router {
  readonly fib: Fib;
  readonly frame: Frame;
  /** Interfaces of sender and sink. */
  readonly from: string;
  readonly to: string;
}

class Testbed {
  readonly #prefix = `cfnd${process.pid}f`;
  readonly #folder = mkdtempSync(join(tmpdir(), 'cfnd-bench-'));
  readonly #namespaces: string[] = [];
  readonly #fibs: Fib[] = [];
  #program: ChildProcess | undefined;
  #lines: AsyncIterator<string> | undefined;

  get #sender(): string {
    return `${this.#prefix}tx`;
  }

  get #sink(): string {
    return `${this.#prefix}rx`;
  }

  open(): void {
    const binary = join(this.#folder, 'forwarding');
    execFileSync(process.env.CC ?? 'cc', ['-O2', '-o', binary, join(import.meta.dirname, 'forwarding.c')]);
    for (const name of [this.#sender, this.#sink]) {
      this.#add(name);
      // What arrives at the sink is counted and dropped; nothing answers, and the sender hears nothing.
      write(name, 'net/ipv6/conf/default/disable_ipv6', '1');
    }
    const cpu = String(availableParallelism() - 1);
    this.#program = spawn(binary, [cpu, this.#sender, this.#sink], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#program.stdout! })[Symbol.asyncIterator]();
  }

  /** A router of its own for the case, with what the case asks for in force. */
  async router(at: number, { id, objects, packet, accelerator }: Case): Promise<Router> {
    const name = `${this.#prefix}r${at}`;
    const [from, to] = [`t${at}`, `s${at}`];
    this.#add(name);
    write(name, 'net/ipv6/conf/default/accept_dad', '0');
    ip('link', 'add', from, 'netns', this.#sender, 'type', 'veth', 'peer', 'name', 'in', 'netns', name);
    ip('link', 'add', 'out', 'netns', name, 'type', 'veth', 'peer', 'name', to, 'netns', this.#sink);
    ip('-n', name, 'addr', 'add', 'fd00:2::1/64', 'dev', 'out', 'nodad');
    for (const [netns, device] of [
      [this.#sender, from],
      [name, 'in'],
      [name, 'out'],
      [this.#sink, to],
    ] as const)
      ip('-n', netns, 'link', 'set', device, 'up');
    const far = link(this.#sink, to).mac;
    ip('-n', name, 'neigh', 'add', SINK, 'lladdr', far, 'dev', 'out', 'nud', 'permanent');
    const fib = createKernelFib({
      protocol: 201,
      device: 'sr0',
      source: 'fd00:ffff::9',
      markMask: 0xfff,
      groupIdBase: 100_000_000,
      nexthopIdBase: 200_000_000,
      tableBase: 10_000,
      rulePriority: 10_000,
      links: ['in', 'out'],
      accelerator,
      netns: name,
      log: () => {},
    });
    this.#fibs.push(fib);
    const { capabilities } = await fib.start();
    const missing = capabilities.find(({ name, available }) => name === accelerator && !available);
    if (missing) throw new Error(`${id}: ${missing.remark}`);
    const { failures } = await fib.sync(objects);
    if (failures.length > 0) throw new Error(`${id}: ${failures[0]!.key}: ${failures[0]!.text}`);
    await carriesPackets(name);
    return { fib, frame: frame(link(this.#sender, from).mac, link(name, 'in').mac, packet), from, to };
  }

  /** Packets a second that arrive, each as much longer as the case says. */
  async measure({ frame: { hex, portAt, bytes }, from, to }: Router, { id, adds }: Case, ms: number): Promise<number> {
    this.#program!.stdin!.write(`${from} ${to} ${ms} ${FLOWS} ${portAt} ${hex}\n`);
    const { value, done } = await this.#lines!.next();
    if (done) throw new Error('the sender ended');
    const [sent = 0, received = 0, receivedBytes = 0, nanoseconds = 0] = String(value).split(' ').map(Number);
    if (received < sent * (1 - MAX_LOSS)) throw new Error(`${id}: ${received} of ${sent} packets arrived`);
    const length = receivedBytes / received - ETHERNET_OCTETS;
    if (Math.abs(length - bytes - adds) > 0.5)
      throw new Error(`${id}: packets of ${bytes} bytes left as ${length}, not as ${bytes + adds}`);
    return (received * 1e9) / nanoseconds;
  }

  async close(): Promise<void> {
    this.#program?.stdin?.end();
    for (const fib of this.#fibs) await fib.close({ remove: false });
    for (const name of this.#namespaces) ip('netns', 'del', name);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #add(name: string): void {
    ip('netns', 'add', name);
    this.#namespaces.push(name);
  }
}

function ip(...args: string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function write(netns: string, path: string, value: string): void {
  ip('netns', 'exec', netns, 'sh', '-c', `printf %s ${value} > /proc/sys/${path}`);
}

function link(netns: string, device: string): { readonly mac: string; readonly isUp: boolean } {
  const text = ip('-n', netns, 'link', 'show', device);
  return { mac: /link\/ether ([0-9a-f:]{17})/.exec(text)?.[1] ?? '', isUp: text.includes('state UP') };
}

/** The kernel lets packets out of a new veth up to a second after both its ends are up. */
async function carriesPackets(netns: string): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!['in', 'out'].every((device) => link(netns, device).isUp)) {
    if (performance.now() > deadline) throw new Error('links do not come up');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function run({ rounds, progress, isWanted }: BenchOptions): Promise<Document> {
  if (process.getuid?.() !== 0) throw new Error('needs root: it forwards between network namespaces');
  const gains = ACCELERATED.filter((one) => isWanted(gainId(one)));
  const cases = CASES.filter(({ id }) => isWanted(id) || gains.some((one) => one.id === id || one.without === id));
  const testbed = new Testbed();
  try {
    testbed.open();
    const plain = await testbed.router(0, PLAIN);
    const routers: Router[] = [];
    for (const [at, one] of cases.entries()) routers.push(await testbed.router(at + 1, one));
    await testbed.measure(plain, PLAIN, SLICE_MS);
    for (const [at, one] of cases.entries()) await testbed.measure(routers[at]!, one, SLICE_MS);
    const measured = cases.map((): Round[] => []);
    for (let round = 0; round < Math.max(rounds, 5); round++) {
      for (const [at, one] of cases.entries()) {
        for (let slice = 0; slice < SLICES; slice++) {
          const first = slice % 2 === 0 ? await testbed.measure(plain, PLAIN, SLICE_MS) : undefined;
          const ours = await testbed.measure(routers[at]!, one, SLICE_MS);
          measured[at]!.push({ ours, peer: first ?? (await testbed.measure(plain, PLAIN, SLICE_MS)) });
        }
      }
      progress(`round ${round + 1} of ${Math.max(rounds, 5)}`);
    }
    const rows = cases.map((one, at) =>
      comparison(
        {
          id: one.id,
          what: one.what,
          unit: 'packets/s',
          peerName: 'plain forwarding',
          better: 'higher',
          target: one.target,
          method: `${FLOWS} UDP flows of 64 bytes; sender, router and sink on one core; ${SLICE_MS} ms in turn with plain forwarding, median of the ratios`,
        },
        measured[at]!,
      ),
    );
    const roundsOf = new Map(cases.map(({ id }, at) => [id, measured[at]!]));
    for (const one of gains) rows.push(accelerated(one, roundsOf));
    return { bench: 'forwarding', machine: machine(), rows: rows.filter(({ id }) => isWanted(id)) };
  } finally {
    await testbed.close();
  }
}

/** The same with and without the accelerator. */
const ACCELERATED = [
  { id: 'usid-end-tc-bpf', without: 'usid-end', by: 'seg6local', what: 'End with NEXT-CSID' },
  { id: 'replace-end-tc-bpf', without: 'replace-end-nft', by: 'nftables', what: 'End with REPLACE-CSID' },
  { id: 'affinity-flow-tc-bpf', without: 'affinity-flow-nft', by: 'nftables', what: 'affinity flow' },
] as const;

function gainId({ id }: (typeof ACCELERATED)[number]): string {
  return `${id}-gain`;
}

/** What the accelerator is for: slice by slice, each as a share of the plain forwarding beside it. */
function accelerated(one: (typeof ACCELERATED)[number], roundsOf: ReadonlyMap<string, readonly Round[]>): Row {
  const { without, by, what } = one;
  const shares = (of: string) => roundsOf.get(of)!.map(({ ours, peer }) => ours / peer);
  const others = shares(without);
  const pairs = shares(one.id).map((ours, at) => ({ ours, peer: others[at]! }));
  return comparison(
    {
      id: gainId(one),
      what: `${what}: tc-bpf to ${by}`,
      unit: 'share of plain',
      peerName: by,
      better: 'higher',
      target: 1,
      method: 'from the two rows above',
    },
    pairs,
  );
}

export const bench: Bench = {
  summary: 'packets a second through one router on one core, as a share of plain forwarding',
  programs: ['ip', 'nft', 'cc'],
  ids: [...CASES.map(({ id }) => id), ...ACCELERATED.map(gainId)],
  run,
};
