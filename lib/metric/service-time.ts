// What a request costs at a site with `workers` in parallel: the time it spends there, and the time it adds to everyone
// else. G/G/c by Sakasegawa's approximation; prices go on linearly above LINEAR_ABOVE so that overload stays ordered
// and finite. Rates are per second, times are µs, `workers` may be fractional (a learned capacity).

/** Above this utilisation the marginal price goes on linearly with the slope it has there. */
export const LINEAR_ABOVE = 0.95;
const TABLE_POINTS = 48;

/** Utilisation that `rate` puts on the workers; above 1 in overload, never clipped (a clipped one makes the rich richer). */
export function utilisation(rate: number, workers: number, workTimeUs: number): number {
  return (rate * workTimeUs) / 1e6 / workers;
}

/** Rate at which `workers` would be at utilisation `rho`. */
export function rateAt(rho: number, workers: number, workTimeUs: number): number {
  return (rho * workers * 1e6) / workTimeUs;
}

// In units of the work time s, as a function of rho and c alone: w = Wq/s, and with a = sqrt(2(c+1)) - 1, g = rho/(1-rho)
//   w    = rho^a / (c (1-rho))                            Sakasegawa 1977
//   phi  = d(rho R)/d rho / s = 1 + w (1 + a + g)         marginal price
//   phi' = w ((a+g)(1+a+g) + rho/(1-rho)^2) / rho         its slope over rho
function exponent(workers: number): number {
  return Math.sqrt(2 * (workers + 1)) - 1;
}

function relativeWait(rho: number, workers: number): number {
  return rho ** exponent(workers) / (workers * (1 - rho));
}

function relativePrice(rho: number, workers: number): number {
  if (rho > LINEAR_ABOVE) {
    return relativePrice(LINEAR_ABOVE, workers) + relativeSlope(LINEAR_ABOVE, workers) * (rho - LINEAR_ABOVE);
  }
  return 1 + relativeWait(rho, workers) * (1 + exponent(workers) + rho / (1 - rho));
}

function relativeSlope(rho: number, workers: number): number {
  if (rho <= 0) return 0;
  const at = Math.min(rho, LINEAR_ABOVE);
  const a = exponent(workers);
  const g = at / (1 - at);
  return (relativeWait(at, workers) * ((a + g) * (1 + a + g) + at / (1 - at) ** 2)) / at;
}

/** Mean time in the system, waiting included, µs. Above LINEAR_ABOVE the integral of the price, divided by the rate. */
export function serviceTimeUs(rate: number, workers: number, workTimeUs: number): number {
  const rho = utilisation(rate, workers, workTimeUs);
  if (rho <= LINEAR_ABOVE) return workTimeUs * (1 + relativeWait(Math.max(0, rho), workers));
  const beyond = rho - LINEAR_ABOVE;
  const area =
    LINEAR_ABOVE * (1 + relativeWait(LINEAR_ABOVE, workers)) +
    relativePrice(LINEAR_ABOVE, workers) * beyond +
    (relativeSlope(LINEAR_ABOVE, workers) * beyond * beyond) / 2;
  return (workTimeUs * area) / rho;
}

/** phi: what one more request per second costs all requests together, µs; equal prices are the social optimum. */
export function marginalUs(rate: number, workers: number, workTimeUs: number): number {
  return workTimeUs * relativePrice(Math.max(0, utilisation(rate, workers, workTimeUs)), workers);
}

/** h = rate * d phi / d rate, µs: how strongly the price answers to a relative change of the rate. */
export function sensitivityUs(rate: number, workers: number, workTimeUs: number): number {
  const rho = Math.max(0, utilisation(rate, workers, workTimeUs));
  return workTimeUs * rho * relativeSlope(rho, workers);
}

/** Requests in the system that the rate explains (Little's law). */
export function expectedInFlight(rate: number, workers: number, workTimeUs: number): number {
  return (rate * serviceTimeUs(rate, workers, workTimeUs)) / 1e6;
}

/** Wait behind a queue that the rate does not explain, beyond 2 sigma, µs; with a worker idle there is none. */
export function backlogUs(inFlight: number, rate: number, workers: number, workTimeUs: number): number {
  const expected = expectedInFlight(rate, workers, workTimeUs);
  const explained = Math.max(expected + 2 * Math.sqrt(expected), workers);
  return (Math.max(0, inFlight - explained) * workTimeUs) / workers;
}

/** Exact wait in M/M/c (Erlang C by the Erlang B recursion), µs; infinite when saturated. The oracle for the approximation. */
export function erlangWaitUs(rate: number, workers: number, workTimeUs: number): number {
  const offered = (rate * workTimeUs) / 1e6;
  if (offered >= workers) return Number.POSITIVE_INFINITY;
  let blocked = 1;
  for (let k = 1; k <= workers; k++) blocked = (offered * blocked) / (k + offered * blocked);
  const waits = blocked / (1 - (offered / workers) * (1 - blocked));
  return (waits * workTimeUs) / (workers - offered);
}

/** phi^-1 for one number of workers, in units of the work time; depends on nothing else, so callers keep it. */
export interface InverseTable {
  readonly workers: number;
  /** Utilisation, rising from 0 to LINEAR_ABOVE, denser toward the top where the price bends. */
  readonly rho: Float64Array;
  /** Relative price at each, rising. */
  readonly price: Float64Array;
  readonly slopeAbove: number;
}

export function inverseTable(workers: number): InverseTable {
  const rho = new Float64Array(TABLE_POINTS);
  const price = new Float64Array(TABLE_POINTS);
  for (let k = 0; k < TABLE_POINTS; k++) {
    rho[k] = LINEAR_ABOVE * (1 - (1 - k / (TABLE_POINTS - 1)) ** 2);
    price[k] = relativePrice(rho[k]!, workers);
  }
  return { workers, rho, price, slopeAbove: relativeSlope(LINEAR_ABOVE, workers) };
}

/** The rate at which the marginal price is `priceUs`; 0 where even an idle site costs more. */
export function rateAtPrice(table: InverseTable, priceUs: number, workTimeUs: number): number {
  const wanted = priceUs / workTimeUs;
  const { rho, price, workers } = table;
  if (!(wanted > 1)) return 0;
  const last = TABLE_POINTS - 1;
  if (wanted >= price[last]!) {
    return rateAt(LINEAR_ABOVE + (wanted - price[last]!) / table.slopeAbove, workers, workTimeUs);
  }
  let low = 0;
  let high = last;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (price[middle]! <= wanted) low = middle;
    else high = middle;
  }
  const part = (wanted - price[low]!) / (price[high]! - price[low]!);
  return rateAt(rho[low]! + part * (rho[high]! - rho[low]!), workers, workTimeUs);
}
