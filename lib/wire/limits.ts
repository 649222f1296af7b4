// Bounds of one frame, as session.proto states them. They bind the receiver; what exceeds them is a broken frame or a
// malformed entry, never a larger allocation.

/** One gRPC message, bytes: stated on both sides because grpc's default differs by direction. */
export const MAX_FRAME_BYTES = 4 * 1024 * 1024;
/** Rows of one table, attribute sets, or nodes in one frame: about 2 ms of decoding. */
export const MAX_ROWS = 16_384;
/** Entries of a list inside an entry (site path, capabilities, ...). */
export { MAX_LIST } from '../model/service-route.ts';
/** Services of one subscription. */
export const MAX_SUBSCRIBED = 4096;
/** Links, prefixes of one node. */
export const MAX_NODE_LIST = 4096;
/** Bytes of UTF-8 in a name. */
export const MAX_NAME_BYTES = 63;
/** Bytes of UTF-8 in the two texts of NOTIFICATION (RFC 9003). */
export const MAX_TEXT_BYTES = 255;
/** Faults reported per frame: a hostile frame must not fill the log. */
export const MAX_FAULTS = 16;
/** Handles are 31 bits so that they stay small integers in every language. */
export const MAX_HANDLE = 0x7fff_ffff;
