// How a table of nftables under traffic is made anew. The sets of a table that a transaction deletes find nothing any
// more for packets that are still inside its chains (Linux 6.18: one packet in several reloads at 1 kHz), so the old one
// is taken off its hooks first, when a twin does its work already, and deleted when no packet is left in it.
//
// While both are hooked a packet passes both, which must do it no harm. Refuses to know how nft is run.

export interface NftStep {
  /** To be run as ONE transaction. */
  readonly commands: readonly string[];
  /** Packets are still inside what it took off its hooks: the next step must wait for them. */
  readonly leavesPackets: boolean;
}

/** `table`: as in commands, `ip6 cfnd_border`. */
export function standInOf(table: string): string {
  return `${table}_stand_in`;
}

/** `make`: the commands that delete `table`, if there is one, and make it from the ground up. */
export function renderWithStandIn(table: string, make: readonly string[]): NftStep[] {
  const standIn = standInOf(table);
  const twin = make.map((command) => command.replaceAll(`${table} `, `${standIn} `).replace(atEnd(table), standIn));
  return [
    { commands: twin, leavesPackets: false },
    { commands: unhook(table, make), leavesPackets: true },
    { commands: make, leavesPackets: false },
    { commands: unhook(standIn, make), leavesPackets: true },
    { commands: [`delete table ${standIn}`], leavesPackets: false },
  ];
}

/** A table that an interrupted change has left behind, whether there is one or not. */
export function renderStandInRemoval(table: string): string[] {
  return [`add table ${standInOf(table)}`, `delete table ${standInOf(table)}`];
}

/** Also where the table or the chains are missing: somebody may have deleted them. */
function unhook(table: string, make: readonly string[]): string[] {
  return [
    `add table ${table}`,
    ...baseChains(make).flatMap((chain) => [
      `add chain ${table} ${chain}`,
      `flush chain ${table} ${chain}`,
      `delete chain ${table} ${chain}`,
    ]),
  ];
}

function baseChains(make: readonly string[]): string[] {
  return make.flatMap((command) => /^add chain \S+ \S+ (\S+) \{ type /.exec(command)?.[1] ?? []);
}

function atEnd(table: string): RegExp {
  return new RegExp(`${table}$`);
}
