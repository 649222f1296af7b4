// RTM_GETNEXTHOPBUCKET: which member each hash bucket of a resilient group points to, and how long it has been idle.
// Read only: buckets are moved by the kernel.
import { Flag, MessageType } from '../constants.ts';
import type { Message } from '../reader.ts';
import type { Encode } from '../writer.ts';

export interface NexthopBucket {
  readonly nexthop: number;
  readonly idleMs: number;
}

const NHMSG_BYTES = 8;
const NHA_ID = 1;
const NHA_RES_BUCKET = 13;
/** NHA_RES_BUCKET_*. */
const Bucket = { idleTime: 2, nexthop: 3 };
const TICK_MS = 10;

/** All buckets of one resilient group. */
export function encodeDumpBuckets(group: number): Encode {
  return (writer) => {
    writer.begin(MessageType.getNexthopBucket, Flag.request | Flag.dump);
    writer.zeros(NHMSG_BYTES);
    writer.u32Attribute(NHA_ID, group);
    writer.end();
  };
}

export function decodeBucket(message: Message): NexthopBucket {
  const attributes = message.attributes(NHMSG_BYTES);
  let nexthop = 0;
  let idleMs = 0;
  while (attributes.next()) {
    if (attributes.type !== NHA_RES_BUCKET) continue;
    const bucket = attributes.nested();
    while (bucket.next()) {
      if (bucket.type === Bucket.nexthop) nexthop = bucket.u32();
      else if (bucket.type === Bucket.idleTime) idleMs = Number(bucket.u64()) * TICK_MS;
    }
  }
  return { nexthop, idleMs };
}
