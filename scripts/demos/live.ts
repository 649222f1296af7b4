// What the person at the terminal sees while the demo runs: one line a second with who serves whom, and one for each thing
// that is done and answered. On a terminal with colours and bars, plain lines elsewhere.
import type { LoadSecond } from '../loadgen/loadgen.ts';

const COLOURS = [75, 214, 114, 176, 203, 80];
const BAR_CELLS = 20;

export interface LiveOptions {
  readonly write: (text: string) => void;
  readonly colour: boolean;
  readonly clients: readonly string[];
  /** In the order of their names, which gives them their colours. */
  readonly instances: readonly string[];
}

export class Live {
  readonly #options: LiveOptions;
  readonly #startedMs = performance.now();
  readonly #seconds = new Map<string, LoadSecond>();

  constructor(options: LiveOptions) {
    this.#options = options;
  }

  /** A step of the way there. */
  step(text: string): void {
    this.#line(`${this.#clock()}  ${text}`);
  }

  phase(name: string, what: string): void {
    this.#line(`\n${this.#bold(name)}  ${what}`);
  }

  answer(text: string): void {
    this.#line(`${this.#clock()}  ${this.#bold('->')} ${text}`);
  }

  /** Prints when every client has told its second. */
  second(client: string, second: LoadSecond): void {
    this.#seconds.set(client, second);
    if (this.#seconds.size < this.#options.clients.length) return;
    const parts = this.#options.clients.map((name) => `${name} ${this.#shares(this.#seconds.get(name)!)}`);
    const udp = this.#options.clients.map((name) => this.#seconds.get(name)?.udp).find((one) => one !== undefined);
    const waiting = udp === undefined ? '' : `  stream ${udp.received} of ${udp.sent}`;
    const troubles = [...this.#seconds.values()].reduce((n, one) => n + one.failed + one.broken, 0);
    this.#line(
      `${this.#clock()}  ${parts.join('   ')}${waiting}${troubles > 0 ? this.#red(`  ${troubles} failed`) : ''}`,
    );
    this.#seconds.clear();
  }

  #shares({ newFlows, responseP50Ms }: LoadSecond): string {
    const total = Object.values(newFlows).reduce((a, b) => a + b, 0);
    const present = this.#options.instances.filter((name) => (newFlows[name] ?? 0) > 0);
    const shares = present.map((name) => `${name} ${Math.round((100 * newFlows[name]!) / total)}%`).join(' ');
    const text = `${shares || 'none'} ${responseP50Ms === null ? '' : `${responseP50Ms.toFixed(1)} ms`}`;
    if (!this.#options.colour) return text;
    // Cells by largest remainder would be exact; rounded ends are enough for the eye.
    let drawn = 0;
    let sum = 0;
    const bar = present.map((name) => {
      sum += newFlows[name]!;
      const until = Math.round((sum / total) * BAR_CELLS);
      const cells = '█'.repeat(until - drawn);
      drawn = until;
      return `\u001b[38;5;${COLOURS[this.#options.instances.indexOf(name) % COLOURS.length]}m${cells}\u001b[0m`;
    });
    return `${bar.join('')}${'·'.repeat(BAR_CELLS - drawn)} ${text.padEnd(22)}`;
  }

  #clock(): string {
    return `${((performance.now() - this.#startedMs) / 1000).toFixed(1).padStart(5)} s`;
  }

  #bold(text: string): string {
    return this.#options.colour ? `\u001b[1m${text}\u001b[0m` : text;
  }

  #red(text: string): string {
    return this.#options.colour ? `\u001b[31m${text}\u001b[0m` : text;
  }

  #line(text: string): void {
    this.#options.write(`${text.trimEnd()}\n`);
  }
}
