// What does without its accelerator: one that fails is given up, since what it was not told it would go on doing.

export class Accelerator<T extends { close(): void }> {
  readonly #onLost: ((error: unknown) => void) | undefined;
  #it: T | undefined;

  /** `onLost`: from now on nftables does all by itself. */
  constructor(onLost: ((error: unknown) => void) | undefined) {
    this.#onLost = onLost;
  }

  get isThere(): boolean {
    return this.#it !== undefined;
  }

  take(accelerator: T): void {
    this.#it = accelerator;
  }

  /** Undefined without one, and when it failed. */
  with<R>(act: (accelerator: T) => R): R | undefined {
    const accelerator = this.#it;
    if (!accelerator) return undefined;
    try {
      return act(accelerator);
    } catch (error) {
      this.close();
      this.#onLost?.(error);
      return undefined;
    }
  }

  close(): void {
    this.#it?.close();
    this.#it = undefined;
  }
}
