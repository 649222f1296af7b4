// The little of DER (X.690) that an X.509 certificate is made of. Encodes only; values are trusted, they are our own.

const bytes = (...parts: readonly Uint8Array[]): Buffer => Buffer.concat(parts);

/** Tag, length, content. */
export function tlv(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = bytes(...content);
  const { length } = body;
  if (length < 0x80) return bytes(Uint8Array.of(tag, length), body);
  if (length < 0x100) return bytes(Uint8Array.of(tag, 0x81, length), body);
  return bytes(Uint8Array.of(tag, 0x82, length >> 8, length & 0xff), body);
}

export const sequence = (...content: readonly Uint8Array[]): Buffer => tlv(0x30, ...content);
export const set = (...content: readonly Uint8Array[]): Buffer => tlv(0x31, ...content);
export const octetString = (content: Uint8Array): Buffer => tlv(0x04, content);
export const utf8String = (text: string): Buffer => tlv(0x0c, Buffer.from(text, 'utf8'));
export const boolean = (value: boolean): Buffer => tlv(0x01, Uint8Array.of(value ? 0xff : 0));
/** Context-specific, constructed: `[number] EXPLICIT`. */
export const explicit = (number: number, content: Uint8Array): Buffer => tlv(0xa0 | number, content);
/** Context-specific, primitive: `[number] IMPLICIT` of a string type. */
export const implicit = (number: number, content: Uint8Array): Buffer => tlv(0x80 | number, content);

/** Unsigned, most significant byte first. */
export function integer(value: Uint8Array): Buffer {
  const first = value.findIndex((byte) => byte !== 0);
  const rest = first < 0 ? Uint8Array.of(0) : value.subarray(first);
  return tlv(0x02, rest[0]! >= 0x80 ? bytes(Uint8Array.of(0), rest) : rest);
}

/** Whole bytes, or with `unused` bits at the end that do not count. */
export const bitString = (content: Uint8Array, unused = 0): Buffer => tlv(0x03, Uint8Array.of(unused), content);

export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const base128 = (value: number): number[] => {
    const groups = [value & 0x7f];
    for (let left = value >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80);
    return groups;
  };
  return tlv(0x06, Uint8Array.from([first * 40 + second, ...rest.flatMap(base128)]));
}

/** UTCTime until 2049, GeneralizedTime from then on (RFC 5280 4.1.2.5). */
export function time(ms: number): Buffer {
  const text = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '');
  const generalized = Number(text.slice(0, 4)) >= 2050;
  return tlv(generalized ? 0x18 : 0x17, Buffer.from(generalized ? text : text.slice(2), 'latin1'));
}
