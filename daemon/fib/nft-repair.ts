// The nftables half of a scan: how the tables depart from what is held, and putting them right. The rtnetlink half is
// kernel-repair.ts.
import { mapInstances } from '../../lib/fib/affinity-classes.ts';
import { driftOf } from '../../lib/fib/diff.ts';
import {
  type AffinityService,
  type Border,
  type FibDrift,
  type FibFailure,
  type FibKey,
  type FibObject,
  fibKey,
  type ServiceMtu,
} from '../../lib/fib/fib.ts';
import type { FibObjectSet } from '../../lib/fib/object-set.ts';
import type { NftHalf } from './nft-half.ts';
import type { TablePlane } from './table-plane.ts';

export interface NftScan {
  readonly nft: NftHalf;
  readonly held: FibObjectSet;
  /** A change made since the scan began has decided this key. */
  readonly isTouched: (key: FibKey) => boolean;
  /** What is ours and not held may go: the first full set is known. */
  readonly synced: boolean;
  /** False: only look. */
  readonly repair: boolean;
  /** What cannot be repaired is added. */
  readonly failures: FibFailure[];
}

/** How the tables depart from what is held, repaired where that is asked for. */
export async function verifyNft(scan: NftScan): Promise<FibDrift[]> {
  const drift = [...(await verifyAffinity(scan)), ...(await verifyReplace(scan))];
  for (const plane of scan.nft.tables) drift.push(...(await verifyTable(plane, scan)));
  return drift;
}

async function verifyAffinity({ nft, held, isTouched, synced, repair, failures }: NftScan): Promise<FibDrift[]> {
  const read = await nft.affinity.readBack();
  if (!read) return [];
  const isService = (object: FibObject) => object.kind === 'affinity' && !isTouched(fibKey(object));
  const drift = driftOf([...held.withoutRoutes()].filter(isService), read.services.filter(isService));
  for (const service of read.damaged) {
    const key = `affinity ${service}`;
    if (held.has(key) && !drift.some((known) => known.key === key)) drift.push({ key, what: 'different' });
  }
  const wishes = new Map(
    drift.map(({ key, what }) => {
      const object = what === 'stale' ? undefined : held.get(key);
      return [key.slice('affinity '.length), object?.kind === 'affinity' ? forgettingNothing(object) : undefined];
    }),
  );
  if (!synced) for (const { key, what } of drift) if (what === 'stale') wishes.delete(key.slice(9));
  if (wishes.size > 0 && repair) failures.push(...(await nft.affinity.change(wishes)));
  return drift.filter(({ what }) => synced || what !== 'stale');
}

async function verifyReplace({ nft, held, isTouched, synced, repair, failures }: NftScan): Promise<FibDrift[]> {
  const read = await nft.replace.readBack();
  if (!read) return [];
  const isOurs = (object: FibObject) => object.kind === 'replace-csid' && !isTouched(fibKey(object));
  const wanted = [...held.withoutRoutes()].filter(isOurs);
  const drift = driftOf(wanted, read.sids.filter(isOurs)).filter(({ what }) => synced || what !== 'stale');
  // The walk is common to all SIDs: with it each of them is different.
  if (drift.length === 0 && read.state === 'changed')
    drift.push(...wanted.map((object) => ({ key: fibKey(object), what: 'different' }) as const));
  const wishes = new Map(
    drift.map(({ key, what }) => {
      const object = what === 'stale' ? undefined : held.get(key);
      return [key, object?.kind === 'replace-csid' ? object : undefined];
    }),
  );
  if (read.state !== 'whole' && wishes.size === 0 && repair) failures.push(...(await nft.replace.repair()));
  if (wishes.size > 0 && repair) failures.push(...(await nft.replace.change(wishes)));
  return drift;
}

async function verifyTable(
  plane: TablePlane<Border | ServiceMtu>,
  { held, isTouched, synced, repair, failures }: NftScan,
): Promise<FibDrift[]> {
  const { key } = plane;
  const read = await plane.readBack();
  if (!read || isTouched(key)) return [];
  const object = held.get(key);
  const wanted = object?.kind === 'border' || object?.kind === 'mtu' ? object : undefined;
  const drift = driftOf(wanted ? [wanted] : [], read.object ? [read.object] : []);
  if (drift.length === 0 && wanted && read.state === 'changed') drift.push({ key, what: 'different' });
  // What an earlier life left goes with the first full set, not before.
  if (!wanted && !synced) return [];
  if (repair && (drift.length > 0 || read.state !== 'whole')) failures.push(...(await plane.repair(wanted)));
  return drift;
}

/** A repair is no reason to forget flows a second time. */
function forgettingNothing(service: AffinityService): AffinityService {
  return mapInstances(service, (instance) => ({ ...instance, failed: false }));
}
