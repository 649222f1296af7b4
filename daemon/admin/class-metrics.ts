// Metrics of the classes of steered services: what each has decided, and the flows that each contact instance holds.
import type { ClassCounter } from '../../lib/fib/fib.ts';
import type { MetricView } from '../../lib/model/view.ts';
import type { RouterState } from '../../lib/router/state.ts';
import { flowRows } from '../../lib/router/view/flows.ts';

export function classRows(
  state: RouterState,
  counters: readonly ClassCounter[],
  counts: ReadonlyMap<number, number>,
): MetricView[] {
  const decided = counters.flatMap(({ service, name, packets }): MetricView[] => {
    const steered = (state.classes.get(service) ?? []).find((it) => it.name === name);
    if (steered === undefined) return [];
    return [
      {
        name: 'cfnd_class_decided_total',
        kind: 'counter',
        unit: '1',
        labels: { service, class: steered.class.name },
        help: 'new flows (affinity flow), new clients (client) or packets (none, bucket) that were sent where the class decides',
        value: packets,
      },
    ];
  });
  const flows = flowRows(state, counts).map(
    (row): MetricView => ({
      name: 'cfnd_flows',
      kind: 'gauge',
      unit: '1',
      labels: { service: row.service, class: row.class, instance: row.contactInstance },
      help: 'flows held by affinity (clients with affinity client, busy hash buckets with bucket)',
      value: row.flows,
    }),
  );
  return [...decided, ...flows];
}
