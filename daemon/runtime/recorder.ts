// Writes every event and what it led to as JSON lines, up to a size: a recording is whole from its first event or it is
// none, so at the cap it ends, and says so once.
import { createWriteStream, type WriteStream } from 'node:fs';
import type { RouterEffect } from '../../lib/router/effect.ts';
import type { RouterEvent } from '../../lib/router/event.ts';
import { encodeLine } from '../../lib/router/record.ts';

export class Recorder {
  readonly #stream: WriteStream;
  readonly #maxBytes: number;
  readonly #ended: (reason: string) => void;
  #bytes = 0;
  #open = true;

  /** `ended` is called once, when the cap is reached or the file cannot be written. */
  constructor(file: string, maxBytes: number, ended: (reason: string) => void) {
    this.#maxBytes = maxBytes;
    this.#ended = ended;
    this.#stream = createWriteStream(file, { flags: 'w', mode: 0o640 });
    this.#stream.on('error', (error) => this.#end(error.message));
  }

  record(event: RouterEvent, effects: readonly RouterEffect[]): void {
    if (!this.#open) return;
    const text = `${encodeLine({ event })}\n${encodeLine({ effects })}\n`;
    this.#bytes += Buffer.byteLength(text);
    if (this.#bytes > this.#maxBytes) {
      this.#end(`the recording reached ${this.#maxBytes} bytes`);
      return;
    }
    this.#stream.write(text);
  }

  close(): Promise<void> {
    this.#open = false;
    return new Promise((resolve) => this.#stream.end(() => resolve()));
  }

  #end(reason: string): void {
    if (!this.#open) return;
    this.#open = false;
    this.#stream.end();
    this.#ended(reason);
  }
}
