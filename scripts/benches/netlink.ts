// Bench `netlink`: kernel changes a second, through our codec and socket, against a C program that makes the same
// changes in the same run. One by one with an acknowledgement each, and 64 a send. In a namespace of its own.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { BATCH_MESSAGES, type EncodeAt, RequestSocket } from '../../daemon/netlink/request-socket.ts';
import { PREFIX_WORDS, readPrefix } from '../../lib/net/prefix-words.ts';
import type { Verb } from '../../lib/netlink/constants.ts';
import { decodeLink, encodeGetLink, encodeNewBridge } from '../../lib/netlink/rt/link.ts';
import { encodeNexthop, type SingleNexthop } from '../../lib/netlink/rt/nexthop.ts';
import type { RouteSpec } from '../../lib/netlink/rt/route.ts';
import { RouteTemplate } from '../../lib/netlink/rt/route-template.ts';
import { type Bench, type BenchOptions, comparison, type Document, machine, type Row } from './report.ts';

/** Own protocol number and ids, as in netlink.c. */
const PROTOCOL = 199;
const MEMBER = 1000;
const GROUP = 2000;
const TARGET = 0.85;
const ROUTES_UNDER_GROUP = 1000;
/** Changes of one slice, some 10 ms; a round is a number of slices in turn with the peer's. */
const COUNT_ONE_BY_ONE = 64 * BATCH_MESSAGES;
const COUNT_BATCHED = 64 * BATCH_MESSAGES;
const SLICES = 5;
const WARM_UP_SLICES = 8;
const SETTLE_MS = 10;

type Operation =
  | 'seg6-add'
  | 'seg6-replace'
  | 'seg6-delete'
  | 'nhid-add'
  | 'nhid-replace'
  | 'nhid-delete'
  | 'member-replace';

const WHAT: Readonly<Record<Operation, string>> = {
  'seg6-add': 'add routes with a seg6 tunnel',
  'seg6-replace': 'replace routes with a seg6 tunnel',
  'seg6-delete': 'delete routes with a seg6 tunnel',
  'nhid-add': 'add routes to a nexthop group',
  'nhid-replace': 'replace routes to a nexthop group',
  'nhid-delete': 'delete routes to a nexthop group',
  'member-replace': `re-steer a service of ${ROUTES_UNDER_GROUP} prefixes`,
};

/** Operations of one cycle, which leaves the table as it found it. */
const CYCLES: readonly (readonly Operation[])[] = [
  ['seg6-add', 'seg6-replace', 'seg6-delete'],
  ['nhid-add', 'nhid-replace', 'nhid-delete'],
  ['member-replace'],
];

const BATCHES = [1, BATCH_MESSAGES];

function idOf(operation: Operation, batch: number): string {
  return `netlink.${operation}.${batch}`;
}

/** Changes a second of processor time: all work is done in the calling thread, and what else the machine does must not count. */
type Side = (operation: Operation, count: number, batch: number) => Promise<number>;

class Peer {
  private readonly child: ChildProcess;
  private readonly lines: AsyncIterator<string>;
  private readonly reader: Interface;
  private readonly device: number;

