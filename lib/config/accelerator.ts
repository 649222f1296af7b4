// The one thing of a configuration that must be known before the rest of the daemon is loaded. Judges nothing: parse.ts does.
import { parse } from 'yaml';

/** Whether the text asks for eBPF (`fib.accelerator`); false for a text that is no configuration. */
export function asksForAccelerator(text: string): boolean {
  try {
    const { fib } = parse(text, { logLevel: 'silent' }) as { readonly fib?: { readonly accelerator?: unknown } };
    return fib?.accelerator !== undefined && fib.accelerator !== null;
  } catch {
    return false;
  }
}
