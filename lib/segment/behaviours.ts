// SRv6 endpoint behaviours by their IANA code points ("SRv6 Endpoint Behaviors": RFC 8986, RFC 9433, RFC 9800). Only
// the registry: what a behaviour does and who supports it is known elsewhere.

/** Code points that this daemon announces or plans with. */
export const BEHAVIOUR = {
  end: 1,
  endPsp: 2,
  endX: 5,
  endT: 9,
  endDx6: 16,
  endDx4: 17,
  endDt6: 18,
  endDt4: 19,
  endDt46: 20,
  endUsd: 28,
  endPspUsd: 29,
  endNextCsid: 43,
  endXNextCsid: 52,
  endDx6NextCsid: 60,
  endDt6NextCsid: 62,
  endReplaceCsid: 101,
} as const;

const NAMES: ReadonlyMap<number, string> = new Map([
  ...flavoured(1, 'End', ['', 'PSP', 'USP', 'PSP+USP']),
  ...flavoured(5, 'End.X', ['', 'PSP', 'USP', 'PSP+USP']),
  ...flavoured(9, 'End.T', ['', 'PSP', 'USP', 'PSP+USP']),
  ...inOrder(13, ['End.B6.Insert', 'End.B6.Encaps', 'End.BM', 'End.DX6', 'End.DX4', 'End.DT6', 'End.DT4', 'End.DT46']),
  ...inOrder(21, ['End.DX2', 'End.DX2V', 'End.DT2U', 'End.DT2M']),
  ...inOrder(26, ['End.B6.Insert.Red', 'End.B6.Encaps.Red']),
  ...flavoured(28, 'End', ['USD', 'PSP+USD', 'USP+USD', 'PSP+USP+USD']),
  ...flavoured(32, 'End.X', ['USD', 'PSP+USD', 'USP+USD', 'PSP+USP+USD']),
  ...flavoured(36, 'End.T', ['USD', 'PSP+USD', 'USP+USD', 'PSP+USP+USD']),
  ...inOrder(40, ['End.MAP', 'End.Limit', 'End with NEXT-ONLY-CSID']),
  ...flavoured(43, 'End with NEXT-CSID', ['', 'PSP', 'USP', 'PSP+USP', 'USD', 'PSP+USD', 'USP+USD', 'PSP+USP+USD']),
  ...inOrder(51, ['End.X with NEXT-ONLY-CSID']),
  ...flavoured(52, 'End.X with NEXT-CSID', ['', 'PSP', 'USP', 'PSP+USP', 'USD', 'PSP+USD', 'USP+USD', 'PSP+USP+USD']),
  ...inOrder(
    60,
    ['DX6', 'DX4', 'DT6', 'DT4', 'DT46', 'DX2', 'DX2V', 'DT2U', 'DT2M'].map((name) => `End.${name} with NEXT-CSID`),
  ),
  ...inOrder(74, ['End.M', 'End.Replicate']),
  ...flavoured(85, 'End.T with NEXT-CSID', ['', 'PSP', 'USP', 'PSP+USP', 'USD', 'PSP+USD', 'USP+USD', 'PSP+USP+USD']),
  ...inOrder(
    93,
    ['B6.Encaps', 'B6.Encaps.Red', 'BM', 'LBS', 'XLBS'].map((name) => `End.${name} with NEXT-CSID`),
  ),
  ...flavoured(101, 'End with REPLACE-CSID', ['', 'PSP', 'USP', 'PSP+USP']),
  ...flavoured(105, 'End.X with REPLACE-CSID', ['', 'PSP', 'USP', 'PSP+USP']),
  ...flavoured(109, 'End.T with REPLACE-CSID', ['', 'PSP', 'USP', 'PSP+USP']),
  ...inOrder(
    114,
    ['B6.Encaps', 'BM', 'DX6', 'DX4', 'DT6', 'DT4', 'DT46', 'DX2', 'DX2V', 'DT2U', 'DT2M', '', '', 'B6.Encaps.Red'].map(
      (name) => name && `End.${name} with REPLACE-CSID`,
    ),
  ),
  ...flavoured(128, 'End with REPLACE-CSID', ['USD', 'PSP+USD', 'USP+USD', 'PSP+USP+USD']),
  ...flavoured(132, 'End.X with REPLACE-CSID', ['USD', 'PSP+USD', 'USP+USD', 'PSP+USP+USD']),
  ...flavoured(136, 'End.T with REPLACE-CSID', ['USD', 'PSP+USD', 'USP+USD', 'PSP+USP+USD']),
  ...inOrder(140, ['End.LBS with REPLACE-CSID', 'End.XLBS with REPLACE-CSID']),
  [65535, 'opaque'],
]);

/** Name for people; `behaviour <n>` for a code point that is not in the table. */
export function behaviourName(codePoint: number): string {
  return NAMES.get(codePoint) ?? `behaviour ${codePoint}`;
}

/**
 * True for behaviours that only take the packet to this node and onward by its own table: End in any flavour, NEXT-CSID
 * with a zero argument included. REPLACE-CSID is not: alone in a list it would read the next entry as packed.
 */
export function isNodeBehaviour(codePoint: number): boolean {
  return (
    (codePoint >= 1 && codePoint <= 4) || (codePoint >= 28 && codePoint <= 31) || (codePoint >= 43 && codePoint <= 50)
  );
}

function inOrder(first: number, names: readonly string[]): [number, string][] {
  return names.flatMap((name, i): [number, string][] => (name ? [[first + i, name]] : []));
}

function flavoured(first: number, name: string, flavours: readonly string[]): [number, string][] {
  return inOrder(
    first,
    flavours.map((flavour) => (flavour ? `${name} (${flavour})` : name)),
  );
}
