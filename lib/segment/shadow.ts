// Guards NEXT-CSID containers against a longer SID prefix (RFC 9800 5.3, GIB and LIB): the first C-SIDs of a container must
// not read as node and function of another SID, e.g. node 6 then node 1 where node 6 has a function 1.
import { packNext } from './next-csid.ts';
import type { PackedEntry } from './packed-list.ts';
import { type Sid, sidPrefixBits } from './sid.ts';
import type { PrefixTable } from './sid-table.ts';

/** The first neighbours that must not share a container; undefined: none. */
export function findShadowed(
  entries: readonly PackedEntry[],
  installed: PrefixTable<Sid>,
): readonly [before: Sid, after: Sid] | undefined {
  for (const { kind, holds } of entries) {
    // Behind the last member the argument is zero and the destination is the SID itself.
    for (let at = 0; kind === 'next' && at < holds.length - 1; at++) {
      const longer = installed.find(packNext(holds.slice(at)), sidPrefixBits(holds[at]!));
      if (longer !== undefined && !isCombined(longer, holds[at]!, holds[at + 1]!)) return [holds[at]!, holds[at + 1]!];
    }
  }
  return undefined;
}

/** RFC 9800 5.3: one FIB entry may stand for a node's global C-SID and the local one behind it. */
function isCombined(longer: Sid, global: Sid, local: Sid): boolean {
  return (
    local.structure.node === 0 &&
    local.kind !== undefined &&
    longer.kind?.action === local.kind.action &&
    longer.csidBits === global.csidBits + local.csidBits
  );
}
