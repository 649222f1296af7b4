// Reads the stream of `tcpdump -i any -y LINUX_SLL2 -w -` as it comes, in pieces of any size: packets with the interface they
// were seen on. Knows neither tcpdump nor what is in the packets.
//
// File header (libpcap): magic (4) | version (2+2) | zone (4) | sigfigs (4) | snaplen (4) | link type (4)
// Record header:         seconds (4) | microseconds (4) | captured length (4) | original length (4)
// LINUX_SLL2 (20):       protocol (2) | reserved (2) | interface (4) | ARPHRD (2) | type (1) | length (1) | address (8)

const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
const SLL2_BYTES = 20;
const MAGIC_US = 0xa1b2c3d4;
const LINKTYPE_LINUX_SLL2 = 276;
/** Beyond this a length is damage, not a packet. */
const MAX_RECORD_BYTES = 262_144;

export interface CapturedPacket {
  /** Wall clock of the capturing host, ms since 1970. */
  readonly atMs: number;
  readonly interfaceIndex: number;
  /** From the first octet of the network header, as far as it was captured. */
  readonly bytes: Uint8Array;
}

export class PcapReader {
  #pending: Uint8Array = new Uint8Array(0);
  #littleEndian: boolean | undefined;

  /** Packets that are whole now; throws an Error that names the fault when the stream is no such capture. */
  read(chunk: Uint8Array): CapturedPacket[] {
    this.#pending = joined(this.#pending, chunk);
    if (this.#littleEndian === undefined && !this.#readFileHeader()) return [];
    const packets: CapturedPacket[] = [];
    let offset = 0;
    for (;;) {
      const view = new DataView(this.#pending.buffer, this.#pending.byteOffset + offset);
      if (view.byteLength < RECORD_HEADER_BYTES) break;
      const length = view.getUint32(8, this.#littleEndian);
      if (length > MAX_RECORD_BYTES) throw new Error(`a captured packet of ${length} octets`);
      if (view.byteLength < RECORD_HEADER_BYTES + length) break;
      if (length >= SLL2_BYTES) {
        const start = offset + RECORD_HEADER_BYTES;
        packets.push({
          atMs: view.getUint32(0, this.#littleEndian) * 1e3 + view.getUint32(4, this.#littleEndian) / 1e3,
          // Fields of the link-layer header are in network order whatever the file's.
          interfaceIndex: view.getUint32(RECORD_HEADER_BYTES + 4),
          bytes: this.#pending.slice(start + SLL2_BYTES, start + length),
        });
      }
      offset += RECORD_HEADER_BYTES + length;
    }
    this.#pending = this.#pending.slice(offset);
    return packets;
  }

  #readFileHeader(): boolean {
    if (this.#pending.length < FILE_HEADER_BYTES) return false;
    const view = new DataView(this.#pending.buffer, this.#pending.byteOffset);
    const littleEndian = [true, false].find((little) => view.getUint32(0, little) === MAGIC_US);
    if (littleEndian === undefined) throw new Error('not a pcap stream with microseconds');
    const linkType = view.getUint32(20, littleEndian) & 0xffff;
    if (linkType !== LINKTYPE_LINUX_SLL2) throw new Error(`link type ${linkType}, not LINUX_SLL2`);
    this.#littleEndian = littleEndian;
    this.#pending = this.#pending.slice(FILE_HEADER_BYTES);
    return true;
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}