  constructor(netns: string, program: string, device: number) {
    this.child = spawn('ip', ['netns', 'exec', netns, program], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.reader = createInterface({ input: this.child.stdout! });
    this.lines = this.reader[Symbol.asyncIterator]();
    this.device = device;
  }

  async measure(operation: Operation, count: number, batch: number): Promise<number> {
    this.child.stdin!.write(`${operation} ${count} ${batch} ${this.device}\n`);
    const line = await this.lines.next();
    const [nanoseconds, errors] = String(line.value).split(' ').map(Number);
    if (line.done || errors !== 0) throw new Error(`C program: ${operation} met ${errors ?? 'its own end'} errors`);
    return (count * 1e9) / nanoseconds!;
  }

  close(): void {
    this.reader.close();
    this.child.stdin!.end();
  }
}

/** The same prefixes as netlink.c, as the FIB holds them: four words each, read once. */
function prefixes(count: number): { readonly words: Uint32Array; readonly shape: number } {
  const words = new Uint32Array(count * PREFIX_WORDS);
  let shape = 0;
  for (let i = 0; i < count; i++) shape = readPrefix(prefixOf(i), 0, words, i * PREFIX_WORDS);
  return { words, shape };
}

/** Canonical text. */
function prefixOf(i: number): string {
  const [high, low] = [i >>> 16, i & 0xffff].map((group) => group.toString(16)) as [string, string];
  if (high === '0' && low === '0') return '2001:db8::/64';
  return low === '0' ? `2001:db8:${high}::/64` : `2001:db8:${high}:${low}::/64`;
}

/** Held once, as a forwarding plane that alternates between two paths does. */
const SEGMENTS = [0, 1].map((variant) => ['fd00:1::1', `fd00:${2 + variant}::1`]);
const segments = (variant: number) => SEGMENTS[variant]!;

function ours(socket: RequestSocket, device: number): Side {
  const hops = (variant: number) => [
    { device, weight: 1, encap: { kind: 'seg6', mode: 'encap.red', segments: segments(variant) } as const },
  ];
  const { words, shape } = prefixes(COUNT_BATCHED);
  const route = (verb: Verb, to: Pick<RouteSpec, 'hops' | 'nexthopId'>) => {
    const template = new RouteTemplate(verb, { table: 254, protocol: PROTOCOL, ...to }, shape);
    return work(socket, (w, i) => template.write(w, words, i * PREFIX_WORDS, shape));
  };
  const works: Record<Operation, Work> = {
    'seg6-add': route('install', { hops: hops(0) }),
    'seg6-replace': route('replace', { hops: hops(1) }),
    'seg6-delete': route('remove', {}),
    'nhid-add': route('install', { nexthopId: GROUP }),
    'nhid-replace': route('replace', { nexthopId: GROUP }),
    'nhid-delete': route('remove', {}),
    'member-replace': work(socket, (w, i) => encodeNexthop(w, 'replace', memberOf(device, i & 1))),
  };
  return async (operation, count, batch) => {
    const before = processorTime();
    const failed = batch === 1 ? works[operation].oneByOne(count) : works[operation].batched(count);
    const microseconds = processorTime() - before;
    if (failed > 0) throw new Error(`ours: ${operation} met ${failed} errors`);
    return (count * 1e6) / microseconds;
  };
}

/** Processor time of this thread, us. The kernel brings a thread's account up to date when the process's is asked for. */
function processorTime(): number {
  process.cpuUsage();
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

/** Performs the first `count` changes; returns how many failed. */
interface Work {
  oneByOne(count: number): number;
  batched(count: number): number;
}

function work(socket: RequestSocket, encode: EncodeAt): Work {
  return {
    oneByOne: (count) => {
      let failed = 0;
      for (let i = 0; i < count; i++) if (socket.requestOf(i, encode)) failed++;
      return failed;
    },
    batched: (count) => {
      let failed = 0;
      for (const outcome of socket.batchRange(count, encode)) if (outcome) failed++;
      return failed;
    },
  };
}

function memberOf(device: number, variant: number): SingleNexthop {
  return {
    kind: 'single',
    id: MEMBER,
    protocol: PROTOCOL,
    family: 'ipv6',
    device,
    encap: { kind: 'seg6', mode: 'encap.red', segments: segments(variant) },
  };
}

function prepare(socket: RequestSocket): number {
  const bridge = socket.request((w) => encodeNewBridge(w, { name: 'sr0' }));
  if (bridge) throw new Error(`cannot create sr0: ${bridge.text}`);
  const link = socket.query((w) => encodeGetLink(w, { name: 'sr0' }), decodeLink);
  if (!link.value) throw new Error(`cannot read sr0: ${link.error?.text}`);
  const device = link.value.index;
  for (const nexthop of [
    memberOf(device, 0),
    { kind: 'group', id: GROUP, protocol: PROTOCOL, members: [{ id: MEMBER, weight: 1 }] } as const,
  ]) {
    const outcome = socket.request((w) => encodeNexthop(w, 'install', nexthop));
    if (outcome) throw new Error(`cannot create nexthop ${nexthop.id}: ${outcome.text}`);
  }
  return device;
}

/** Runs every operation a few times: code is compiled, caches and the kernel's slabs are filled. */
async function warmUp(us: Side, peer: Side): Promise<void> {
  for (let round = 0; round < WARM_UP_SLICES; round++)
    for (const side of [us, peer])
      for (const batch of BATCHES)
        for (const cycle of CYCLES) for (const operation of cycle) await side(operation, COUNT_ONE_BY_ONE, batch);
}

async function measure(options: BenchOptions, us: Side, peer: Side): Promise<Row[]> {
  const rows: Row[] = [];
  await warmUp(us, peer);
  for (const batch of BATCHES) {
    const count = batch === 1 ? COUNT_ONE_BY_ONE : COUNT_BATCHED;
    for (const cycle of CYCLES) {
      const wanted = cycle.filter((operation) => options.isWanted(idOf(operation, batch)));
      if (wanted.length === 0) continue;
      const member = cycle[0] === 'member-replace';
      if (member) await us('nhid-add', ROUTES_UNDER_GROUP, BATCH_MESSAGES);
      const rounds = new Map(cycle.map((operation) => [operation, [] as { ours: number; peer: number }[]]));
      for (let slice = 0; slice < options.rounds * SLICES; slice++) {
        const sides: [string, Side][] = [
          ['ours', us],
          ['peer', peer],
        ];
        if (slice % 2 === 1) sides.reverse();
        const rates = new Map<string, number>();
        for (const [name, side] of sides)
          for (const operation of cycle) {
            // The kernel frees what a change released some ms later (RCU): nobody is to pay for what was before.
            await pause(SETTLE_MS);
            rates.set(`${name} ${operation}`, await side(operation, count, batch));
          }
        for (const operation of cycle)
          rounds.get(operation)!.push({ ours: rates.get(`ours ${operation}`)!, peer: rates.get(`peer ${operation}`)! });
      }
      if (member) await us('nhid-delete', ROUTES_UNDER_GROUP, BATCH_MESSAGES);
      for (const operation of wanted) {
        const row = comparison(
          {
            id: idOf(operation, batch),
            what: `${WHAT[operation]}, ${batch === 1 ? 'one by one' : `${batch} a send`}`,
            unit: 'changes/CPU-s',
            peerName: 'C',
            better: 'higher',
            target: TARGET,
            method: `${options.rounds * SLICES} alternating slices of ${count} changes; acknowledgement ${batch === 1 ? 'on each' : 'on the last of a send'}; processor time of the thread, median of the ratios`,
          },
          rounds.get(operation)!,
        );
        rows.push(row);
        options.progress(`${row.id}: ${row.ours} against ${row.peer} ${row.unit}, ratio ${row.ratio}`);
      }
    }
  }
  return rows;
}

async function run(options: BenchOptions): Promise<Document> {
  if (process.getuid?.() !== 0) throw new Error('needs root: it programs a network namespace of its own');
  const root = join(import.meta.dirname, '../..');
  execFileSync(join(root, 'scripts/build-native'), { stdio: ['ignore', 'ignore', 'inherit'] });
  const directory = mkdtempSync(join(tmpdir(), 'cfn-bench-'));
  const netns = `cfn-bench-${process.pid}`;
  const program = join(directory, 'netlink');
  let socket: RequestSocket | undefined;
  let peer: Peer | undefined;
  try {
    execFileSync('cc', ['-O2', '-Wall', '-o', program, join(import.meta.dirname, 'netlink.c')]);
    execFileSync('ip', ['netns', 'add', netns]);
    // As the daemon sets it: a nexthop change is not repeated for every route.
    execFileSync('ip', ['netns', 'exec', netns, 'sysctl', '-qw', 'net.ipv4.nexthop_compat_mode=0']);
    socket = RequestSocket.open({ netns });
    const device = prepare(socket);
    const rival = new Peer(netns, program, device);
    peer = rival;
    const rows = await measure(options, ours(socket, device), (...args) => rival.measure(...args));
    return { bench: 'netlink', machine: machine(), rows };
  } finally {
    peer?.close();
    socket?.close();
    try {
      execFileSync('ip', ['netns', 'del', netns], { stdio: 'ignore' });
    } catch {
      // It was never made.
    }
    rmSync(directory, { recursive: true, force: true });
  }
}

export const bench: Bench = {
  summary: 'kernel changes a second against a C program',
  programs: ['ip', 'cc', 'sysctl'],
  ids: BATCHES.flatMap((batch) => CYCLES.flat().map((operation) => idOf(operation, batch))),
  run,
};
