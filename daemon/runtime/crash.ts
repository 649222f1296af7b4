// How a bug of ours leaves a promise or a library that would swallow it (STYLE, the fourth kind of failure).

/** Throws `error` where nobody catches it: the process says so and exits, kernel objects stay for the next life. */
export function crash(error: unknown): void {
  setImmediate(() => {
    throw error;
  });
}
