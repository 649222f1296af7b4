// What follows a change of a row: steering is told, and what was remembered of it is forgotten. Peers read it from the
// table's log.
import type { Change } from '../rib/route-table.ts';
import type { RouterState } from './state.ts';
import { serviceChanged } from './steering.ts';
import { viewChanged } from './turn.ts';

/** The version in use of a route differs now. */
export function rowChanged(state: RouterState, row: number, change: Change): void {
  if (change === 'none') return;
  viewChanged(state, 'rib');
  const { services } = state.table;
  const service = state.table.service(row);
  if (services.isWatched(service)) serviceChanged(state, services.text(service), 'service');
}

/** Takes away what `source` says of the row; with a handle, only if it still says it under that one. */
export function withdrawRow(state: RouterState, source: number, row: number, handle = 0): void {
  const { services } = state.table;
  const service = state.table.service(row);
  const watched = services.isWatched(service) ? services.text(service) : undefined;
  const change = state.table.withdraw(row, source, handle);
  if (!state.table.says(row, source)) state.raw[source]?.delete(row);
  if (change === 'none') return;
  if (change === 'removed') {
    // The row, and with it the peer's handle, may be another route's in a moment.
    state.quarantine.delete(row);
    state.heldReports.delete(row);
  }
  viewChanged(state, 'rib');
  // DESIGN section 4: withdrawals pass the pacing.
  if (watched !== undefined) serviceChanged(state, watched, 'service', change === 'removed');
}
