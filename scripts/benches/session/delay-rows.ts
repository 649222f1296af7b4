// What little delay costs, what it is without that, and what the machine does to BIRD's: figures to judge B1 by.
import { absolute, median, NO_BOUND, type Row } from '../report.ts';
import type { Field, Pair } from './field.ts';
import { BY_DEFAULT, type Delay, LITTLE_DELAY } from './subjects.ts';

const CHURNS = 1;

/** `measured`: against BIRD, set for little delay. */
export async function delayRows(field: Field, measured: readonly Pair[], trials: number): Promise<Row[]> {
  const usual = (await field.ours({ churns: CHURNS, trials }, { delay: BY_DEFAULT })).of('latency');
  const figure = (id: string, what: string, unit: string, ours: number, method: string) =>
    absolute({ id, what, unit, ours, better: 'lower', target: NO_BOUND, method });
  const trialled = `${trials} trials, 5-15 ms apart`;
  const share = async (delay: Delay) => 100 * (await field.shareAtRest(delay));
  return [
    figure(
      'B1.bird.p99',
      'the same of BIRD',
      'us',
      1e6 * median(measured.map((it) => it.peer.of('latency').p99!)),
      trialled,
    ),
    figure('B1.usual.p50', 'the same without rehearse-every', 'us', 1e6 * usual.p50!, trialled),
    figure('B1.usual.p99', 'the same, 99th percentile', 'us', 1e6 * usual.p99!, trialled),
    figure(
      'B1.rest',
      'a daemon without work',
      '% of a processor',
      await share(LITTLE_DELAY),
      'with rehearse-every: 5ms; five seconds, once it has rested for five',
    ),
    figure(
      'B1.usual.rest',
      'the same without rehearse-every',
      '% of a processor',
      await share(BY_DEFAULT),
      'five seconds, once it has rested for five',
    ),
  ];
}
