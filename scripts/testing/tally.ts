// Counts what passed and failed, and collects what was left out and why. Prints one line a check as it comes; knows no stage.
export interface Check {
  readonly name: string;
  readonly pass: boolean;
  /** What to look at when it failed. */
  readonly detail?: string;
}

export class Tally {
  passed = 0;
  failed = 0;
  readonly leftOut: string[] = [];
  readonly #print: (line: string) => void;

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  /** Heads the checks that follow. */
  stage(name: string): void {
    this.#print(`== ${name}`);
  }

  check({ name, pass, detail }: Check): void {
    if (pass) this.passed += 1;
    else this.failed += 1;
    this.#print(`${pass ? 'pass' : 'FAIL'}  ${name}`);
    if (!pass && detail !== undefined && detail !== '') this.#print(detail.replaceAll(/^/gm, '      '));
  }

  /** Counts checks that were printed elsewhere. */
  add(passed: number, failed: number): void {
    this.passed += passed;
    this.failed += failed;
  }

  /** Notes what this machine did not check; `why` is one line. */
  leave(what: string, why: string): void {
    this.leftOut.push(`${what}: ${why}`);
    this.#print(`left out  ${what}: ${why}`);
  }

  /** What was left out once more, then the totals as the last line. */
  summary(): string {
    return [...this.leftOut.map((line) => `left out: ${line}`), `${this.passed} passed, ${this.failed} failed`].join(
      '\n',
    );
  }
}
