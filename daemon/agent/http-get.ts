// One bounded HTTP GET over a kept connection: a size cap, one deadline for everything, and failures as text.
import { Agent, get } from 'node:http';

export type HttpOutcome =
  | { readonly ok: true; readonly status: number; readonly body: string }
  /** Lower case, for people. */
  | { readonly ok: false; readonly reason: string };

export class HttpGetter {
  // One connection a target: a scrape that has not come back is not followed by another.
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1, scheduling: 'fifo' });

  /** Never rejects. Bodies beyond `maxBytes` count as failures, not as cut text. */
  get(url: string, limits: { readonly timeoutMs: number; readonly maxBytes: number }): Promise<HttpOutcome> {
    return new Promise((resolve) => {
      const finish = (outcome: HttpOutcome) => {
        clearTimeout(deadline);
        resolve(outcome);
      };
      const request = get(url, { agent: this.#agent }, (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > limits.maxBytes) request.destroy(new Error(`answer is larger than ${limits.maxBytes} bytes`));
          else chunks.push(chunk);
        });
        response.on('end', () =>
          finish({ ok: true, status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
        );
        response.on('error', (error) => finish({ ok: false, reason: error.message }));
      });
      request.on('error', (error) => finish({ ok: false, reason: error.message }));
      const deadline = setTimeout(
        () => request.destroy(new Error(`no answer within ${limits.timeoutMs} ms`)),
        limits.timeoutMs,
      );
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
