// One health check: an HTTP answer of 2xx or 3xx, or a TCP handshake. Rise and fall are lib/metric's.
import { connect } from 'node:net';
import type { HealthConfig } from '../../lib/config/config.ts';
import type { HttpGetter } from './http-get.ts';

export interface HealthOutcome {
  readonly ok: boolean;
  /** Why not; empty when ok. */
  readonly reason: string;
}

const MAX_HEALTH_BYTES = 64 * 1024;

export async function checkHealth(config: HealthConfig, http: HttpGetter): Promise<HealthOutcome> {
  if (config.kind === 'tcp') return checkTcp(new URL(config.url), config.timeoutMs);
  const outcome = await http.get(config.url, { timeoutMs: config.timeoutMs, maxBytes: MAX_HEALTH_BYTES });
  if (!outcome.ok) return { ok: false, reason: outcome.reason };
  const ok = outcome.status >= 200 && outcome.status < 400;
  return { ok, reason: ok ? '' : `status ${outcome.status}` };
}

function checkTcp(url: URL, timeoutMs: number): Promise<HealthOutcome> {
  return new Promise((resolve) => {
    const socket = connect({ host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) });
    const finish = (outcome: HealthOutcome) => {
      socket.destroy();
      resolve(outcome);
    };
    socket.setTimeout(timeoutMs, () => finish({ ok: false, reason: `no answer within ${timeoutMs} ms` }));
    socket.on('connect', () => finish({ ok: true, reason: '' }));
    socket.on('error', (error) => finish({ ok: false, reason: error.message }));
  });
}
