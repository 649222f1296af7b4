// The C program that the benches `netlink` and `fib` measure against, as a process in a namespace: told what to change and
// how often, it answers with the time that took.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';

/** Processor time of this thread, us. The kernel brings a thread's account up to date when the process's is asked for. */
export function processorTime(): number {
  process.cpuUsage();
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

export interface Rival {
  /** Makes the nexthop and the group that its routes go to, on `sr0`. */
  prepare(): Promise<void>;
  /** Changes a second of processor time, `batch` a send. */
  measure(operation: string, count: number, batch: number): Promise<number>;
  /** Wall time of the median change, us, of `count` changes one by one. */
  median(operation: string, count: number): Promise<number>;
  close(): void;
}

/** Compiles and starts it. The namespace must have `sr0`. */
export function startRival(netns: string): Rival {
  const directory = mkdtempSync(join(tmpdir(), 'cfn-rival-'));
  const program = join(directory, 'netlink');
  execFileSync('cc', ['-O2', '-Wall', '-o', program, join(import.meta.dirname, 'netlink.c')]);
  const device = Number(
    /^(\d+):/.exec(execFileSync('ip', ['-n', netns, '-o', 'link', 'show', 'sr0'], { encoding: 'utf8' }))![1],
  );
  const child: ChildProcess = spawn('ip', ['netns', 'exec', netns, program], { stdio: ['pipe', 'pipe', 'inherit'] });
  const reader: Interface = createInterface({ input: child.stdout! });
  const lines = reader[Symbol.asyncIterator]();
  const ask = async (operation: string, count: number, batch: number): Promise<readonly [number, number]> => {
    child.stdin!.write(`${operation} ${count} ${batch} ${device}\n`);
    const line = await lines.next();
    const [nanoseconds = 0, errors, median = 0] = String(line.value).split(' ').map(Number);
    if (line.done || errors !== 0) throw new Error(`C program: ${operation} met ${errors ?? 'its own end'} errors`);
    return [nanoseconds, median];
  };
  return {
    async prepare() {
      const ip = (...args: string[]) => execFileSync('ip', ['-n', netns, ...args]);
      ip(
        '-6',
        'nexthop',
        'add',
        'id',
        '1000',
        'encap',
        'seg6',
        'mode',
        'encap.red',
        'segs',
        'fd00:1::1,fd00:2::1',
        'dev',
        'sr0',
      );
      ip('nexthop', 'add', 'id', '2000', 'group', '1000');
    },
    async measure(operation, count, batch) {
      return (count * 1e9) / (await ask(operation, count, batch))[0];
    },
    async median(operation, count) {
      return (await ask(operation, count, 1))[1] / 1000;
    },
    close() {
      reader.close();
      child.stdin!.end();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
