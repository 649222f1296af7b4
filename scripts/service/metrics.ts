// The service's own view of its load as Prometheus text: what a C-SMA scrapes. Values are read from the pool when
// somebody asks, so a scrape is never older than itself.
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { WorkerPool } from './worker-pool.ts';

export interface ServiceMetrics {
  readonly contentType: string;
  text(): Promise<string>;
  observeResponse(seconds: number): void;
}

/** `echoDrops` tells what the UDP echo could not read in time. */
export function createMetrics(pool: WorkerPool, instance: string, echoDrops: () => number): ServiceMetrics {
  const registry = new Registry();
  registry.setDefaultLabels({ instance_name: instance });
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  const counter = (name: string, help: string, read: () => number) =>
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  gauge('cfn_service_workers', 'Workers that serve in parallel.', () => pool.config.workers);
  gauge('cfn_service_in_flight', 'Requests in the system, waiting included.', () => pool.inFlight);
  counter('cfn_service_requests_total', 'Requests that arrived, overflowed ones included.', () => pool.arrivals);
  counter('cfn_service_completed_total', 'Requests served to the end.', () => pool.completed);
  counter('cfn_service_overflowed_total', 'Requests refused because the queue was full.', () => pool.overflowed);
  counter('cfn_service_busy_seconds_total', 'Worker-seconds spent serving.', () => pool.busySeconds);
  counter('cfn_service_udp_echo_dropped_total', 'Datagrams to the UDP echo dropped before it read them.', echoDrops);
  const response = new Histogram({
    name: 'cfn_service_response_seconds',
    help: 'Time from arrival of a request to its answer.',
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5],
    registers,
  });
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    observeResponse: (seconds) => response.observe(seconds),
  };
}
