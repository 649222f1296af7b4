// The routes of bench `fib`, the same as those of netlink.c, and what every change of them has to answer.
import { type FibObject, type FibResult, fibRoute, type RouteTarget } from '../../lib/fib/fib.ts';

export const COUNT = 100_000;
/** Between one side's turn and the other's. */
export const SETTLE_MS = 200;
export const SEGMENTS = [['fd00:1::1', 'fd00:2::1'] as const, ['fd00:1::1', 'fd00:3::1'] as const];

export function routes(count: number, target: RouteTarget): FibObject[] {
  return Array.from({ length: count }, (_, i) => fibRoute(prefixOf(i), 254, target));
}

export function prefixOf(i: number): string {
  const [high, low] = [i >>> 16, i & 0xffff].map((group) => group.toString(16)) as [string, string];
  // As the router has them: canonical, so zeros are not written.
  if (high === '0' && low === '0') return '2001:db8::/64';
  return low === '0' ? `2001:db8:${high}::/64` : `2001:db8:${high}:${low}::/64`;
}

/** Throws by name when a change was refused. */
export function good(what: string, result: FibResult): void {
  const [failure] = result.failures;
  if (failure) throw new Error(`${what}: ${failure.key}: ${failure.code}: ${failure.text}`);
}
