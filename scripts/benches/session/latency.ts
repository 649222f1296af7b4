// One new route at a time from one far end to another, timed by the program that times nothing else (update-clock), in place
// of this load's own: as the BGP daemons' load, it is C, and what Node takes on either side would be most of what is measured.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { acknowledgeSettings, inCall, openCall } from '../update-clock/http2.ts';
import { encodeScript } from '../update-clock/script.ts';
import { framed, openOf, routeFrames, SENDERS_SITE } from './frames.ts';

/** Numbers of the routes: octets that nothing else of an update has. */
const FIRST = 0x7e57_0000;
/** These two say no KEEPALIVE. */
export const CLOCK_HOLD_TIME_MS = 240_000;

export interface LatencyClock {
  /** What `buildClock` made. */
  readonly program: string;
  /** Written. */
  readonly script: string;
  readonly daemon: string;
  readonly port: number;
  /** Addresses of the far end that sends, and of the one that is told. */
  readonly own: string;
  readonly other: string;
  /** Router ids of both. */
  readonly routers: readonly [number, number];
}

/** Quantiles in seconds. */
export function latency(clock: LatencyClock, trials: number): { readonly p50: number; readonly p99: number } {
  const [own, other] = clock.routers;
  const updates = Array.from({ length: trials }, (_, trial) => {
    const first = FIRST + trial;
    const rows = { first, count: 1, perMessage: 1, services: 0, version: 1, announce: true, router: own };
    const route = Buffer.alloc(4);
    route.writeUInt32BE(first);
    return { message: inCall(routeFrames({ ...rows, handleBase: FIRST - 1 })), route, elements: Buffer.alloc(0) };
  });
  const script = { other: greetings(other, 'core'), greetings: greetings(own, SENDERS_SITE), before: 0, updates };
  writeFileSync(clock.script, encodeScript(script));
  const args = [clock.daemon, String(clock.port), clock.script, clock.own, 'peer', clock.other];
  const [whole] = execFileSync(clock.program, args, { encoding: 'utf8' }).split('\n');
  const { p50, p99 } = JSON.parse(whole!) as { p50: number; p99: number };
  return { p50, p99 };
}

function greetings(router: number, site: string): Buffer[] {
  const routerId = [router >>> 24, (router >>> 16) & 255, (router >>> 8) & 255, router & 255].join('.');
  const open = openOf({ site, routerId, name: `clock-${routerId}`, holdTimeMs: CLOCK_HOLD_TIME_MS });
  return [
    Buffer.concat([openCall(), inCall(framed(open))]),
    Buffer.concat([acknowledgeSettings(), inCall(framed({ type: 'KEEPALIVE' }))]),
  ];
}
