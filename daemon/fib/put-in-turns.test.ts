import { describe, expect, it } from 'vitest';
import { type FibFailure, type FibRoute, fibKey, fibRoute } from '../../lib/fib/fib.ts';
import type { NetlinkObject } from './kernel-codec.ts';
import type { KernelProgrammer } from './kernel-programmer.ts';
import { putInTurns } from './put-in-turns.ts';

const routes = (count: number): FibRoute[] =>
  Array.from({ length: count }, (_, i) => fibRoute(`10.${i >> 8}.${i & 255}.0/24`, 254, { kind: 'blackhole' }));

/** A kernel whose answer to the nth attempt at an object is told by `answer`. */
function scene(answer: (object: NetlinkObject, attempt: number) => string | undefined) {
  const attempts = new Map<string, number>();
  const inForce: NetlinkObject[] = [];
  const onWay: Promise<void>[] = [];
  const programmer = {
    room: () => undefined,
    idle: async () => void (await Promise.all(onWay.splice(0))),
    putInPassing(objects: readonly NetlinkObject[], from: number, to: number, onRefused: (them: FibFailure[]) => void) {
      const failures: FibFailure[] = [];
      for (const object of objects.slice(from, to)) {
        const key = fibKey(object);
        const attempt = (attempts.get(key) ?? 0) + 1;
        attempts.set(key, attempt);
        const code = answer(object, attempt);
        if (code) failures.push({ key, code, text: code });
        else inForce.push(object);
      }
      // Told later, as the kernel's answers are.
      onWay.push(Promise.resolve().then(() => failures.length > 0 && onRefused(failures)) as Promise<void>);
    },
  } as unknown as KernelProgrammer;
  return { programmer, attempts, inForce };
}

const all = () => undefined;
const never = () => false;

describe('objects put in turns', () => {
  it('come again at the end where the kernel had no memory, and nothing else does', async () => {
    const objects = routes(1000);
    const [poor, wrong] = [objects[3]!, objects[700]!];
    const { programmer, inForce, attempts } = scene((object, attempt) =>
      object === wrong ? 'EINVAL' : object === poor && attempt < 4 ? 'ENOMEM' : undefined,
    );
    const failures: FibFailure[] = [];
    await putInTurns(objects, { programmer, isOver: never, choose: all }, failures);
    expect(failures.map(({ key, code }) => [key, code])).toEqual([[fibKey(wrong), 'EINVAL']]);
    expect(inForce).toHaveLength(999);
    expect(inForce.at(-1)).toBe(poor);
    expect(attempts.get(fibKey(wrong))).toBe(1);
    expect(attempts.get(fibKey(poor))).toBe(4);
  });

  it('leave the event loop to others while the kernel has no memory', async () => {
    const { programmer } = scene((_, attempt) => (attempt < 20 ? 'ENOMEM' : undefined));
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await putInTurns(routes(10), { programmer, isOver: never, choose: all }, []);
    clearInterval(timer);
    expect(turns).toBeGreaterThanOrEqual(10);
  });

  it('are refused when the kernel has no memory however often it is asked', async () => {
    const { programmer, attempts } = scene(() => 'ENOMEM');
    const objects = routes(2);
    const failures: FibFailure[] = [];
    await putInTurns(objects, { programmer, isOver: never, choose: all }, failures);
    expect(failures.map(({ code }) => code)).toEqual(['ENOMEM', 'ENOMEM']);
    expect([...attempts.values()]).toEqual([33, 33]);
  });

  it('are not asked for again once somebody else has decided them, or all is over', async () => {
    const objects = routes(4);
    const { programmer, attempts } = scene(() => 'ENOMEM');
    let pieces = 0;
    const choose = (due: readonly NetlinkObject[], from: number, to: number) =>
      pieces++ === 0 ? undefined : due.slice(from, to).filter((object) => object !== objects[0]);
    await putInTurns(objects, { programmer, isOver: () => pieces >= 3, choose }, []);
    expect([...attempts.values()]).toEqual([1, 3, 3, 3]);
  });

  it('do not come again where the change itself has put another under the key further behind', async () => {
    const before = routes(600);
    const after = fibRoute((before[3] as FibRoute).prefix, 254, { kind: 'too-big', mtu: 1400 });
    const { programmer, inForce } = scene((object, attempt) =>
      (object === before[3] || object === before[5]) && attempt === 1 ? 'ENOMEM' : undefined,
    );
    await putInTurns([...before, after], { programmer, isOver: never, choose: all }, []);
    expect(inForce.filter((object) => fibKey(object) === fibKey(after))).toEqual([after]);
    expect(inForce.at(-1)).toBe(before[5]);
  });
});
