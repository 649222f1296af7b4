// The document of `scripts/demo --json` (DESIGN section 14): its shape, and a check that a value has it. The keys that
// DESIGN names are the contract; the others say more about the same run.
import { z } from 'zod';

const count = z.int().min(0);
const perInstance = z.record(z.string(), count);
const ms = z.number().min(0);
const quantiles = z.strictObject({ p50: ms, p99: ms, n: count });

const phase = z.strictObject({
  name: z.string().min(1),
  requests: perInstance,
  newFlows: perInstance,
  brokenFlows: count,
  /** Of the numbered UDP stream, both ways; 0 where no stream ran. */
  lostPackets: count,
  /** First new connection that failed to the first after which all succeeded; 0: none failed; null: not in this phase. */
  resumedAfterMs: ms.nullable(),
  startedAtMs: ms,
  durationMs: ms,
  failedFlows: count,
  /** Long-lived flows that another contact instance answered: must not happen. */
  movedFlows: count,
  sentPackets: count,
  /** Longest stretch of the stream without an answer, ms. */
  streamGapMs: ms,
  responseMs: quantiles,
  /** Shares of new flows that each ingress decided on, at the end of the phase, of 1000. */
  weights: z.record(z.string(), perInstance),
});

const segmentList = z.strictObject({
  phase: z.string(),
  service: z.string(),
  /** As the daemon explains it, in travel order, the egress SID last. */
  list: z.array(z.string()).min(1),
  /** The same list was read from packets on the wire during the phase. */
  captured: z.boolean(),
  ingress: z.string(),
  instance: z.string(),
  /** Of 1000; 0: only flows that began earlier travel it. */
  weight: count,
  packets: count,
});

const documentSchema = z.strictObject({
  wallSeconds: z.number().positive(),
  phases: z.array(phase),
  segmentLists: z.array(segmentList),
  /** Stages at the first ingress, µs. */
  latencyUs: z.record(z.string(), quantiles),
  leftOut: z.array(z.string()),
  lab: z.string(),
  engine: z.string(),
  deployMs: ms,
  convergedMs: ms,
  /** Of the processors' time, 0..1, what other work had right before the lab began. */
  othersShare: z.number().min(0).max(1),
  /** What the demo claims, and whether this run showed it. */
  claims: z.array(z.strictObject({ claim: z.string(), held: z.boolean(), seen: z.string() })),
});

export type DemoDocument = z.infer<typeof documentSchema>;
export type DemoPhase = z.infer<typeof phase>;
export type SegmentListRow = z.infer<typeof segmentList>;
export type Claim = DemoDocument['claims'][number];

/** Every fault as `path: what is wrong`; empty: the value is a document of the demo. */
export function documentFaults(value: unknown): string[] {
  const parsed = documentSchema.safeParse(value);
  if (parsed.success) return [];
  return parsed.error.issues.map((issue) => `${issue.path.join('.') || '(root)'}: ${issue.message}`);
}
