// What a reflector does with the TLVs behind the base packet (RFC 8972 section 4). It understands only padding; all
// else goes back with the U flag, so that a sender learns what this reflector does not do.
//
//   | Flags: U M I 0 0 0 0 0 | Type | Length (value only) | Value ... |

export const TLV_HEADER_BYTES = 4;
const FLAG = { unrecognised: 0x80, malformed: 0x40 } as const;
const EXTRA_PADDING = 1;

/** Sets the flags of all TLVs in place; `tlvs` is the reflector's own copy. Total: any octets are accepted. */
export function markReflectedTlvs(tlvs: Uint8Array): void {
  let offset = 0;
  while (tlvs.length - offset >= TLV_HEADER_BYTES) {
    const type = tlvs[offset + 1]!;
    const length = (tlvs[offset + 2]! << 8) | tlvs[offset + 3]!;
    // Type 0 is reserved: these are the zero octets with which TWAMP-Light senders pad (RFC 8762 section 5).
    if (type === 0) return;
    if (length > tlvs.length - offset - TLV_HEADER_BYTES) {
      // What follows cannot be told apart any more: it goes back as it came (RFC 8972 section 4, M flag).
      tlvs[offset]! |= FLAG.malformed;
      return;
    }
    if (type === EXTRA_PADDING) tlvs[offset]! &= ~FLAG.unrecognised;
    else tlvs[offset]! |= FLAG.unrecognised;
    offset += TLV_HEADER_BYTES + length;
  }
}
