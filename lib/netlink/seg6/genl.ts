// The SEG6 generic netlink family: the source address of encapsulated packets, one per network namespace. Setting it
// waits for an RCU grace period (8 ms): once at start, never on a hot path.
import { CodedError } from '../../errors.ts';
import { beginCommand, commandAttributes } from '../generic.ts';
import type { Message } from '../reader.ts';
import type { Writer } from '../writer.ts';

export const SEG6_FAMILY = 'SEG6';
const VERSION = 1;
const Command = { setTunnelSource: 3, getTunnelSource: 4 };
const SEG6_ATTR_DST = 1;

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
