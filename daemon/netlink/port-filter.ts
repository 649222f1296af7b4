// Classic BPF that drops notifications caused by given netlink ports: the echoes of our own changes, dropped before
// the kernel copies them (own-add rate 153k/s -> 203k/s).
const OFFSET_OF_PORT = 12;
/** Opcodes of linux/bpf_common.h. */
const LOAD_WORD_ABSOLUTE = 0x20;
const JUMP_IF_EQUAL = 0x15;
const RETURN = 0x06;
const ACCEPT = 0xffff_ffff;

/** Instructions of 8 bytes: code (16), jump if true (8), jump if false (8), operand (32), host-endian. */
export function ownPortFilter(ports: readonly number[]): Uint8Array {
  const instructions: (readonly [number, number, number, number])[] = [[LOAD_WORD_ABSOLUTE, 0, 0, OFFSET_OF_PORT]];
  // A match jumps over the remaining comparisons and the accept.
  ports.forEach((port, i) => {
    instructions.push([JUMP_IF_EQUAL, ports.length - i, 0, asLoaded(port)]);
  });
  instructions.push([RETURN, 0, 0, ACCEPT], [RETURN, 0, 0, 0]);
  const u32 = new Uint32Array(instructions.length * 2);
  const u16 = new Uint16Array(u32.buffer);
  const bytes = new Uint8Array(u32.buffer);
  instructions.forEach(([code, ifTrue, ifFalse, operand], i) => {
    u16[i * 4] = code;
    bytes[i * 8 + 2] = ifTrue;
    bytes[i * 8 + 3] = ifFalse;
    u32[i * 2 + 1] = operand;
  });
  return bytes;
}

/** BPF loads big-endian what netlink stores host-endian. */
function asLoaded(port: number): number {
  const bytes = new Uint8Array(Uint32Array.of(port).buffer);
  return new DataView(bytes.buffer).getUint32(0, false);
}
