// The C program that the benches `netlink` and `fib` measure against, as a process in a namespace: told what to change and
// how often, it answers with the time that took.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';

export interface Rates {
  readonly wall: number;
  /** A second of processor time. */
  readonly processor: number;
}

export interface Rival {
  /** Makes the nexthop and the group that its routes go to, on `sr0`. */
  prepare(): Promise<void>;
  /** Changes a second, `batch` a send. */
  measure(operation: string, count: number, batch: number): Promise<Rates>;
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
  const ask = async (
    operation: string,
    count: number,
    batch: number,
  ): Promise<{ nanoseconds: number; median: number; passed: number }> => {
    child.stdin!.write(`${operation} ${count} ${batch} ${device}\n`);
    const line = await lines.next();
    const [nanoseconds = 0, errors, median = 0, passed = 0] = String(line.value).split(' ').map(Number);
    if (line.done || errors !== 0) throw new Error(`C program: ${operation} met ${errors ?? 'its own end'} errors`);
    return { nanoseconds, median, passed };
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
      const { nanoseconds, passed } = await ask(operation, count, batch);
      return { wall: (count * 1e9) / passed, processor: (count * 1e9) / nanoseconds };
    },
    async median(operation, count) {
      return (await ask(operation, count, 1)).median / 1000;
    },
    close() {
      reader.close();
      child.stdin!.end();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
