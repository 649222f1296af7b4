// Test support: breaks frames of session.proto in every way that keeps them interesting. It reads the schema by reflection,
// so that a field that is added is mutated as well, and it counts which fields it has reached.
import protobuf from 'protobufjs';

const root = protobuf.loadSync(`${import.meta.dirname}/../../proto/cfn/v1/session.proto`);
const FRAME = root.lookupType('cfn.v1.Frame');

/** Numbers at which implementations break. */
const EDGES: readonly bigint[] = [
  0n,
  1n,
  127n,
  128n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];

interface Field {
  /** `Update.service.handle_delta` and the like. */
  readonly path: string;
  readonly number: number;
  readonly wire: number;
  /** Where tag and value stand. */
  readonly from: number;
  readonly to: number;
  /** Where the value stands, without its length, and where that stands. */
  readonly value: number;
  readonly lengthAt: number;
  /** Fields around it, outermost first. */
  readonly around: readonly Field[];
}

/** Every field that a frame can have, by path; messages within messages are followed. */
export function allFields(): Set<string> {
  const found = new Set<string>();
  const walk = (type: protobuf.Type): void => {
    for (const field of type.fieldsArray) {
      const path = `${type.name}.${field.name}`;
      if (found.has(path)) continue;
      found.add(path);
      if (field.resolve().resolvedType instanceof protobuf.Type) walk(field.resolvedType as protobuf.Type);
    }
  };
  walk(FRAME);
  return found;
}

export class FrameMutator {
  readonly reached = new Set<string>();
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** One frame, broken once to thrice; `other` lends parts. */
  mutate(frame: Uint8Array, other: Uint8Array): Uint8Array {
    let bytes = frame;
    for (let times = this.#random() < 0.8 ? 1 : 2 + this.#below(2); times > 0; times--) {
      bytes = this.#random() < 0.9 ? this.#field(bytes, other) : this.#raw(bytes, other);
    }
    return bytes;
  }

