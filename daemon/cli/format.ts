// Numbers and times as the tables show them. Units stand in the headers, so cells hold digits only.
import type { ComputeStateView } from '../../lib/model/view.ts';

/** Microseconds as milliseconds with µs resolution: `4.200`. */
export function msOfUs(us: number | undefined): string {
  return us === undefined ? '-' : (us / 1000).toFixed(3);
}

/** A count or rate: whole, or with one decimal when it has one. */
export function plain(value: number | undefined): string {
  if (value === undefined) return '-';
  return Number.isInteger(value) ? String(value) : value.toFixed(1);
}

/** A quantity of a contact instance's state, as `show` writes it; `-` where nothing but a score was reported. */
export function ofState(state: ComputeStateView | undefined, value: number | undefined, write = plain): string {
  return state === undefined || (state.workers === 0 && value === 0) ? '-' : write(value);
}

/** A large number with its thousands apart: `1,000,000`. */
export function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** Share 0..1000 as percent: `70.0`. */
export function percentOfWeight(weight: number): string {
  return (weight / 10).toFixed(1);
}

/** Time since `sinceMs`, at most two units: `350ms`, `12s`, `4m03s`, `1h02m`, `3d04h`; `-` for never. */
export function age(sinceMs: number, nowMs: number): string {
  return sinceMs === 0 ? '-' : span(Math.max(0, nowMs - sinceMs));
}

/** A length of time, at most two units. */
export function span(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const pad = (value: number) => String(value).padStart(2, '0');
  if (ms < 1000) return `${Math.floor(ms)}ms`;
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${pad(seconds % 60)}s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h${pad(Math.floor((seconds % 3600) / 60))}m`;
  return `${Math.floor(seconds / 86_400)}d${pad(Math.floor((seconds % 86_400) / 3600))}h`;
}

/** Bits per second as tc writes them: `10gbit`. */
export function bandwidth(bps: number): string {
  const units: readonly [string, number][] = [
    ['tbit', 1e12],
    ['gbit', 1e9],
    ['mbit', 1e6],
    ['kbit', 1e3],
  ];
  const [unit, factor] = units.find(([, size]) => bps >= size) ?? ['bit', 1];
  return `${Number((bps / factor).toPrecision(4))}${unit}`;
}

/** `-` for what is empty. */
export function orDash(text: string): string {
  return text === '' ? '-' : text;
}

/** Local time of day, for lines of `watch`: `12:34:56.789`. */
export function clock(atMs: number): string {
  const at = new Date(atMs);
  const pad = (value: number, width = 2) => String(value).padStart(width, '0');
  return `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}.${pad(at.getMilliseconds(), 3)}`;
}

/** A name where there is one, and otherwise the address it stands for. */
export function named(name: string, address: string): string {
  return name === '' || name === address ? address : name;
}

/** `1 route`, `2 routes`. */
export function counted(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
