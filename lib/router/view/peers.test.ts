// What `show peers` says of a session that comes up as it should.
import { expect, test } from 'vitest';
import { parseConfig } from '../../config/parse.ts';
import { FAMILIES } from '../../model/identity.ts';
import { type OpenMessage, PROTOCOL_VERSION } from '../../session/message.ts';
import type { RouterEventBody } from '../event.ts';
import { createRouter, handle } from '../handle.ts';
import { peerRows } from './peers.ts';

const CORE: OpenMessage = {
  type: 'OPEN',
  version: PROTOCOL_VERSION,
  domain: 'cfn',
  site: 'site-core',
  routerId: '10.0.0.2',
  name: 'core',
  bootId: 'boot-core',
  holdTimeMs: 3000,
  families: FAMILIES,
  roles: [],
  capabilities: [],
};

test('two connections that cross are no error: one survives, and only the log says so', () => {
  const parsed = parseConfig(`
name: in
site: site-in
router-id: 10.0.0.1
security: plaintext
srv6: { locator: "5f00:0:1::/48" }
links: [ { name: eth1, neighbour: 10.0.0.2, local-address: "fd00::1", remote-address: "fd00::2" } ]
peers: [ { name: core, address: "fd00::2" } ]
`);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  const router = createRouter();
  const peer = 'core';
  const events: RouterEventBody[] = [
    { type: 'start', config: parsed.config, bootId: 'b', wallMs: 1e12, retained: [], capabilities: [] },
    { type: 'connection-opened', peer, connection: 1, direction: 'outbound' },
    { type: 'connection-opened', peer, connection: 2, direction: 'inbound' },
    { type: 'message', peer, connection: 1, message: CORE },
    { type: 'message', peer, connection: 2, message: CORE },
    { type: 'message', peer, connection: 1, message: { type: 'KEEPALIVE' } },
    { type: 'message', peer, connection: 2, message: { type: 'KEEPALIVE' } },
  ];
  const effects = events.flatMap((event, atMs) => handle(router, { atMs, ...event }));
  expect(effects.filter((effect) => effect.type === 'log' && effect.text.includes('collision'))).toHaveLength(1);
  expect(peerRows(router.state!)).toMatchObject([
    { name: 'core', state: 'Established', lastError: '', lastErrorAtMs: 0 },
  ]);
});
