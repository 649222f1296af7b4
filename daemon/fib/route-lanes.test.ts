import { describe, expect, it } from 'vitest';
import { type FibFailure, fibKey, fibRoute, type RouteTarget } from '../../lib/fib/fib.ts';
import { Flag, MessageType } from '../../lib/netlink/constants.ts';
import { netlinkError } from '../../lib/netlink/errors.ts';
import { Writer } from '../../lib/netlink/writer.ts';
import type { Berth, OnAnswered } from '../netlink/berth.ts';
import type { EncodeAt, RequestSocket } from '../netlink/request-socket.ts';
import { KernelProgrammer } from './kernel-programmer.ts';

const EPERM = 1;
const HOLE: RouteTarget = { kind: 'blackhole' };
const SMALL: RouteTarget = { kind: 'too-big', mtu: 1400 };
const route = (target: RouteTarget) => fibRoute('fd00:beef::/48', 254, target);

type Verb = 'install' | 'replace' | 'remove';

/** A kernel that is told one message at a time, and answers when it is waited for. */
function scene() {
  const asked: Verb[] = [];
  const way: (() => void)[] = [];
  let keepsAll = false;
  const answer = (encode: EncodeAt) => {
    const writer = new Writer();
    encode(writer, 0);
    const header = new DataView(writer.bytes.buffer);
    const isRemoval = header.getUint16(4, true) === MessageType.delRoute;
    asked.push(isRemoval ? 'remove' : header.getUint16(6, true) & Flag.replace ? 'replace' : 'install');
    return isRemoval && keepsAll ? netlinkError(EPERM) : null;
  };
  const dispatcher = {
    newBerth: () => ({}),
    get isBusy() {
      return way.length > 0;
    },
    flush: () => {
      for (const tell of way.splice(0)) tell();
    },
    postRange: (_berth: Berth, _count: number, encode: EncodeAt, _batch: number, onAnswered: OnAnswered) => {
      const outcome = answer(encode);
      way.push(() => onAnswered(outcome === null ? undefined : [outcome]));
    },
  };
  const requests = {
    dispatcher: () => dispatcher,
    batchRange: (count: number, encode: EncodeAt) => (count === 0 ? [] : [answer(encode)]),
  } as unknown as RequestSocket;
  const context = { protocol: 201, hmacKeyId: undefined, sidDevice: () => 1, deviceIndex: () => 1 };
  const programmer = new KernelProgrammer(requests, context);
  const failures: FibFailure[] = [];
  const put = (target: RouteTarget) => programmer.putInPassing([route(target)], 0, 1, (them) => failures.push(...them));
  const remove = () => programmer.removeInPassing([route(HOLE)], 0, 1, (_, them) => failures.push(...them));
  const keepAll = (keeps: boolean) => {
    keepsAll = keeps;
  };
  return { programmer, asked, failures, put, remove, keepAll };
}

describe('a route that the kernel does not let go', () => {
  it('is replaced by what is put while its removal is on its way', () => {
    const { programmer, asked, failures, put, remove, keepAll } = scene();
    put(HOLE);
    programmer.flush();
    keepAll(true);
    remove();
    put(SMALL);
    programmer.flush();
    expect(asked).toEqual(['install', 'remove', 'replace']);
    expect(failures.map(({ key, code }) => [key, code])).toEqual([[fibKey(route(HOLE)), 'EPERM']]);
    expect(programmer.held.heldAs(route(HOLE))).toEqual(route(SMALL));
  });

  it('is asked for again when everything goes', () => {
    const { programmer, asked, put, remove, keepAll } = scene();
    put(HOLE);
    programmer.flush();
    keepAll(true);
    remove();
    keepAll(false);
    programmer.removeAll();
    expect(asked).toEqual(['install', 'remove', 'remove']);
    expect(programmer.held.size).toBe(0);
  });
});
