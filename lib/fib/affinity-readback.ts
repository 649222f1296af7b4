// Reads affinity services back from nft's JSON, the inverse of affinity-rules.ts. Whatever is not as we would have
// rendered it makes the service `damaged`, and the caller renders it anew; nothing here trusts a name alone.
import { addressToBytes, bytesToAddress } from '../net/address.ts';
import { classesOf, instancesOf, partsOf } from './affinity-classes.ts';
import { readMatch } from './affinity-match.ts';
import { CLASSIFY_CHAIN, classNames, ofDecideChain, serviceChains } from './affinity-names.ts';
import { type ChainRules, readClass } from './affinity-readback-class.ts';
import type { NumberRange } from './affinity-weights.ts';
import type { AffinityService, ClassCounter, ClassifierRule } from './fib.ts';
import { asArray, asObject, targetOf } from './nft-json.ts';

export interface AffinityReadBack {
  readonly services: readonly AffinityService[];
  /** Addresses of services whose chains, sets or map entry are not whole. */
  readonly damaged: ReadonlySet<string>;
}

/** Numbers of each share by its name, ascending; undefined where its elements are no ranges of ours. */
export type SharesRead = ReadonlyMap<string, readonly NumberRange[] | undefined>;

/**
 * Parses the documents of `nft -j list table` (terse) and `nft -j list map` for our table; order does not matter,
 * other tables' objects must not be among them; the shares are read apart. Throws SyntaxError when a text is not JSON.
 * `accelerated`: as it was rendered.
 */
export function readAffinity(documents: readonly string[], shares: SharesRead, accelerated = false): AffinityReadBack {
  const items = documents
    .flatMap((text) => asArray(asObject(JSON.parse(text))?.nftables))
    .map((item) => asObject(item));
  const chains = new Map<string, unknown[][]>();
  const named = new Set<string>();
  const entries = new Map<string, string>();
  for (const item of items) {
    const chain = asObject(item?.chain);
    if (chain) chains.set(String(chain.name), []);
    const part = asObject(item?.set) ?? asObject(item?.counter);
    if (part) named.add(String(part.name));
    for (const pair of asArray(asObject(item?.map)?.elem)) {
      const [address, verdict] = asArray(pair);
      entries.set(String(address), String(asObject(asObject(verdict)?.goto)?.target));
    }
  }
  for (const item of items) {
    const rule = asObject(item?.rule);
    if (rule) chains.get(String(rule.chain))?.push(asArray(rule.expr));
  }
  const services: AffinityService[] = [];
  const damaged = new Set<string>();
  const baseWhole = chains.get(CLASSIFY_CHAIN)?.length === (accelerated ? 3 : 2);
  for (const name of chains.keys()) {
    const address = addressOfChain(name);
    if (address === undefined) continue;
    const { service, whole } = readService(address, chains, shares);
    services.push(service);
    const { sets, counters } = partsOf(service);
    const held = [...sets.map((set) => set.name), ...counters].every((part) => named.has(part));
    if (!baseWhole || !whole || !held || entries.get(address) !== name) damaged.add(address);
  }
  return { services, damaged };
}

/** Elements in the document of `nft -j list set`; 0 when it holds none. Throws SyntaxError. */
export function countElements(document: string): number {
  const items = asArray(asObject(JSON.parse(document))?.nftables);
  return items.reduce<number>((sum, item) => sum + asArray(asObject(asObject(item)?.set)?.elem).length, 0);
}

/** Counters of these services' classes in the document of `nft -j list counters`. Throws SyntaxError. */
export function readClassCounters(document: string, services: readonly AffinityService[]): ClassCounter[] {
  const found = new Map<string, { packets: number; bytes: number }>();
  for (const item of asArray(asObject(JSON.parse(document))?.nftables)) {
    const { name, packets, bytes } = asObject(asObject(item)?.counter) ?? {};
    if (typeof packets === 'number' && typeof bytes === 'number') found.set(String(name), { packets, bytes });
  }
  return services.flatMap(({ service, ...own }) =>
    classesOf({ service, ...own }).flatMap(({ name }) => {
      const counter = found.get(classNames(service, name).counter);
      return counter ? [{ service, name, ...counter }] : [];
    }),
  );
}

function readService(
  address: string,
  chains: ChainRules,
  shares: SharesRead,
): { service: AffinityService; whole: boolean } {
  const { main, finish, classes } = serviceChains(address);
  const names = [...chains.keys()].flatMap((chain) => ofDecideChain(address, chain) ?? []);
  const read = new Map(names.map((name) => [name, readClass(address, name, chains, shares)]));
  const own = read.get('') ?? readClass(address, '', chains, shares);
  read.delete('');
  const classifier = read.size === 0 ? [] : readClassifier(address, chains.get(classes) ?? []);
  const service: AffinityService = {
    kind: 'affinity',
    service: address,
    ...own.class,
    ...(read.size > 0 && { classes: [...read].map(([name, one]) => ({ name, ...one.class })) }),
    ...(classifier && classifier.length > 0 && { classifier }),
  };
  const all = [own, ...read.values()];
  const flows = all.reduce((sum, one) => sum + (one.class.mode === 'flow' ? one.class.instances.length : 0), 0);
  const known = new Set(partsOf(service).chains);
  const whole =
    all.every((one) => one.whole) &&
    classifier !== undefined &&
    chains.get(main)?.length === (flows > 0 ? 3 * flows + 3 : 2) &&
    chains.get(finish)?.length === flows &&
    targetOf(chains.get(main)!.at(-1)!) === (read.size > 0 ? classes : `${main}_decide`) &&
    new Set(instancesOf(service).map(({ slot }) => slot)).size === instancesOf(service).length &&
    [...known].every((chain) => chains.has(chain));
  return { service, whole };
}

/** Undefined: not the rules that we render, or one that leads nowhere of ours. */
function readClassifier(address: string, rules: readonly (readonly unknown[])[]): ClassifierRule[] | undefined {
  const read: ClassifierRule[] = [];
  for (const rule of rules) {
    const match = readMatch(rule);
    const target = targetOf(rule);
    const name = target === undefined ? undefined : ofDecideChain(address, target);
    if (match === undefined || name === undefined) return undefined;
    read.push({ match, class: name });
  }
  // Whatever none of them matched.
  const last = read.pop();
  return last?.class === '' && Object.keys(last.match).length === 0 ? read : undefined;
}

/** Inverse of `serviceChains(address).main`; undefined for other chains. */
function addressOfChain(name: string): string | undefined {
  const text = /^svc_([0-9a-f_]+)$/.exec(name)?.[1];
  if (text === undefined) return undefined;
  const ipv4 = /^\d+_\d+_\d+_\d+$/.test(text);
  try {
    return bytesToAddress(addressToBytes(text.replaceAll('_', ipv4 ? '.' : ':')));
  } catch {
    return undefined;
  }
}
