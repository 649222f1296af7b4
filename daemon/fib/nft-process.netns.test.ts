import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NftProcess, runNft } from './nft-process.ts';
import { eventually, Namespace, whyNoKernelTests } from './testing/namespaces.ts';

const skip = whyNoKernelTests();

describe.skipIf(skip !== undefined)(`nft kept open${skip ? ` (skipped: ${skip})` : ''}`, () => {
  let namespace: Namespace;
  let nft: NftProcess;

  beforeEach(() => {
    namespace = new Namespace('nft');
    nft = new NftProcess({ netns: namespace.name, timeoutMs: 20_000 });
  });
  afterEach(async () => {
    await nft.close();
    namespace.remove();
  });

  const chain = () => namespace.run('nft', 'list', 'ruleset');

  it('has the kernel hold the transaction when it says so', async () => {
    expect(await nft.run(['add table inet t', 'add chain inet t c'])).toEqual({ ok: true });
    expect(chain()).toContain('chain c');
    expect(await nft.run([])).toEqual({ ok: true });
  });

  it('performs all of a transaction or nothing, and names what was wrong', async () => {
    await nft.run(['add table inet t', 'add chain inet t c']);
    const kernel = await nft.run(['add rule inet t c accept', 'add rule inet t nowhere accept', 'add chain inet t d']);
    expect(kernel).toEqual({
      ok: false,
      unknown: false,
      text: expect.stringMatching(/No such file or directory.*at: add rule inet t nowhere accept$/),
    });
    const grammar = await nft.run(['add rule inet t c accept', 'add nonsense']);
    expect(grammar).toMatchObject({ ok: false, unknown: false, text: expect.stringContaining('syntax error') });
    expect(chain()).not.toContain('accept');
    expect(await nft.run(['add rule inet t c accept'])).toEqual({ ok: true });
  });

  it('answers each of many queued transactions for itself, in order', async () => {
    await nft.run(['add table inet t', 'add chain inet t c']);
    const outcomes = await Promise.all(
      Array.from({ length: 60 }, (_, i) =>
        nft.run([`add rule inet t ${i % 3 === 1 ? 'nowhere' : 'c'} meta mark ${i}`]),
      ),
    );
    expect(outcomes.map(({ ok }) => ok)).toEqual(Array.from({ length: 60 }, (_, i) => i % 3 !== 1));
    const marks = [...chain().matchAll(/meta mark 0x([0-9a-f]+)/g)].map((match) => Number.parseInt(match[1]!, 16));
    expect(marks).toEqual(Array.from({ length: 60 }, (_, i) => i).filter((i) => i % 3 !== 1));
  });

  it('takes a transaction of tens of kilobytes', async () => {
    const rules = Array.from({ length: 1000 }, (_, i) => `add rule inet t c meta mark ${i} meta l4proto tcp accept`);
    expect(await nft.run(['add table inet t', 'add chain inet t c', ...rules])).toEqual({ ok: true });
    expect(chain().match(/accept/g)).toHaveLength(1000);
  });

  it('fails what was running when nft dies, and starts it anew for the next', async () => {
    await nft.run(['add table inet t']);
    const first = nft.pid!;
    process.kill(first, 'SIGSTOP');
    const running = nft.run(['add chain inet t c']);
    const queued = nft.run(['add chain inet t d']);
    process.kill(first, 'SIGKILL');
    expect(await running).toMatchObject({ ok: false, unknown: true, text: expect.stringContaining('SIGKILL') });
    expect(await queued).toEqual({ ok: true });
    expect(nft.pid).not.toBe(first);
    expect(chain()).toContain('chain d');
  });

  it('gives up on an nft that does not answer', async () => {
    await nft.run(['add table inet t']);
    const stuck = nft.pid!;
    process.kill(stuck, 'SIGSTOP');
    expect(await nft.run(['add chain inet t c'])).toEqual({ ok: false, unknown: true, text: 'nft did not answer' });
    await eventually('the stuck nft is gone', () => !isAlive(stuck));
    expect(await nft.run(['add chain inet t d'])).toEqual({ ok: true });
  });

  it('is replaced before the history that nft keeps grows without bound', async () => {
    const small = new NftProcess({ netns: namespace.name, recycleBytes: 1000 });
    await small.run(['add table inet t', 'add chain inet t c']);
    const first = small.pid!;
    for (let i = 0; i < 40; i++)
      expect(await small.run(['add rule inet t c meta mark 1 accept'])).toEqual({ ok: true });
    expect(small.pid).not.toBe(first);
    await eventually('the first one is gone', () => !isAlive(first));
    expect(chain().match(/accept/g)).toHaveLength(40);
    await small.close();
  });

  it('leaves nothing running after close, and refuses further work', async () => {
    await nft.run(['add table inet t']);
    const { pid } = nft;
    await nft.close();
    expect(isAlive(pid!)).toBe(false);
    expect(await nft.run(['add chain inet t c'])).toMatchObject({ ok: false, text: 'nft was closed' });
  });

  it('reads what a one-off run prints, and says what was wrong', async () => {
    const { name } = namespace;
    expect(await runNft(['-j', 'list', 'ruleset'], { netns: name })).toMatchObject({ ok: true, missing: false });
    expect(await runNft(['list', 'table', 'inet', 'none'], { netns: name })).toMatchObject({
      ok: false,
      text: expect.stringContaining('No such file'),
    });
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
