// What `explain` says where there is little to say; over the router core, with no peer that answers.
import { expect, test } from 'vitest';
import { parseConfig } from '../../config/parse.ts';
import { createRouter, handle, type Router } from '../handle.ts';
import { READY_DEADLINE_MS } from '../start.ts';
import { explainService, serviceRows } from './services.ts';

const WEB = 'fd00:cafe::80';

/** An ingress with a link and a peer, both silent. */
function started(): Router {
  const parsed = parseConfig(`
name: in
site: site-in
router-id: 10.0.0.1
security: plaintext
services: { web: "${WEB}" }
srv6: { locator: "5f00:0:1::/48" }
links: [ { name: eth1, neighbour: 10.0.0.2, local-address: "fd00::1", remote-address: "fd00::2" } ]
peers: [ { name: core, address: "fd00::2" } ]
steering: { services: [ { service: web } ] }
`);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  const router = createRouter();
  handle(router, {
    atMs: 0,
    type: 'start',
    config: parsed.config,
    bootId: 'b',
    wallMs: 1e12,
    retained: [],
    capabilities: [],
  });
  return router;
}

test('before the initial exchange is complete nothing is decided, which is not the same as not steered', () => {
  const { state } = started();
  expect(explainService(state!, WEB)).toEqual({
    refused: expect.stringMatching(/^nothing is decided for service web \(fd00:cafe::80\) yet/),
  });
  expect(explainService(state!, 'fd00:cafe::81')).toEqual({ refused: expect.stringMatching(/is not steered here$/) });
});

test('a steered service that nobody announces is explained under its name, with nothing to choose from', () => {
  const router = started();
  handle(router, { atMs: READY_DEADLINE_MS + 1, type: 'timer', timer: 'ready' });
  const state = router.state!;
  expect(serviceRows(state)).toMatchObject([{ service: WEB, name: 'web', steered: true, candidates: 0 }]);
  expect(explainService(state, WEB)).toMatchObject({
    view: { service: WEB, serviceName: 'web', best: '', assumed: false, candidates: [] },
  });
});
