// The four kinds of failure (STYLE "Four kinds of failure") need only one class: bad input. Outcomes are values,
// a failed world is an event, and our own bugs are plain errors from `invariant`, which nobody catches.

/** Bad input from a peer, client, file or kernel; thrown by codecs, caught once in the adapter that read the input. */
export class CodedError extends Error {
  readonly code: string;
  readonly detail: Readonly<Record<string, string | number>>;

  constructor(code: string, message: string, detail: Record<string, string | number> = {}) {
    super(message);
    this.name = 'CodedError';
    this.code = code;
    this.detail = detail;
  }
}

/** Throws when `condition` is false: a bug of ours; the process says so and exits. */
export function invariant(condition: unknown, what: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${what}`);
}
