// Makes a table of nftables anew under traffic, by the steps of lib/fib/nft-stand-in.ts. Knows no table.
import { setTimeout as pause } from 'node:timers/promises';
import { renderWithStandIn } from '../../lib/fib/nft-stand-in.ts';

/** A packet is inside a chain for microseconds; or for as long as a hypervisor lets the processor wait. */
const PASSAGE_MS = 20;

/** Empty when the kernel has taken all of it, nft's words otherwise. `transact`: runs one transaction, answers the same. */
export async function makeAnew(
  table: string,
  make: readonly string[],
  transact: (commands: readonly string[]) => Promise<string>,
): Promise<string> {
  for (const { commands, leavesPackets } of renderWithStandIn(table, make)) {
    const refusal = await transact(commands);
    if (refusal !== '') return refusal;
    if (leavesPackets) await pause(PASSAGE_MS);
  }
  return '';
}
