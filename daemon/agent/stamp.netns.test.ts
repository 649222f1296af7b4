// STAMP over a real link between two namespaces: liveness against packet loss, a killed daemon, and an address that
// comes later.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

const DEADLINE = { timeout: 30_000, interval: 10 };
const PORT = 862;
const A = 'fd00:0:1::1';
const B = 'fd00:0:1::2';
/** 500 ms without a sign of life: what a busy test machine does to either process must not look like a dead path. */
const PATIENT = 10;
const child = fileURLToPath(new URL('./stamp-child.ts', import.meta.url));

const ip = (...args: string[]) => void execFileSync('ip', args, { stdio: ['ignore', 'pipe', 'pipe'] });
const nsA = `cfnd-stamp-a-${process.pid}`;
const nsB = `cfnd-stamp-b-${process.pid}`;

function impossible(): string | undefined {
  if (process.getuid?.() !== 0) return 'not root';
  try {
    ip('netns', 'add', nsA);
    ip('netns', 'delete', nsA);
    return undefined;
  } catch (error) {
    return `cannot make a network namespace: ${(error as Error).message.split('\n')[0]}`;
  }
}
const reason = impossible();
if (reason) console.warn(`stamp.netns.test: skipped, ${reason}`);

interface Line {
  readonly type: string;
  readonly text?: string;
  readonly atMs: number;
  readonly delayMinUs: number;
}

const children: ChildProcess[] = [];

function agentIn(
  netns: string,
  localAddress: string,
  remoteAddress: string,
  detectMultiplier = 3,
): { process: ChildProcess; lines: Line[]; types: () => string[] } {
  const agent = spawn(
    'ip',
    [
      'netns',
      'exec',
      netns,
      process.execPath,
      child,
      String(PORT),
      'veth0',
      localAddress,
      remoteAddress,
      String(detectMultiplier),
    ],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  children.push(agent);
  const lines: Line[] = [];
  createInterface({ input: agent.stdout! }).on('line', (line) => lines.push(JSON.parse(line)));
  return { process: agent, lines, types: () => lines.map((line) => line.type) };
}

const addAddress = (netns: string, address: string) =>
  ip('-n', netns, 'address', 'add', `${address}/64`, 'dev', 'veth0', 'nodad');
const nowMs = () => performance.timeOrigin + performance.now();

describe.skipIf(reason)('STAMP over a link between namespaces', () => {
  beforeEach(() => {
    ip('netns', 'add', nsA);
    ip('netns', 'add', nsB);
    ip('-n', nsA, 'link', 'add', 'veth0', 'type', 'veth', 'peer', 'name', 'veth0', 'netns', nsB);
    for (const netns of [nsA, nsB]) ip('-n', netns, 'link', 'set', 'veth0', 'up');
  });
  afterEach(() => {
    for (const process of children.splice(0)) process.kill('SIGKILL');
    for (const netns of [nsA, nsB]) ip('netns', 'delete', netns);
  });

  test('finds the path up, measures it, and sees it die', async () => {
    addAddress(nsA, A);
    addAddress(nsB, B);
    const a = agentIn(nsA, A, B);
    agentIn(nsB, B, A);
    await vi.waitFor(() => expect(a.types()).toContain('link-measured'), DEADLINE);
    expect(a.lines.find((line) => line.type === 'link-measured')!.delayMinUs).toBeGreaterThan(0);
    // The far side's port answers no more, and its host is silent too: no ICMPv6 leaves a link without its address.
    const cutMs = nowMs();
    ip('-n', nsB, 'link', 'set', 'veth0', 'down');
    const down = () => a.lines.find((line) => line.type === 'path-down' && line.atMs > cutMs);
    await vi.waitFor(() => expect(down()).toBeDefined(), DEADLINE);
  });

  test('keeps the path while the far daemon is killed and started again', async () => {
    addAddress(nsA, A);
    addAddress(nsB, B);
    const a = agentIn(nsA, A, B, PATIENT);
    const b = agentIn(nsB, B, A, PATIENT);
    await vi.waitFor(() => expect(a.types()).toContain('path-up'), DEADLINE);
    // Before b ran, its host may have refused as well, or said nothing.
    const from = a.lines.length;
    const says = (text: string) => a.lines.slice(from).some((line) => line.text?.includes(text));
    b.process.kill('SIGKILL');
    await vi.waitFor(() => expect(says('refuses')).toBe(true), DEADLINE);
    // Longer than the detection time, and longer than Linux' allowance of ICMPv6 errors in a burst lasts.
    const killedMs = nowMs();
    await vi.waitFor(() => expect(nowMs() - killedMs).toBeGreaterThan(4_000), DEADLINE);
    agentIn(nsB, B, A, PATIENT);
    await vi.waitFor(() => expect(says('answers test packets again')).toBe(true), DEADLINE);
    expect(a.types().slice(from)).not.toContain('path-down');
  });

  test('starts before its address exists and measures when it does', async () => {
    addAddress(nsB, B);
    const a = agentIn(nsA, A, B);
    agentIn(nsB, B, A);
    await vi.waitFor(() => expect(a.types()).toContain('path-down'), DEADLINE);
    addAddress(nsA, A);
    a.process.stdin!.write('changed\n');
    await vi.waitFor(() => expect(a.types()).toContain('link-measured'), DEADLINE);
  });

  test('comes back after the interface lost its address and got it again', async () => {
    addAddress(nsA, A);
    addAddress(nsB, B);
    const a = agentIn(nsA, A, B, PATIENT);
    agentIn(nsB, B, A, PATIENT);
    await vi.waitFor(() => expect(a.types()).toContain('path-up'), DEADLINE);
    ip('-n', nsA, 'address', 'delete', `${A}/64`, 'dev', 'veth0');
    await vi.waitFor(() => expect(a.types().at(-1)).toBe('path-down'), DEADLINE);
    const from = a.lines.length;
    addAddress(nsA, A);
    await vi.waitFor(() => expect(a.types().slice(from)).toContain('path-up'), DEADLINE);
  });
});
