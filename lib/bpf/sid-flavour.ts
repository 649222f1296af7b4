// What an accelerator has to know of a flavour of SIDs: how they are found, and the program that does for them.

export interface SidFlavour<S extends { readonly prefix: string }> {
  readonly keyOctets: number;
  readonly valueOctets: number;
  /** One whose program is loaded to see whether it can be. */
  readonly probe: S;
  /** Equal for SIDs of which one program does for both sets. */
  layouts(sids: readonly S[]): string;
  /** The program for the layouts of these; SIDs are found in `map`, by descriptor. `markMask`: the bits of marks that are ours. */
  program(sids: readonly S[], map: number, markMask: number): Uint8Array;
  key(sid: S): Uint8Array;
  /** Counts from nothing. */
  value(sid: S): Uint8Array;
  counts(value: Uint8Array): PacketCounts;
}

export interface PacketCounts {
  readonly packets: number;
  readonly bytes: number;
}

/** The two 64-bit numbers at `at`. */
export function readCounts(value: Uint8Array, at: number): PacketCounts {
  const view = new DataView(value.buffer, value.byteOffset);
  return { packets: Number(view.getBigUint64(at, true)), bytes: Number(view.getBigUint64(at + 8, true)) };
}
