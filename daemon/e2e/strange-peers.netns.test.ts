// Peers that should not be: what speaks something else on the session port, and routers that share an identity. Each
// gets, or leaves, a clear word; nobody else's session notices.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { whyNoKernelTests } from '../fib/testing/namespaces.ts';
import { Lab } from './lab.fixture.ts';
import { built, NODE, runToEnd } from './program.fixture.ts';
import type { Kind } from './strange-peer.fixture.ts';

const why = whyNoKernelTests();
if (why) process.stderr.write(`strange peers are not tested: ${why}\n`);

const A_PEERS = [
  { name: 'rb', address: 'fd00:ffff:0::2' },
  { name: 'x', address: 'fd00:aa::20', passive: true },
];

/** A second's keepalives of three sessions and some measured links; routers that outdo each other send thousands. */
const QUIET_MESSAGES = 30;

describe.skipIf(why !== undefined)('on the session port', () => {
  let lab: Lab;

  beforeAll(async () => {
    await built();
    lab = new Lab({ routers: ['ra', 'rb'], links: [['ra', 'rb']], patient: true, options: { ra: { peers: A_PEERS } } });
    const stranger = lab.addStranger('x', 'ra', 'x', 'fd00:aa::20/64', 'fd00:aa::1/64');
    for (let n = 1; n <= 9; n++) stranger.ip('addr', 'add', `fd00:aa::2${n}/64`, 'dev', 'uplink');
    for (const name of ['ra', 'rb']) lab.start(name);
    await lab.until('a and b have a session', async () => (await peer('rb')).state === 'Established');
  }, 300_000);

  afterAll(async () => {
    await lab?.stop();
  });

  async function peer(name: string) {
    const peers = await lab.ask('ra', (admin) => admin.show('peers'));
    return peers.find((it) => it.name === name)!;
  }

  /** What the strange peer was told. */
  async function visit(kind: Kind, source: string): Promise<Record<string, unknown>> {
    const script = join(import.meta.dirname, 'strange-peer.fixture.ts');
    const { stdout, stderr } = await runToEnd(lab.ns('x'), [NODE, script, kind, 'fd00:aa::1', source]);
    if (stdout === '') throw new Error(`${kind} ended without a word: ${stderr}`);
    return JSON.parse(stdout) as Record<string, unknown>;
  }

  /** A line of a's log about what `source`, or peer x, did. */
  async function logged(text: RegExp, fields: Record<string, unknown>): Promise<void> {
    await lab.until(`a says ${text}`, () =>
      lab
        .daemon('ra')
        .lines(text)
        .some((line) => Object.entries(fields).every(([name, value]) => line[name] === value)),
    );
  }

  test.for<{ kind: Kind; source: string; text: RegExp }>([
    { kind: 'random', source: 'fd00:aa::21', text: /speaks neither HTTP\/2 nor anything known: dropped/ },
    { kind: 'http1', source: 'fd00:aa::22', text: /speaks HTTP\/1: dropped/ },
    { kind: 'tls', source: 'fd00:aa::23', text: /speaks TLS, but this side is configured for plaintext: dropped/ },
    { kind: 'stranger', source: 'fd00:aa::24', text: /address that is no configured peer: rejected/ },
  ])('$kind is named and dropped', { timeout: 300_000 }, async ({ kind, source, text }) => {
    const answer = await visit(kind, source);
    await logged(text, { address: source, level: 'warn' });
    if (kind === 'stranger')
      expect(answer.heard).toMatchObject([
        { type: 'NOTIFICATION', code: 6, subcode: 5, text: `${source} is not a configured peer of this router` },
      ]);
  });

  test('a method that does not exist is answered as gRPC answers it', { timeout: 300_000 }, async () => {
    expect(await visit('method', 'fd00:aa::25')).toMatchObject({ status: '12' });
  });

  test('another protocol version is told which one is spoken here', { timeout: 300_000 }, async () => {
    const text = 'protocol version 99 is not supported, only 1';
    const { heard } = await visit('version', 'fd00:aa::20');
    expect(heard).toContainEqual(expect.objectContaining({ type: 'NOTIFICATION', code: 2, subcode: 1, text }));
    await logged(/protocol version 99 is not supported, only 1/, { peer: 'x' });
  });

  test('a frame of noise, and one beyond the limit, end that session only', { timeout: 300_000 }, async () => {
    const { heard } = await visit('noise', 'fd00:aa::20');
    expect(heard).toContainEqual(expect.objectContaining({ type: 'NOTIFICATION', code: 1 }));
    // Until its idle hold time is over it is told that instead.
    await lab.until('the oversized one is told why', async () => {
      const { heard: then } = await visit('oversized', 'fd00:aa::20');
      return /NOTIFICATION","code":1,"subcode":2.*at most 4194304/.test(JSON.stringify(then));
    });
    await lab.until('x is not established', async () => (await peer('x')).state !== 'Established');
  });

  test('and nobody else noticed', async () => {
    expect(await peer('rb')).toMatchObject({ state: 'Established', flaps: 0 });
    for (const name of ['ra', 'rb']) expect(lab.daemon(name).running, lab.daemon(name).tail()).toBe(true);
    expect(lab.daemon('ra').log.filter((line) => /error|fatal/.test(line.level))).toEqual([]);
  });
});

