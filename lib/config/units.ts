// Values as people write them, to numbers with the unit in the field's name: durations `50ms`, bandwidths `10gbit`
// (as tc writes them), sizes `64MiB`, shares `10%`; addresses to canonical text. A bare number where a unit belongs is
// refused: 50 of what?
import { z } from 'zod';
import { CodedError } from '../errors.ts';
import { addressFamily, canonicalAddress, canonicalPrefix } from '../net/address.ts';

const DURATION_US: Readonly<Record<string, number>> = { us: 1, ms: 1e3, s: 1e6, m: 6e7, h: 3.6e9 };
const BANDWIDTH_BPS: Readonly<Record<string, number>> = { bit: 1, kbit: 1e3, mbit: 1e6, gbit: 1e9, tbit: 1e12 };
const SIZE_BYTES: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

/** Parses `1.5 ms` with the units of `table`; undefined when it is not number and unit. */
function quantity(text: string, table: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d{1,15}(?:\.\d{1,9})?)\s?([A-Za-z]+)$/.exec(text);
  const factor = match && Object.hasOwn(table, match[2]!) ? table[match[2]!] : undefined;
  return match && factor !== undefined ? Number(match[1]) * factor : undefined;
}

function unitPattern(table: Readonly<Record<string, number>>): RegExp {
  return new RegExp(`^\\d{1,15}(\\.\\d{1,9})?\\s?(${Object.keys(table).join('|')})$`);
}

/** What stands there instead, where it is short enough to be one, and fit for a terminal. */
function isNow(input: unknown): string {
  const text = typeof input === 'string' || typeof input === 'number' ? String(input) : '';
  return /^\P{C}{1,30}$/u.test(text) ? `, is ${text}` : '';
}

function withUnit(table: Readonly<Record<string, number>>, example: string) {
  const needed = `needs a number with a unit (${Object.keys(table).join(', ')}), for example ${example}`;
  const error = ({ input }: { readonly input?: unknown }): string => needed + isNow(input);
  return z.string({ error }).regex(unitPattern(table), { error });
}

interface Range {
  /** As written by people; inclusive. */
  readonly min: string;
  readonly max: string;
  /** 0 is allowed below `min` (it switches something off). */
  readonly orZero?: boolean;
}

function duration(unit: 'us' | 'ms', range: Range) {
  const min = quantity(range.min, DURATION_US)!;
  const max = quantity(range.max, DURATION_US)!;
  return withUnit(DURATION_US, '50ms').transform((text, context) => {
    const us = quantity(text, DURATION_US) ?? Number.NaN;
    if ((us >= min && us <= max) || (range.orZero === true && us === 0)) return us / DURATION_US[unit]!;
    const bounds = `between ${range.min} and ${range.max}`;
    context.addIssue({ code: 'custom', message: `must be ${range.orZero ? `0s or ${bounds}` : bounds}, is ${text}` });
    return z.NEVER;
  });
}

/** Duration in ms within `range`. */
export function durationMs(range: Range) {
  return duration('ms', range);
}

/** Duration in µs within `range`. */
export function durationUs(range: Range) {
  return duration('us', range);
}

/** Bandwidth in bits per second, at least 1 bit, at most 100 Tbit. */
export function bandwidthBps() {
  return withUnit(BANDWIDTH_BPS, '10gbit').transform((text, context) => {
    const bps = quantity(text, BANDWIDTH_BPS) ?? Number.NaN;
    if (bps >= 1 && bps <= 1e14) return Math.round(bps);
    context.addIssue({ code: 'custom', message: `must be between 1bit and 100tbit, is ${text}` });
    return z.NEVER;
  });
}

/** Size in bytes, 4 KiB to 1 TiB; 0 where that switches something off. */
export function sizeBytes({ orZero = false } = {}) {
  return withUnit(SIZE_BYTES, '64MiB').transform((text, context) => {
    const bytes = quantity(text, SIZE_BYTES) ?? Number.NaN;
    if (bytes === 0 && orZero) return 0;
    if (bytes >= 4096 && bytes <= 2 ** 40) return Math.round(bytes);
    context.addIssue({ code: 'custom', message: `must be between 4KiB and 1024GiB, is ${text}` });
    return z.NEVER;
  });
}

