// A rehearsal: before there is much to do, a scratch router goes through what a busy one does, so that V8 has compiled the
// code by which routes are read, decided upon and passed on before the first of them counts. Without it the first ten
// thousand routes of a table cost four times as much as the last. Nothing of it reaches a peer or the kernel.

import { FAMILIES } from '../../lib/model/identity.ts';
import type { UpdateMessage } from '../../lib/session/message.ts';
import { wallClockMs } from '../runtime/clock.ts';
import { LISTENER, REPORT_GAP_MS, ROUTER_ID, SITES, scratchConfig } from './scratch-config.ts';
import { framed, ScratchRouter } from './scratch-router.ts';
import { announcer, type Load, loadOf, update, whereIs, withdrawal } from './updates.ts';

/** Rows that a site announces in messages of many, and of one. */
const ROWS = 2048;
const ROWS_A_MESSAGE = 64;
const SINGLE_ROWS = 768;
const MESSAGES_A_READ = 16;
const STEERING_REPORTS = 64;

interface Line {
  readonly peer: string;
  readonly bytes: Uint8Array;
  /** What the contact instance here says next. */
  readonly load?: Load;
  /** Time that passes after it. */
  readonly thenMs: number;
}

/**
 * Lives of a scratch router, without an end; whoever runs it stops where it likes. Between two yields lies about a message: a
 * fraction of a millisecond, a few while the code is new. Each life ends with `life`.
 */
export function* rehearsal(): Generator<'step' | 'life', never> {
  const lines: Line[] = [];
  for (const line of script(wallClockMs())) {
    lines.push(line);
    yield 'step';
  }
  const config = scratchConfig();
  for (;;) {
    // Another router each time: code that has only ever seen one is compiled for that one.
    for (const _ of life(new ScratchRouter(config), lines)) yield 'step';
    yield 'life';
  }
}

export function* life(router: ScratchRouter, lines: Iterable<Line>): Generator<void> {
  for (const { peer, bytes, load, thenMs } of lines) {
    yield;
    router.say(peer, bytes);
    if (load) router.report(load);
    if (thenMs > 0) router.pass(thenMs);
  }
}

/** Two sites say where they are; their tables come, change, change row by row, move traffic as the load here does, and go. */
export function* script(wallMs: number): Generator<Line> {
  const sites = SITES.map((name, number) => announcer(number, name));
  const line = (peer: string, message: UpdateMessage, thenMs = 0): Line => ({ peer, bytes: framed(message), thenMs });
  for (const site of sites) {
    yield line(site.name, whereIs(site, ROUTER_ID, wallMs));
  }
  yield line(LISTENER, { type: 'UPDATE', endOfRib: [...FAMILIES] });
  for (let sequence = 1; sequence <= 2; sequence++)
    for (let row = 0; row < ROWS; row += ROWS_A_MESSAGE)
      for (const site of sites)
        yield line(site.name, update(site, row, ROWS_A_MESSAGE, { sequence, announce: sequence === 1, wallMs }));
  for (let row = ROWS; row < ROWS + SINGLE_ROWS; row += MESSAGES_A_READ)
    for (const site of sites) {
      const one = (i: number) => framed(update(site, row + i, 1, { sequence: 1, announce: true, wallMs }));
      yield {
        peer: site.name,
        bytes: Buffer.concat(Array.from({ length: MESSAGES_A_READ }, (_, i) => one(i))),
        thenMs: 0,
      };
    }
  for (let sequence = 3; sequence < 3 + STEERING_REPORTS; sequence++) {
    const site = sites[sequence % sites.length]!;
    const report = update(site, 0, 1, { sequence, announce: false, wallMs });
    yield { ...line(site.name, report, REPORT_GAP_MS), load: loadOf(sequence) };
  }
  for (let row = 0; row < ROWS + SINGLE_ROWS; row += ROWS_A_MESSAGE)
    for (const site of sites) yield line(site.name, withdrawal(row, ROWS_A_MESSAGE));
}
