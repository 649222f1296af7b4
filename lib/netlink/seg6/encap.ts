// Light-weight tunnels on routes and nexthops: which encapsulation, and its nested attributes. The head end (seg6) is
// here, endpoint behaviours are in local.ts; any other tunnel type is told apart and left alone.
import { CodedError } from '../../errors.ts';
import type { Attributes } from '../reader.ts';
import type { Writer } from '../writer.ts';
import { readSeg6Local, type Seg6Local, writeSeg6Local } from './local.ts';
import { readHmacKeyId, readSrh, writeSrh } from './srh.ts';

/** enum seg6 mode, by its value. `encap.red` omits the first segment from the header (RFC 8986 5.2). */
const MODES = ['inline', 'encap', 'l2encap', 'encap.red', 'l2encap.red'] as const;
export type Seg6Mode = (typeof MODES)[number];

export interface Seg6Encap {
  readonly kind: 'seg6';
  readonly mode: Seg6Mode;
  /** Travel order, first travelled first; at least one. The full list in every mode: the kernel reduces it. */
  readonly segments: readonly string[];
  /** Key that signs the header (RFC 8754 2.1.2). */
  readonly hmacKeyId?: number;
}

/** A tunnel of somebody else's: LWTUNNEL_ENCAP_* number; read only. */
export interface OtherEncap {
  readonly kind: 'other';
  readonly type: number;
}

export type Encap = Seg6Encap | Seg6Local | OtherEncap;

/** LWTUNNEL_ENCAP_* (linux/lwtunnel.h). */
const EncapType = { seg6: 5, seg6local: 7 } as const;
const SEG6_IPTUNNEL_SRH = 1;

/** Writes the pair (RTA|NHA)_ENCAP_TYPE and (RTA|NHA)_ENCAP under the caller's attribute numbers. */
export function writeEncap(writer: Writer, encap: Encap, typeAttribute: number, nestAttribute: number): void {
  if (encap.kind === 'other')
    throw new CodedError('unsupported-encap', 'cannot write a foreign tunnel', { type: encap.type });
  writer.u16Attribute(typeAttribute, EncapType[encap.kind]);
  const nest = writer.open(nestAttribute);
  if (encap.kind === 'seg6') {
    const srh = writer.openRaw(SEG6_IPTUNNEL_SRH);
    writer.word(MODES.indexOf(encap.mode));
    writeSrh(writer, encap.segments, { inline: encap.mode === 'inline', hmacKeyId: encap.hmacKeyId });
    writer.close(srh);
  } else {
    writeSeg6Local(writer, encap);
  }
  writer.close(nest);
}

/** Reads the nest of a tunnel of LWTUNNEL type `type`. */
export function readEncap(type: number, nest: Attributes): Encap {
  if (type === EncapType.seg6local) return readSeg6Local(nest);
  if (type !== EncapType.seg6) return { kind: 'other', type };
  while (nest.next()) {
    if (nest.type !== SEG6_IPTUNNEL_SRH) continue;
    const mode = MODES[nest.u32()];
    if (mode === undefined) return { kind: 'other', type };
    const hmacKeyId = readHmacKeyId(nest, 4);
    const segments = readSrh(nest, 4, mode === 'inline');
    return { kind: 'seg6', mode, segments, ...(hmacKeyId !== undefined && { hmacKeyId }) };
  }
  throw new CodedError('missing-attribute', 'a seg6 tunnel has no segment list');
}
