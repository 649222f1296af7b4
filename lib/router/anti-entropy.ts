// Digests of what was announced, compared from time to time (session.proto rule 13): a change that got lost anywhere between two
// tables shows, and is cured by a refresh. A mismatch that a refresh does not cure is said once, not fought.
import type { Family } from '../model/identity.ts';
import { attributesHash, type Digest, DigestSum, digestOfNodes, sameDigest } from '../rib/digest.ts';
import { CAPABILITY } from '../session/capabilities.ts';
import type { DigestMessage } from '../session/message.ts';
import { exported } from './export.ts';
import { requestRefresh } from './refresh.ts';
import type { EstablishedSession, Peer, RouterState } from './state.ts';
import { log, sendTo, viewChanged } from './turn.ts';

export const DIGEST_TIMER = 'digest';
/** Beyond this many rows a digest would hold up everything else for longer than a few milliseconds. */
const MAX_ROWS = 250_000;
const FAMILIES_WITH_DIGEST: readonly Family[] = ['service', 'link-state'];
const words = new Uint32Array(4);

/** Sets the timer for the next round; with jitter, so that not all routers sum at once. */
export function armDigests(state: RouterState): void {
  const { digestIntervalMs } = state.config.protocol;
  if (digestIntervalMs > 0)
    state.effects.push({ type: 'set-timer', timer: DIGEST_TIMER, atMs: state.atMs + digestIntervalMs, jitter: true });
}

/** Tells every peer that has heard everything what that comes to. */
export function digestsDue(state: RouterState): void {
  armDigests(state);
  const nodes = digestOfNodes(state.lsdb.nodes.values());
  for (const peer of state.peers.values()) {
    const { session } = peer;
    if (session === undefined || session.blocked || session.out.hasPending || !state.announced) continue;
    if (!session.negotiated.capabilities.includes(CAPABILITY.digest)) continue;
    for (const family of FAMILIES_WITH_DIGEST) {
      if (!session.negotiated.families.includes(family) || state.table.top > MAX_ROWS) continue;
      const digest = family === 'service' ? digestOfAdvertised(state, session) : nodes;
      sendTo(state, peer, session.connection, { type: 'DIGEST', family, ...digest });
    }
  }
}

/** Compares with what was received; asks for a refresh where it differs. */
export function takeDigest(state: RouterState, peer: Peer, session: EstablishedSession, theirs: DigestMessage): void {
  const { family } = theirs;
  if (!session.endOfRib.has(family) || state.table.top > MAX_ROWS) return;
  if (family === 'service' && session.incomplete) return;
  const ours = family === 'service' ? digestOfReceived(state, peer, session) : digestOfNodes(state.lsdb.nodes.values());
  if (sameDigest(ours, theirs)) {
    session.mismatched.delete(family);
    return;
  }
  // A flood may be under way; what differs twice in a row is not.
  if (family === 'link-state' && !session.mismatched.has(family)) {
    session.mismatched.add(family);
    return;
  }
  const text = `${family} ${theirs.count} ${theirs.low} ${theirs.high}`;
  peer.mismatches++;
  viewChanged(state, 'peers');
  if (session.incurable === text) return;
  session.incurable = text;
  const facts = { peer: peer.config.name, family, theirs: theirs.count, ours: ours.count };
  log(state, 'warn', 'digest does not match: asking for a refresh', facts);
  requestRefresh(state, peer, family);
}

/** What the peer knows of us. */
function digestOfAdvertised(state: RouterState, { out, group }: EstablishedSession): Digest {
  const sum = new DigestSum();
  for (const row of state.table.rows()) {
    if (!out.advertised.has(row)) continue;
    const attributes = exported(state, group, row);
    if (attributes !== undefined) addRow(state, sum, row, row + 1, attributesHash(attributes));
  }
  return sum.value;
}

/** What we know of the peer, used or not. */
function digestOfReceived(state: RouterState, peer: Peer, session: EstablishedSession): Digest {
  const { table } = state;
  const sum = new DigestSum();
  const raw = state.raw[peer.source];
  for (const row of table.rows()) {
    const handle = table.handleOf(row, peer.source);
    if (handle === 0 || session.handles.resolve(handle) !== row) continue;
    const attributes = raw?.get(row) ?? table.sets.get(table.setOf(row, peer.source));
    addRow(state, sum, row, handle, attributesHash(attributes));
  }
  for (const [handle, held] of session.held) {
    sum.word(handle).words(held.service, 0, 4).words(held.contactInstance, 0, 4).word(held.originator);
    sum.word(attributesHash(held.attributes)).add();
  }
  return sum.value;
}

function addRow({ table }: RouterState, sum: DigestSum, row: number, handle: number, hash: number): void {
  sum.word(handle);
  table.services.copyWords(table.service(row), words, 0);
  sum.words(words, 0, 4);
  table.copyInstance(row, words, 0);
  sum.words(words, 0, 4).word(table.originator(row)).word(hash).add();
}
