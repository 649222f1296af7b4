// Damping of what comes and goes (RFC 2439) with the thresholds that RFC 7196 found usable: only heavy flappers are held
// back. A penalty a flap, decaying by half every half-life; suppressed above one threshold, used again below another.
// Withdrawals are never held back. Pure; the caller keeps the history and asks again when it is told to.

export interface DampingConfig {
  /** Added by each flap. */
  readonly penalty: number;
  readonly suppress: number;
  readonly reuse: number;
  readonly halfLifeMs: number;
}

/** History of one route; forgotten by the caller once `isForgiven`. */
export interface Flaps {
  /** At `atMs`; it has decayed since. */
  readonly penalty: number;
  readonly atMs: number;
  readonly suppressed: boolean;
}

/** RFC 2439 4.2 "maximum hold-down": however often it flapped, this many half-lives after the last flap it is used again. */
const MAX_HALF_LIVES = 4;

export const UNFLAPPED: Flaps = { penalty: 0, atMs: 0, suppressed: false };

/** History after one more flap. */
export function flapped(before: Flaps, config: DampingConfig, atMs: number): Flaps {
  const ceiling = config.reuse * 2 ** MAX_HALF_LIVES;
  const penalty = Math.min(penaltyAt(before, config, atMs) + config.penalty, ceiling);
  return { penalty, atMs, suppressed: isSuppressed(before, config, atMs) || penalty >= config.suppress };
}

export function penaltyAt(flaps: Flaps, config: DampingConfig, atMs: number): number {
  return flaps.penalty * 2 ** -((atMs - flaps.atMs) / config.halfLifeMs);
}

export function isSuppressed(flaps: Flaps, config: DampingConfig, atMs: number): boolean {
  return flaps.suppressed && atMs < reuseAtMs(flaps, config);
}

/** When a suppressed route may be used again. */
export function reuseAtMs(flaps: Flaps, config: DampingConfig): number {
  return flaps.atMs + Math.max(0, config.halfLifeMs * Math.log2(flaps.penalty / config.reuse));
}

/** RFC 2439 4.8.6: below half the reuse threshold nothing is left to remember. */
export function isForgiven(flaps: Flaps, config: DampingConfig, atMs: number): boolean {
  return penaltyAt(flaps, config, atMs) < config.reuse / 2;
}
