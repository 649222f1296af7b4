// What people type after an option, to numbers; what is wrong is said as a usage error.
import { InvalidArgumentError } from 'commander';

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 6e4, h: 3.6e6 };
const UNITS_US: Readonly<Record<string, number>> = { us: 1, ms: 1e3, s: 1e6 };

/** A number, 0 or more. */
export function amount(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isFinite(value)) throw new InvalidArgumentError('it must be a number, 0 or more.');
  return value;
}

/** A whole number, 1 or more. */
export function count(text: string): number {
  const value = amount(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError('it must be a whole number, 1 or more.');
  return value;
}

/** A score: a whole number 0..10. */
export function score(text: string): number {
  const value = amount(text);
  if (!Number.isInteger(value) || value > 10) throw new InvalidArgumentError('it must be a whole number from 0 to 10.');
  return value;
}

/** A time with its unit, to whole ms. */
export function durationMs(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
  if (match === null) throw new InvalidArgumentError('it must be a time with its unit (ms, s, m, h), for example 5m.');
  return Math.round(Number(match[1]) * UNITS_MS[match[2]!]!);
}

/** A time with its unit, to µs. */
export function durationUs(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(us|ms|s)$/.exec(text);
  if (match === null) throw new InvalidArgumentError('it must be a time with its unit (us, ms, s), for example 15ms.');
  return Number(match[1]) * UNITS_US[match[2]!]!;
}
