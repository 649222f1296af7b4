// Log lines that a stranger can provoke: at most one a minute for each subject, with the number of those left unsaid.

export interface SessionLog {
  info(fields: Record<string, unknown>, text: string): void;
  warn(fields: Record<string, unknown>, text: string): void;
}

const QUIET_MS = 60_000;
/** Subjects remembered; beyond it the oldest is forgotten, so that many strangers cost no memory. */
const MAX_SUBJECTS = 256;

export class QuietLog {
  readonly #log: SessionLog;
  readonly #nowMs: () => number;
  readonly #subjects = new Map<string, { saidAtMs: number; unsaid: number }>();

  constructor(log: SessionLog, nowMs: () => number) {
    this.#log = log;
    this.#nowMs = nowMs;
  }

  /** `subject` is what the minute counts for, e.g. the remote address with the kind of fault. */
  warn(subject: string, fields: Record<string, unknown>, text: string): void {
    const nowMs = this.#nowMs();
    const known = this.#subjects.get(subject);
    if (known && nowMs - known.saidAtMs < QUIET_MS) {
      known.unsaid++;
      return;
    }
    this.#subjects.delete(subject);
    const oldest = this.#subjects.size >= MAX_SUBJECTS ? this.#subjects.keys().next() : undefined;
    if (oldest?.value !== undefined) this.#subjects.delete(oldest.value);
    this.#subjects.set(subject, { saidAtMs: nowMs, unsaid: 0 });
    this.#log.warn(known && known.unsaid > 0 ? { ...fields, unsaid: known.unsaid } : fields, text);
  }
}
