// A small assembler for eBPF (RFC 9669): a program is written as calls that name what they do, jumps go to labels, and the
// result is the octets that bpf(2) takes. Knows the instruction set and no program. Little-endian machines only, as are all
// that the accelerator runs on.
//
//   | opcode 8 | src 4, dst 4 | offset 16 | immediate 32 |
import { invariant } from '../errors.ts';

/** r0 returns, r1..r5 are arguments and lost by calls, r6..r9 stay, r10 is the stack's end. */
export type Register = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10;
/** A register of the other side, or a number. */
export type Operand = `r${Register}` | number;
export type Width = 8 | 16 | 32 | 64;
/** `&`: some bit is set in both. */
export type Comparison = '==' | '!=' | '>' | '>=' | '<' | '<=' | '&';
export type Arithmetic = '=' | '+' | '-' | '|' | '&' | '<<' | '>>';

interface Instruction {
  readonly opcode: number;
  readonly dst: number;
  readonly src: number;
  /** A label where it is a jump. */
  readonly offset: number | string;
  readonly immediate: number;
}

const CLASS = { ld: 0x00, ldx: 0x01, st: 0x02, stx: 0x03, jmp: 0x05, alu64: 0x07 } as const;
const SOURCE_REGISTER = 0x08;
const MODE_MEM = 0x60;
const MODE_ATOMIC = 0xc0;
const WIDTHS = { 32: 0x00, 16: 0x08, 8: 0x10, 64: 0x18 } as const;
const ALU = { '+': 0x00, '-': 0x10, '|': 0x40, '&': 0x50, '<<': 0x60, '>>': 0x70, '=': 0xb0 } as const;
const JUMP = { '==': 0x10, '>': 0x20, '>=': 0x30, '&': 0x40, '!=': 0x50, '<': 0xa0, '<=': 0xb0 } as const;
const CALL = 0x80;
const EXIT = 0x90;
/** The immediate is the descriptor of a map. */
const PSEUDO_MAP_FD = 1;

export class Assembler {
  readonly #instructions: Instruction[] = [];
  readonly #labels = new Map<string, number>();

  /** dst OP= operand. */
  set(dst: Register, operation: Arithmetic, operand: Operand): this {
    return this.#binary(CLASS.alu64 | ALU[operation], dst, operand, 0);
  }

  /** dst = memory at [base + offset]. */
  load(width: Width, dst: Register, base: Register, offset: number): this {
    return this.#add({ opcode: CLASS.ldx | MODE_MEM | WIDTHS[width], dst, src: base, offset, immediate: 0 });
  }

  /** Memory at [base + offset] = operand. */
  store(width: Width, base: Register, offset: number, operand: Operand): this {
    const kind = typeof operand === 'number' ? CLASS.st : CLASS.stx;
    const [src, immediate] = typeof operand === 'number' ? [0, operand] : [registerOf(operand), 0];
    return this.#add({ opcode: kind | MODE_MEM | WIDTHS[width], dst: base, src, offset, immediate });
  }

  /** The 64-bit number at [base + offset] += src, at once. */
  addAtomically(base: Register, offset: number, src: Register): this {
    return this.#add({ opcode: CLASS.stx | MODE_ATOMIC | WIDTHS[64], dst: base, src, offset, immediate: 0 });
  }

  loadMap(dst: Register, descriptor: number): this {
    const opcode = CLASS.ld | WIDTHS[64];
    this.#add({ opcode, dst, src: PSEUDO_MAP_FD, offset: 0, immediate: descriptor });
    return this.#add({ opcode: 0, dst: 0, src: 0, offset: 0, immediate: 0 });
  }

  jumpIf(dst: Register, comparison: Comparison, operand: Operand, label: string): this {
    return this.#binary(CLASS.jmp | JUMP[comparison], dst, operand, label);
  }

  jump(label: string): this {
    return this.#add({ opcode: CLASS.jmp, dst: 0, src: 0, offset: label, immediate: 0 });
  }

  /** Helper function of the kernel by its number. */
  call(helper: number): this {
    return this.#add({ opcode: CLASS.jmp | CALL, dst: 0, src: 0, offset: 0, immediate: helper });
  }

  exit(): this {
    return this.#add({ opcode: CLASS.jmp | EXIT, dst: 0, src: 0, offset: 0, immediate: 0 });
  }

  label(name: string): this {
    invariant(!this.#labels.has(name), `label ${name} stands once`);
    this.#labels.set(name, this.#instructions.length);
    return this;
  }

  assemble(): Uint8Array {
    const octets = new Uint8Array(8 * this.#instructions.length);
    const view = new DataView(octets.buffer);
    for (const [at, { opcode, dst, src, offset, immediate }] of this.#instructions.entries()) {
      octets[8 * at] = opcode;
      octets[8 * at + 1] = (src << 4) | dst;
      view.setInt16(8 * at + 2, typeof offset === 'number' ? offset : this.#distance(at, offset), true);
      view.setInt32(8 * at + 4, immediate | 0, true);
    }
    return octets;
  }

  #binary(opcode: number, dst: Register, operand: Operand, offset: number | string): this {
    if (typeof operand === 'number') return this.#add({ opcode, dst, src: 0, offset, immediate: operand });
    return this.#add({ opcode: opcode | SOURCE_REGISTER, dst, src: registerOf(operand), offset, immediate: 0 });
  }

  #distance(from: number, label: string): number {
    const to = this.#labels.get(label);
    invariant(to !== undefined, `label ${label} is somewhere`);
    const distance = to - from - 1;
    invariant(distance >= -0x8000 && distance <= 0x7fff, `label ${label} is within reach`);
    return distance;
  }

  #add(instruction: Instruction): this {
    this.#instructions.push(instruction);
    return this;
  }
}

function registerOf(operand: `r${Register}`): number {
  return Number(operand.slice(1));
}
