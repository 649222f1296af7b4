// Metrics of the forwarding plane: what local SIDs have processed, and what scans had to put right.
import type { SidCounters } from '../../lib/fib/fib.ts';
import type { MetricView } from '../../lib/model/view.ts';
import type { RouterState } from '../../lib/router/state.ts';
import { sidRows } from '../../lib/router/view/fib.ts';

const SID_METRICS = {
  packets: ['cfnd_sid_packets_total', '1', 'packets that a local SID has processed since it was installed'],
  bytes: ['cfnd_sid_bytes_total', 'bytes', 'bytes of those packets'],
  errors: ['cfnd_sid_errors_total', '1', 'packets that a local SID has dropped'],
} as const;

export function fibMetricRows(state: RouterState, counters: readonly SidCounters[]): MetricView[] {
  const counter = (name: string, unit: string, labels: MetricView['labels'], help: string, value: number) =>
    ({ name, kind: 'counter', unit, labels, help, value }) as const;
  const drift = Object.entries(state.fib.drift).map(([what, value]) =>
    counter(
      'cfnd_fib_drift_total',
      '1',
      { what },
      'objects that scans of the kernel found so and have put right',
      value,
    ),
  );
  const sids = sidRows(state, counters).flatMap((row) =>
    (['packets', 'bytes', 'errors'] as const).map((field) => {
      const [name, unit, help] = SID_METRICS[field];
      return counter(name, unit, { sid: row.prefix, behaviour: row.behaviour.split(' ')[0]! }, help, row[field]);
    }),
  );
  return [...drift, ...sids];
}
