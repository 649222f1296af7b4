// The SEG6 generic netlink family: the source address of encapsulated packets and the keys that sign them (RFC 8754 2.1.2), of
// one network namespace each. Setting either waits for an RCU grace period (8 ms): once at start, never on a hot path.
import { CodedError } from '../../errors.ts';
import { beginCommand, commandAttributes } from '../generic.ts';
import type { Message } from '../reader.ts';
import type { Writer } from '../writer.ts';

export const SEG6_FAMILY = 'SEG6';
const VERSION = 1;
const Command = { setHmac: 1, setTunnelSource: 3, getTunnelSource: 4 };
const SEG6_ATTR_DST = 1;
const Hmac = { keyId: 3, secret: 4, secretLength: 5, algorithm: 6 };
/** SEG6_HMAC_ALGO_*. */
export const HMAC_ALGORITHMS = { sha1: 1, sha256: 2 } as const;
export type HmacAlgorithm = keyof typeof HMAC_ALGORITHMS;
/** SEG6_HMAC_SECRET_LEN. */
export const MAX_SECRET_OCTETS = 64;

/** `::` returns the choice to the kernel. */
export function encodeSetTunnelSource(writer: Writer, family: number, source: string): void {
  beginCommand(writer, family, Command.setTunnelSource, VERSION);
  writer.address(SEG6_ATTR_DST, source);
  writer.end();
}

export function encodeGetTunnelSource(writer: Writer, family: number): void {
  beginCommand(writer, family, Command.getTunnelSource, VERSION);
  writer.end();
}

export function decodeTunnelSource(message: Message): string {
  const attributes = commandAttributes(message);
  while (attributes.next()) if (attributes.type === SEG6_ATTR_DST) return attributes.address();
  throw new CodedError('missing-attribute', 'the kernel told no tunnel source');
}

export interface HmacKey {
  /** 1..2^32-1. */
  readonly id: number;
  readonly algorithm: HmacAlgorithm;
  /** 1..64 octets. */
  readonly secret: Uint8Array;
}

/** Gives the kernel a key, in place of one of the same number; the kernel refuses what is malformed with EINVAL. */
export function encodeSetHmac(writer: Writer, family: number, { id, algorithm, secret }: HmacKey): void {
  beginCommand(writer, family, Command.setHmac, VERSION);
  writer.u32Attribute(Hmac.keyId, id);
  writer.u8(Hmac.secretLength, secret.length);
  writer.u8(Hmac.algorithm, HMAC_ALGORITHMS[algorithm]);
  writer.binary(Hmac.secret, secret);
  writer.end();
}