  /** Changes one field where it stands: its number, its length, its wire type, its presence, its place. */
  #field(bytes: Uint8Array, other: Uint8Array): Uint8Array {
    const fields = fieldsOf(bytes);
    const field = fields[this.#below(fields.length)];
    if (field === undefined) return this.#raw(bytes, other);
    this.reached.add(field.path);
    const whole = bytes.subarray(field.from, field.to);
    switch (this.#below(7)) {
      case 0:
        return this.#change(bytes, field, field.from, field.to, new Uint8Array(0));
      case 1:
        return this.#change(bytes, field, field.from, field.from, whole);
      case 2:
        return splice(bytes, field.from, field.value, Uint8Array.of((field.number << 3) | this.#below(8)));
      case 3: {
        const donor = fieldsOf(other);
        const from = donor[this.#below(donor.length)];
        if (from === undefined) return bytes;
        return this.#change(bytes, field, field.from, field.to, other.subarray(from.from, from.to));
      }
      case 4:
        return this.#noiseInto(bytes, field);
      default:
        return this.#edge(bytes, field);
    }
  }

  #edge(bytes: Uint8Array, field: Field): Uint8Array {
    const edge = EDGES[this.#below(EDGES.length)]!;
    if (field.wire === 0) return this.#change(bytes, field, field.value, field.to, varint(edge));
    if (field.wire === 1) return this.#change(bytes, field, field.value, field.to, fixed(edge, 8));
    if (field.wire === 5) return this.#change(bytes, field, field.value, field.to, fixed(edge, 4));
    // A length that lies, or a list of extremes.
    if (this.#random() < 0.05) return splice(bytes, field.lengthAt, field.value, varint(edge));
    const list = Uint8Array.from(Array.from({ length: 1 + this.#below(4) }, () => [...varint(edge)]).flat());
    return this.#change(bytes, field, field.from, field.to, lengthDelimited(field.number, list));
  }

  /** Other bytes of the same field; mostly as many as before, so that it is read and not only measured. */
  #noiseInto(bytes: Uint8Array, field: Field): Uint8Array {
    const length = this.#random() < 0.7 ? field.to - field.value : 1 + this.#below(20);
    const value = this.#noise(length);
    if (field.wire !== 2) return this.#change(bytes, field, field.value, field.to, value);
    return this.#change(bytes, field, field.from, field.to, lengthDelimited(field.number, value));
  }

  /** Replaces a part of a field; mostly the lengths of all fields around it follow, so that the frame stays one. */
  #change(bytes: Uint8Array, field: Field, from: number, to: number, by: Uint8Array): Uint8Array {
    let out = splice(bytes, from, to, by);
    if (this.#random() < 0.05) return out;
    let grown = by.length - (to - from);
    for (const outer of field.around.toReversed()) {
      const length = varint(BigInt(outer.to - outer.value + grown));
      out = splice(out, outer.lengthAt, outer.value, length);
      grown += length.length - (outer.value - outer.lengthAt);
    }
    return out;
  }

  #raw(bytes: Uint8Array, other: Uint8Array): Uint8Array {
    const at = this.#below(bytes.length + 1);
    switch (this.#below(5)) {
      case 0:
        return bytes.subarray(0, at);
      case 1:
        return splice(bytes, at, at, this.#noise(1 + this.#below(8)));
      case 2:
        return splice(bytes, at, Math.min(bytes.length, at + 1 + this.#below(8)), new Uint8Array(0));
      case 3:
        return splice(bytes, at, bytes.length, other.subarray(this.#below(other.length + 1)));
      default: {
        const flipped = Uint8Array.from(bytes);
        if (at < bytes.length) flipped[at]! ^= 1 << this.#below(8);
        return flipped;
      }
    }
  }

  #noise(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.#below(256));
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }
}

/** All fields of a frame at every depth; what cannot be read any more is left out. */
function fieldsOf(bytes: Uint8Array): Field[] {
  const found: Field[] = [];
  collect(bytes, 0, bytes.length, FRAME, found, []);
  return found;
}

function collect(
  bytes: Uint8Array,
  start: number,
  end: number,
  type: protobuf.Type,
  found: Field[],
  around: readonly Field[],
): void {
  const reader = protobuf.Reader.create(bytes.subarray(0, end));
  reader.pos = start;
  try {
    while (reader.pos < end) {
      const from = reader.pos;
      const tag = reader.uint32();
      const wire = tag & 7;
      const lengthAt = reader.pos;
      let value = reader.pos;
      if (wire === 2) {
        const length = reader.uint32();
        value = reader.pos;
        reader.skip(length);
      } else reader.skipType(wire);
      const field = type.fieldsById[tag >>> 3];
      const path = field === undefined ? 'unknown' : `${type.name}.${field.name}`;
      const here: Field = { path, number: tag >>> 3, wire, from, to: reader.pos, value, lengthAt, around };
      found.push(here);
      const inner = field?.resolve().resolvedType;
      if (wire === 2 && inner instanceof protobuf.Type)
        collect(bytes, value, reader.pos, inner, found, [...around, here]);
    }
  } catch {
    // A frame that was broken before: what was read so far is enough.
  }
}

function splice(bytes: Uint8Array, from: number, to: number, by: Uint8Array): Uint8Array {
  const out = new Uint8Array(from + by.length + bytes.length - to);
  out.set(bytes.subarray(0, from));
  out.set(by, from);
  out.set(bytes.subarray(to), from + by.length);
  return out;
}

function varint(value: bigint): Uint8Array {
  const out: number[] = [];
  let rest = value;
  for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
  return Uint8Array.from([...out, Number(rest)]);
}

function fixed(value: bigint, width: 4 | 8): Uint8Array {
  return Uint8Array.from({ length: width }, (_, i) => Number((value >> BigInt(8 * i)) & 255n));
}

function lengthDelimited(number: number, body: Uint8Array): Uint8Array {
  return Uint8Array.from([...varint(BigInt((number << 3) | 2)), ...varint(BigInt(body.length)), ...body]);
}
