// The frame that makes nf_tables messages one transaction: all of them take effect between two packets, or none does.
//
//   NFNL_MSG_BATCH_BEGIN | nfgenmsg, resource id = subsystem
//   messages ...
//   NFNL_MSG_BATCH_END   | nfgenmsg
import { Flag } from '../constants.ts';
import type { Writer } from '../writer.ts';
import { NFTABLES, NftMessage } from './numbers.ts';

export function encodeBatchBegin(writer: Writer): void {
  encodeFrame(writer, NftMessage.batchBegin);
}

/** Is acknowledged by no kernel before 6.10: ask the message before it for the acknowledgement. */
export function encodeBatchEnd(writer: Writer): void {
  encodeFrame(writer, NftMessage.batchEnd);
}

function encodeFrame(writer: Writer, type: number): void {
  writer.begin(type, Flag.request);
  writer.quad(0, 0, NFTABLES >> 8, NFTABLES & 0xff);
  writer.end();
}
