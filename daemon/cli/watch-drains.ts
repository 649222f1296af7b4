// What `drain --watch` does after the request: prints what is left until every drain that it asked for is over.
import { connectAdmin, type DrainReply } from '../admin/client.ts';
import { type CliIo, type Globals, targetOf } from './context.ts';
import { drainLine } from './text.ts';

/** False: one timed out, or the daemon went. */
export async function watchDrains(globals: Globals, { matched }: DrainReply, io: CliIo): Promise<boolean> {
  const { json } = globals;
  const keys = new Set(matched.map((row) => `${row.service} ${row.contactInstance}`));
  const states = new Map<string, string>();
  const client = await connectAdmin(targetOf(globals));
  try {
    for await (const { rows } of client.watch('drains')) {
      for (const row of rows) {
        const key = `${row.service} ${row.contactInstance}`;
        if (!keys.has(key)) continue;
        states.set(key, row.state);
        io.out(json ? `${JSON.stringify(row)}\n` : drainLine(row, io.nowMs()));
      }
      const over = [...keys].every((key) => (states.get(key) ?? 'draining') !== 'draining');
      if (over) return ![...states.values()].includes('timed-out');
    }
  } finally {
    client.close();
  }
  return false;
}
