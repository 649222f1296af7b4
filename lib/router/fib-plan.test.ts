import { expect, test } from 'vitest';
import { parseConfig } from '../config/parse.ts';
import { fibKey } from '../fib/fib.ts';
import { createRouter, handle, type Router } from './handle.ts';
import { fibRows } from './view/fib.ts';

function started(more = ''): Router {
  const text = `name: a
site: s
router-id: 10.0.0.1
security: plaintext
srv6: { locator: "5f00:0:1::/48" }
${more}
`;
  const parsed = parseConfig(text);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed));
  const router = createRouter();
  handle(router, {
    type: 'start',
    atMs: 0,
    config: parsed.config,
    bootId: 'b',
    wallMs: 1,
    retained: [],
    capabilities: [],
  });
  return router;
}

test('drift of one scan is counted by what was wrong, and told in one line however much it is', () => {
  const router = started();
  const missing = Array.from(
    { length: 1000 },
    (_, i) => ({ key: `route 254 10.0.0.${i}/32`, what: 'missing' }) as const,
  );
  const effects = handle(router, {
    type: 'fib-drift',
    atMs: 1,
    drift: [{ key: 'nexthop 1', what: 'different' }, ...missing, { key: 'group 9', what: 'stale' }],
  });
  const lines = effects.filter((effect) => effect.type === 'log');
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatchObject({
    level: 'warn',
    text: 'kernel drift repaired',
    fields: { missing: 1000, different: 1, stale: 1 },
  });
  expect(String(lines[0]!.fields.objects)).toMatch(
    /^nexthop 1 \(different\), route 254 10\.0\.0\.0\/32 \(missing\), .*\.\.\.$/,
  );
  handle(router, { type: 'fib-drift', atMs: 2, drift: [{ key: 'group 9', what: 'stale' }] });
  expect(router.state!.fib.drift).toEqual({ missing: 1000, different: 1, stale: 2 });
});

test('an object is in force once the forwarding plane has answered for it, not when it was asked', () => {
  const router = started(
    'links: [ { name: core, neighbour: 10.0.0.2, local-address: "fd00::1", remote-address: "fd00::2" } ]',
  );
  const state = router.state!;
  const result = { failures: [], put: 1, removed: 0, netlinkDoneAtMs: 1, affinityDoneAtMs: 1 };
  const states = (keys: readonly string[]) =>
    fibRows(state).flatMap((row) => (keys.includes(row.key) ? row.state : []));
  const [sync] = state.fib.inFlight.keys();
  handle(router, { type: 'fib-done', atMs: 1, what: 'sync', request: sync!, result });

  const effects = handle(router, { type: 'link', atMs: 2, name: 'core', up: true });
  const asked = effects.find((effect) => effect.type === 'fib-apply')!;
  const keys = asked.delta.put.map(fibKey);
  expect(states(keys)).toEqual(['pending']);
  handle(router, { type: 'fib-done', atMs: 3, what: 'apply', request: asked.request, result });
  expect(states(keys)).toEqual(['in-force']);
});
