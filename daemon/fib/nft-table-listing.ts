// Lists a table of ours as JSON. A table that somebody put to sleep (`flags dormant`) does nothing, and nft 1.0.6 tells so
// with rubbish, or breaks off in the middle: it is woken, which changes nothing else, and the caller hears that it was.
import { type NftOptions, runNft } from './nft-process.ts';

export interface TableListing {
  readonly output: string;
  /** It was dormant; one transaction of ours more. */
  readonly woken: boolean;
}

/** Undefined: nft is missing, or cannot tell. `terse`: without elements. */
export async function listTable(
  family: string,
  name: string,
  options: NftOptions & { readonly terse?: boolean },
): Promise<TableListing | 'absent' | undefined> {
  const { terse = false, ...where } = options;
  const list = () => runNft([...(terse ? ['-t'] : []), '-j', 'list', 'table', family, name], where);
  const first = await list();
  if (first.ok && isWhole(first.output)) return { output: first.output, woken: false };
  if (first.text.includes('No such file')) return 'absent';
  if (first.missing) return undefined;
  const outcome = await runNft(['add', 'table', family, name], where);
  const second = outcome.ok ? await list() : first;
  return second.ok && isWhole(second.output) ? { output: second.output, woken: true } : undefined;
}

/** Our tables have no flags; what is told as their value may be anything. */
const FLAGGED = /"table": \{[^}]*"flags"/;

function isWhole(output: string): boolean {
  return output.trimEnd().endsWith('}') && !FLAGGED.test(output);
}
