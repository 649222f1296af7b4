// A service as people name it: by its name in `services` or by its address.
import { canonicalAddress } from '../net/address.ts';

/** Canonical address of a service given by name or address; undefined: neither. */
export function resolveService(text: string, services: Readonly<Record<string, string>>): string | undefined {
  if (Object.hasOwn(services, text)) return services[text];
  try {
    return canonicalAddress(text);
  } catch {
    return undefined;
  }
}
