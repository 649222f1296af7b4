// The peer of bench `wire`: the same routes and states as most protobuf protocols carry them, one message an entry, by
// protobufjs. It gets addresses as bytes and keeps them so, while ours come from text and end as text.
import protobuf from 'protobufjs';

const PROTO = `syntax = "proto3";
message Route { uint32 handle = 1; bytes service = 2; bytes instance = 3; fixed32 originator = 4; uint32 set = 5; }
message State {
  uint32 handle = 1; fixed64 sequence = 2; uint32 score = 3; uint32 compute_score = 4; uint32 service_score = 5;
  uint32 service_time_us = 6; uint32 work_time_us = 7; float spare_capacity = 8; float in_flight = 9;
  float arrival_rate = 10; uint32 workers = 11; uint32 source = 12; uint32 statistic = 13; uint32 window_ms = 14;
  fixed64 measured_at_ms = 15; uint32 valid_for_ms = 16;
}
message Routes { repeated Route entries = 1; }
message States { repeated State entries = 1; }`;

const { root } = protobuf.parse(PROTO);

export interface ObjectCodec {
  encode(entries: readonly object[]): Uint8Array;
  decode(bytes: Uint8Array): unknown;
}

function codecOf(name: string): ObjectCodec {
  const type = root.lookupType(name);
  return { encode: (entries) => type.encode({ entries }).finish(), decode: (bytes) => type.decode(bytes) };
}

export const routeObjects = codecOf('Routes');
export const stateObjects = codecOf('States');