/** Share in percent, 0..`max`, written `10%`. */
export function percent({ max = 100 } = {}) {
  const needed = `needs a share in percent, 0% to ${max}%, for example ${Math.min(10, max)}%`;
  const error = ({ input }: { readonly input?: unknown }): string => needed + isNow(input);
  return z
    .string({ error })
    .regex(/^(100(\.0+)?|\d{1,2}(\.\d{1,6})?)\s?%$/, { error })
    .refine((text) => Number.parseFloat(text) <= max, { error })
    .transform((text) => Number.parseFloat(text));
}

/** Whole number within bounds; hexadecimal (`0x100`) is YAML's own. */
export function integer(min: number, max: number, error = `must be a whole number between ${min} and ${max}`) {
  return z.number({ error }).int({ error }).min(min, { error }).max(max, { error });
}

/** Number, not negative, finite. */
export function amount() {
  const error = 'must be a number, 0 or more';
  return z.number({ error }).min(0, { error });
}

/** A service's address, or its name in `services`. */
export function serviceReference() {
  const error = 'must be a name from services, or an address';
  return z.string({ error }).min(1, { error }).max(63, { error });
}

/** A name people give: 1..63 of letters, digits, dot, dash, underscore; starts with a letter or digit. */
export function name() {
  const error = 'must be 1 to 63 letters, digits, dots, dashes or underscores';
  return z.string({ error }).regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, { error });
}

/** Free text that travels in attributes (`accelerator:h100`, `eu`): 1..63 printable characters without space. */
export function tag() {
  const error = 'must be 1 to 63 printable characters without spaces';
  return z.string({ error }).regex(/^[\x21-\x7e]{1,63}$/, { error });
}

export function filePath() {
  return z.string({ error: 'must be a file path' }).min(1, { error: 'must be a file path' }).max(4096);
}

/** Name in which `*` stands for any text: `web-*`. */
export function pattern() {
  const error = 'must be 1 to 63 letters, digits, dots, dashes, underscores or *';
  return z.string({ error }).regex(/^[A-Za-z0-9._*-]{1,63}$/, { error });
}

/** Name of a network interface as Linux allows it (IFNAMSIZ 16). */
export function interfaceName() {
  const error = 'must be the name of a network interface (1 to 15 characters, no space, no slash)';
  return z.string({ error }).regex(/^(?!\.{1,2}$)[^\s/]{1,15}$/, { error });
}

/** IP address to canonical text (RFC 5952). */
export function address(family: 'ipv6' | 'any' = 'any') {
  const what = family === 'ipv6' ? 'an IPv6 address' : 'an IP address';
  return z.string({ error: `must be ${what}` }).transform((text, context) => {
    const canonical = orUndefined(() => canonicalAddress(text));
    if (canonical !== undefined && (family === 'any' || addressFamily(canonical) === 'ipv6')) return canonical;
    context.addIssue({ code: 'custom', message: `must be ${what}, is ${JSON.stringify(text)}` });
    return z.NEVER;
  });
}

/** Prefix to canonical text; host bits set are refused, because they are a typing error more often than not. */
export function prefix(family: 'ipv6' | 'any' = 'any') {
  const what = family === 'ipv6' ? 'an IPv6 prefix' : 'a prefix';
  return z.string({ error: `must be ${what}, for example fd00:1::/64` }).transform((text, context) => {
    const canonical = text.includes('/') ? orUndefined(() => canonicalPrefix(text)) : undefined;
    if (canonical === undefined || (family === 'ipv6' && addressFamily(canonical) !== 'ipv6')) {
      context.addIssue({ code: 'custom', message: `must be ${what}, is ${JSON.stringify(text)}` });
      return z.NEVER;
    }
    const written = canonicalAddress(text.slice(0, text.lastIndexOf('/')));
    if (written === canonical.slice(0, canonical.lastIndexOf('/'))) return canonical;
    context.addIssue({ code: 'custom', message: `has host bits set; did you mean ${canonical}?` });
    return z.NEVER;
  });
}

/** Router id: a dotted quad, not zero (RFC 6286 section 2.1). */
export function routerId() {
  const error = 'must be a router id: a dotted quad, not 0.0.0.0';
  return z.string({ error }).transform((text, context) => {
    const canonical = orUndefined(() => canonicalAddress(text));
    if (canonical !== undefined && addressFamily(canonical) === 'ipv4' && canonical !== '0.0.0.0') return canonical;
    context.addIssue({ code: 'custom', message: `${error}; is ${JSON.stringify(text)}` });
    return z.NEVER;
  });
}

function orUndefined<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof CodedError) return undefined;
    throw error;
  }
}
