// The backend over a real router core, where the fake of the other tests would agree with anything.
import { expect, test } from 'vitest';
import { parseConfig } from '../../lib/config/parse.ts';
import type { RouterEventBody } from '../../lib/router/event.ts';
import { createRouter, handle } from '../../lib/router/handle.ts';
import { type BackendOptions, createBackend } from './router-backend.ts';

const KEY = { service: 'fd00:cafe::80', contactInstance: 'fd00:51::10' };
const CONFIG = `
name: eg
site: eg
router-id: 10.0.0.1
security: plaintext
services: { web: "${KEY.service}" }
srv6: { locator: "5f00:0:1::/48" }
fib: { kind: memory }
instances: [ { name: sv1, service: web, address: "${KEY.contactInstance}", metrics: { kind: push } } ]
`;

test('a report that is not used is refused with the reason, and one that is, is not', async () => {
  const parsed = parseConfig(CONFIG);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  const { config } = parsed;
  const router = createRouter();
  let atMs = 1000;
  const post = (body: RouterEventBody) => void handle(router, { atMs: ++atMs, ...body });
  post({ type: 'start', config, bootId: 'b', wallMs: Date.now(), retained: [], capabilities: [] });
  // The other parts are not asked.
  const backend = createBackend({ router, post } as unknown as BackendOptions);
  const instance = () => [...router.state!.instances.values()][0]!;

  expect(backend.localInstances()).toEqual([{ ...KEY, serviceName: 'web', instanceName: 'sv1', source: 'push' }]);
  const half = await backend.report(KEY, { workers: 4, workTimeUs: 4000, inFlight: 0 });
  expect(half).toMatchObject({ ok: false, code: 'invalid', text: expect.stringMatching(/not used: .*arrivalRate/) });
  expect(instance().lastError).toBe('incomplete');
  expect(instance().agent.reported).toBeUndefined();

  expect(await backend.report(KEY, { workers: 4, workTimeUs: 4000, arrivalRate: 10 })).toMatchObject({ ok: true });
  expect(instance().agent.reported).toMatchObject({ workers: 4, arrivalRate: 10 });
});
