// What a person types for a service or a contact instance, to identifiers: a name or an address, exact or refused with
// the nearest known one.
import { nearestWord } from '../../lib/config/nearest-word.ts';
import type { ServiceId } from '../../lib/model/identity.ts';
import type { RibRow, ServiceView } from '../../lib/model/view.ts';
import { canonicalAddress } from '../../lib/net/address.ts';
import type { Outcome } from './backend.ts';

/** Finds the one service that `text` names or addresses. */
export function resolveService(text: string, services: readonly ServiceView[]): Outcome<ServiceId> {
  if (text === '') return { ok: false, code: 'invalid', text: 'a service must be said' };
  const address = asAddress(text);
  // A row a class.
  const found = new Set(
    services.filter((row) => row.service === address || row.name === text).map((row) => row.service),
  );
  const [first] = found;
  if (first !== undefined && found.size === 1) return { ok: true, value: first };
  if (found.size > 1) {
    const list = [...found].join(', ');
    return { ok: false, code: 'invalid', text: `several services are named ${text}: ${list}` };
  }
  return unknown(
    'service',
    text,
    services.flatMap((row) => [row.name, row.service]),
  );
}

type Named = Pick<RibRow, 'service' | 'serviceName' | 'contactInstance' | 'instanceName'>;

/** Those of `rows` that `target` covers: `all`, a contact instance, or every contact instance of a service. */
export function resolveInstances<Row extends Named>(target: string, rows: readonly Row[]): Outcome<readonly Row[]> {
  if (target === '') return { ok: false, code: 'invalid', text: 'a service or contact instance must be said, or all' };
  if (target === 'all') return { ok: true, value: rows };
  const address = asAddress(target);
  const byInstance = rows.filter((row) => row.instanceName === target || row.contactInstance === address);
  const byService = rows.filter((row) => row.serviceName === target || row.service === address);
  const found = byInstance.length > 0 ? byInstance : byService;
  if (found.length > 0) return { ok: true, value: found };
  const words = rows.flatMap((row) => [row.instanceName, row.serviceName, row.contactInstance, row.service]);
  // A service may be configured and well, and have none yet.
  return unknown('contact instance', target, words, ', nor a service that has one');
}

function unknown(what: string, text: string, known: readonly string[], rest = ''): Outcome<never> {
  const near = nearestWord(
    text,
    known.filter((word) => word !== ''),
  );
  const hint = near === undefined ? '' : `; did you mean ${near}?`;
  return { ok: false, code: 'not-found', text: `there is no ${what} ${JSON.stringify(text)}${rest}${hint}` };
}

/** Canonical form of an address; other text as it is. What looks like a name costs no exception: reports come by name. */
function asAddress(text: string): string {
  if (!/:|^[\d.]+$/.test(text)) return text;
  try {
    return canonicalAddress(text);
  } catch {
    return text;
  }
}
