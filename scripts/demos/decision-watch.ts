// Follows the decisions of the ingress routers as they are made, through the watch of the admin API; keeps those that moved
// weights.
import { AdminError } from '../../daemon/admin/client.ts';
import type { Routers } from './routers.ts';
import type { DecisionMark } from './timeline.ts';

export class DecisionWatch {
  readonly #marks: DecisionMark[] = [];
  readonly #service: string;
  #stopped = false;

  constructor(routers: Routers, service: string) {
    this.#service = service;
    for (const ingress of routers.ingresses) void this.#follow(routers, ingress);
  }

  /** The decisions so far, in the order of time. */
  stop(): readonly DecisionMark[] {
    this.#stopped = true;
    return this.#marks.toSorted((a, b) => a.atMs - b.atMs);
  }

  async #follow(routers: Routers, ingress: string): Promise<void> {
    let before = '';
    try {
      for await (const { rows } of routers.client(ingress).watch('services')) {
        if (this.#stopped) return;
        for (const row of rows) {
          if (row.name !== this.#service) continue;
          const weights = Object.fromEntries(row.weights.map(({ instanceName, weight }) => [instanceName, weight]));
          const text = JSON.stringify(weights);
          if (text !== before) this.#marks.push({ ingress, atMs: row.changedAtMs, change: row.change, weights });
          before = text;
        }
      }
    } catch (error) {
      // The connection is closed on the way out.
      if (!(error instanceof AdminError)) throw error;
    }
  }
}
