// What may be wrong with a link, in the units of the command line (`5ms`, `1%`, `100mbit`) and of the file's link
// `vars`; parsing only. Who applies it: linkem (link-relay.ts) or netem.
import { LabError } from './engine.ts';

/** Quality of a link, the same in both directions. Delay, jitter one way in µs; 0 of anything: none. */
export interface LinkQuality {
  readonly delayUs: number;
  readonly jitterUs: number;
  readonly lossPercent: number;
  readonly rateBps: number;
}

/** A change of a running link: what is absent stays as it is. */
export type Impairment =
  | { readonly kind: 'quality'; readonly quality: Partial<LinkQuality> }
  /** Carrier of both ends. */
  | { readonly kind: 'carrier'; readonly up: boolean }
  /** Back to what the topology file says, carrier on. */
  | { readonly kind: 'reset' };

export const PERFECT: LinkQuality = { delayUs: 0, jitterUs: 0, lossPercent: 0, rateBps: 0 };

export function isPerfect(quality: LinkQuality): boolean {
  return Object.values(quality).every((value) => value === 0);
}

const DURATION_US = { us: 1, ms: 1000, s: 1_000_000 } as const;
const RATE_BPS = { bit: 1, kbit: 1e3, mbit: 1e6, gbit: 1e9 } as const;

/** `5ms`, `250us`, `1.5s` -> µs, whole; throws LabError. */
export function parseDelay(text: string, what = 'delay'): number {
  return Math.round(scaled(text, DURATION_US, what));
}

/** `1%` or `0.5` -> percent 0..100; throws LabError. */
export function parseLoss(text: string, what = 'loss'): number {
  const match = /^(\d+(?:\.\d+)?)%?$/.exec(text);
  const percent = match === null ? Number.NaN : Number(match[1]);
  if (!(percent <= 100)) throw new LabError(`${what}: ${JSON.stringify(text)} is not a percentage such as 1% or 0.5%`);
  return percent;
}

/** `100mbit` -> bit/s; throws LabError. */
export function parseRate(text: string, what = 'rate'): number {
  return Math.round(scaled(text, RATE_BPS, what));
}

export function formatDelay(us: number): string {
  if (us % 1_000_000 === 0 && us > 0) return `${us / 1_000_000}s`;
  return us % 100 === 0 && us >= 1000 ? `${us / 1000}ms` : `${us}us`;
}

export function formatRate(bps: number): string {
  for (const [unit, factor] of Object.entries(RATE_BPS).reverse())
    if (bps >= factor && bps % factor === 0) return `${bps / factor}${unit}`;
  return `${bps}bit`;
}

/** Link `vars` of a topology file: `delay`, `jitter`, `loss`, `rate`; any other key is refused. */
export function parseLinkVars(vars: Readonly<Record<string, unknown>>, where: string): LinkQuality {
  const text = (key: string): string | undefined => (vars[key] === undefined ? undefined : String(vars[key]));
  for (const key of Object.keys(vars))
    if (!['delay', 'jitter', 'loss', 'rate'].includes(key))
      throw new LabError(`${where}.${key}: unknown link variable (delay, jitter, loss and rate are understood)`);
  const [delay, jitter, loss, rate] = ['delay', 'jitter', 'loss', 'rate'].map(text);
  return {
    delayUs: delay === undefined ? 0 : parseDelay(delay, `${where}.delay`),
    jitterUs: jitter === undefined ? 0 : parseDelay(jitter, `${where}.jitter`),
    lossPercent: loss === undefined ? 0 : parseLoss(loss, `${where}.loss`),
    rateBps: rate === undefined ? 0 : parseRate(rate, `${where}.rate`),
  };
}

function scaled(text: string, units: Readonly<Record<string, number>>, what: string): number {
  const match = /^(\d+(?:\.\d+)?)([a-z]+)$/.exec(text);
  const factor = units[match?.[2] ?? ''];
  if (match === null || factor === undefined) {
    const example = Object.keys(units).map((unit) => `10${unit}`);
    throw new LabError(`${what}: ${JSON.stringify(text)} needs a number with a unit (${example.join(', ')})`);
  }
  return Number(match[1]) * factor;
}
