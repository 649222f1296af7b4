// Generic netlink: a family's number is asked by name, then its commands go under that number.
//
//   genlmsghdr  | command | version | 0 (16) |
import { CodedError } from '../errors.ts';
import { Flag } from './constants.ts';
import type { Attributes, Message } from './reader.ts';
import type { Writer } from './writer.ts';

const GENL_ID_CTRL = 16;
const CTRL_CMD_GETFAMILY = 3;
const CTRL_ATTR_FAMILY_ID = 1;
const CTRL_ATTR_FAMILY_NAME = 2;
const GENLMSGHDR_BYTES = 4;

/** Starts a command of a family; the caller adds attributes and ends the message. */
export function beginCommand(writer: Writer, family: number, command: number, version: number): void {
  writer.begin(family, Flag.request);
  writer.quad(command, version, 0, 0);
}

/** The attributes of a generic netlink message. */
export function commandAttributes(message: Message): Attributes {
  return message.attributes(GENLMSGHDR_BYTES);
}

/** Asks for the number of a family; ENOENT when the kernel lacks it. */
export function encodeGetFamily(writer: Writer, name: string): void {
  beginCommand(writer, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
  writer.text(CTRL_ATTR_FAMILY_NAME, name);
  writer.end();
}

export function decodeFamilyId(message: Message): number {
  const attributes = commandAttributes(message);
  while (attributes.next()) if (attributes.type === CTRL_ATTR_FAMILY_ID) return attributes.u16();
  throw new CodedError('missing-attribute', 'a generic netlink family has no number');
}
