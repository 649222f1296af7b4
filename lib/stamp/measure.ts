// What the probes of one window say about a link, in the units of RFC 8570. Only arithmetic; when a figure is worth
// telling is the sender's decision.

/** A probe that was sent; `roundTripUs` once it was answered. */
export interface Probe {
  readonly sequence: number;
  readonly sentAtMs: number;
  readonly roundTripUs?: number;
}

export interface LinkMeasurement {
  /** One-way, half the round trip, µs (RFC 8570 4.1, 4.2). */
  readonly delayMinUs: number;
  readonly delayAvgUs: number;
  /** Mean difference of consecutive one-way delays, µs (RFC 8570 4.3, as IPDV of RFC 3393). */
  readonly delayVariationUs: number;
  /** Units of 0.000003 % (RFC 8570 4.4). */
  readonly loss: number;
}

/** RFC 8570 4.4: the largest loss that the field tells, 50.331642 %. */
const MAX_LOSS = 2 ** 24 - 2;
const LOSS_UNITS_PER_ONE = 1 / 0.000_000_03;

/**
 * Summarises the answered probes. Loss counts only probes sent at or before `judgedToMs`: later ones may still be
 * answered, and counting those that already are would make loss look smaller. Undefined without any answer.
 */
export function measure(probes: readonly Probe[], judgedToMs: number): LinkMeasurement | undefined {
  let answered = 0;
  let judged = 0;
  let lost = 0;
  let lowest = Number.POSITIVE_INFINITY;
  let sum = 0;
  let variation = 0;
  let before = 0;
  for (const { roundTripUs, sentAtMs } of probes) {
    if (sentAtMs <= judgedToMs) {
      judged++;
      if (roundTripUs === undefined) lost++;
    }
    if (roundTripUs === undefined) continue;
    if (answered > 0) variation += Math.abs(roundTripUs - before);
    answered++;
    before = roundTripUs;
    sum += roundTripUs;
    lowest = Math.min(lowest, roundTripUs);
  }
  if (answered === 0) return undefined;
  return {
    delayMinUs: oneWayUs(lowest),
    delayAvgUs: oneWayUs(sum / answered),
    delayVariationUs: answered > 1 ? oneWayUs(variation / (answered - 1)) : 0,
    loss: lossUnits(lost / Math.max(1, judged)),
  };
}

/** Half of a round trip, whole µs. */
export function oneWayUs(roundTripUs: number): number {
  return Math.round(roundTripUs / 2);
}

/** A share of packets in the units of RFC 8570 4.4. */
export function lossUnits(share: number): number {
  return Math.min(MAX_LOSS, Math.round(share * LOSS_UNITS_PER_ONE));
}