describe.skipIf(why !== undefined)('two routers with one router id', () => {
  let lab: Lab;

  beforeAll(async () => {
    await built();
    // c has a's id, two hops away; d has b's id, next to b.
    const plan = {
      routers: ['ra', 'rb', 'rc', 'rd'],
      links: [
        ['ra', 'rb'],
        ['rb', 'rc'],
        ['rb', 'rd'],
      ] as const,
    };
    lab = new Lab({
      ...plan,
      patient: true,
      options: { rc: { 'router-id': '10.0.0.1' }, rd: { 'router-id': '10.0.0.2', links: [] } },
    });
    for (const name of plan.routers) lab.start(name);
  }, 300_000);

  afterAll(async () => {
    await lab?.stop();
  });

  test('are told apart in the log of both, when neighbours refuse each other', { timeout: 300_000 }, async () => {
    for (const [name, other] of [
      ['rb', 'rd'],
      ['rd', 'rb'],
    ] as const)
      await lab.until(`${name} names ${other}`, () =>
        lab.daemon(name).log.some((line) => line.peer === other && /10\.0\.0\.2 is used twice/.test(line.msg)),
      );
  });

  test('are told when they are not neighbours, and the flood ends', { timeout: 300_000 }, async () => {
    // The one whose advertisement is older hears the other's; its own goes no further than the first router in between.
    const told = (name: string, other: string) =>
      lab
        .daemon(name)
        .lines(/duplicate router id in the domain/)
        .some((line) => line.level === 'error' && line.name === other && line.routerId === '10.0.0.1');
    await lab.until('one of them names the other', () => told('ra', 'rc') || told('rc', 'ra'));
    await lab.until('who hears both shows it', async () => {
      const rows = await lab.ask('rb', (admin) => admin.show('link-state'));
      return rows.some((row) => /^router id 10\.0\.0\.1 is also that of r[ac] /.test(row.fault));
    });
    const peers = () => lab.ask('rb', (admin) => admin.show('peers'));
    await lab.until('their sessions hold', async () => {
      return (await peers()).filter((it) => it.state === 'Established' && it.flaps === 0).length === 2;
    });
    let [sinceMs, before] = [performance.now(), Number.NEGATIVE_INFINITY];
    await lab.until('a second passes with hardly a message', async () => {
      if (performance.now() - sinceMs < 1000) return false;
      const now = (await peers()).reduce((sum, it) => sum + it.messagesIn, 0);
      const quiet = now - before < QUIET_MESSAGES;
      [sinceMs, before] = [performance.now(), now];
      return quiet;
    });
  });
});
