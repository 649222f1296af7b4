// One watcher of one kind of rows: first a snapshot, then differences. A slow watcher costs what its rows cost and no
// more: while a message is on its way changes only set a flag, and the next message is the difference to what was sent.
import { type ViewKind, type Views, viewKey } from '../../lib/model/view.ts';
import type { AdminBackend } from './backend.ts';
import { ROWS_PER_MESSAGE } from './proto.ts';

export interface ChangeOf<K extends ViewKind> {
  readonly snapshot: boolean;
  readonly rows: readonly Views[K][];
  /** `viewKey`s. */
  readonly removed: readonly string[];
}

export interface Watcher {
  stop(): void;
}

/** Pause between two reads of the backend; changes inside it are merged. */
const GAP_MS = 50;

/**
 * Starts to watch. `send` resolves when the reader has taken the message (false: it is gone). `failed` is called at most
 * once, when the backend cannot be read; nothing is sent after it.
 */
export function startWatcher<K extends ViewKind>(
  backend: AdminBackend,
  kind: K,
  send: (change: ChangeOf<K>) => Promise<boolean>,
  failed: (error: unknown) => void,
): Watcher {
  /** Text of each row as the reader has it. */
  const sent = new Map<string, string>();
  let state: 'idle' | 'busy' | 'busy-and-changed' | 'stopped' = 'idle';
  let timer: NodeJS.Timeout | undefined;

  const changed = (): void => {
    if (state === 'busy') state = 'busy-and-changed';
    if (state === 'idle') run(false);
  };
  const unsubscribe = backend.watch(kind, changed);
  run(true);
  return { stop };

  function stop(): void {
    state = 'stopped';
    clearTimeout(timer);
    unsubscribe();
  }

  function run(snapshot: boolean): void {
    state = 'busy';
    pass(snapshot).then(
      (alive) => {
        if (!alive) stop();
        if (state === 'stopped') return;
        timer = setTimeout(() => {
          const again = state === 'busy-and-changed';
          state = 'idle';
          if (again) run(false);
        }, GAP_MS);
      },
      (error: unknown) => {
        stop();
        failed(error);
      },
    );
  }

  /** One read, one difference, in messages of bounded size. */
  async function pass(snapshot: boolean): Promise<boolean> {
    const rows = await backend.show(kind);
    const gone = new Set(sent.keys());
    const put = rows.filter((row) => {
      const key = viewKey(kind, row);
      const text = JSON.stringify(row);
      gone.delete(key);
      if (sent.get(key) === text) return false;
      sent.set(key, text);
      return true;
    });
    for (const key of gone) sent.delete(key);
    if (!snapshot && put.length === 0 && gone.size === 0) return true;
    const removed = [...gone];
    const size = Math.max(put.length, removed.length, 1);
    for (let from = 0; from < size; from += ROWS_PER_MESSAGE) {
      const alive = await send({
        snapshot: snapshot && from === 0,
        rows: put.slice(from, from + ROWS_PER_MESSAGE),
        removed: removed.slice(from, from + ROWS_PER_MESSAGE),
      });
      if (!alive || state === 'stopped') return false;
    }
    return true;
  }
}
