import { expect, test } from 'vitest';
import { parseConfig } from '../../lib/config/parse.ts';
import type { RouterEventBody } from '../../lib/router/event.ts';
import { createLogger } from '../logger.ts';
import { watchLinks } from './links.ts';

const YAML = `
name: a
site: s
router-id: 10.0.0.1
security: plaintext
srv6: { locator: "5f00:0:1::/48" }
links:
  - { name: lo, neighbour: 10.0.0.2, local-address: "fd00::1", remote-address: "fd00::2" }
  - { name: nosuch0, neighbour: 10.0.0.3, local-address: "fd00:1::1", remote-address: "fd00:1::2" }
`;

test('a configured link without an interface is down, and the log names it', async () => {
  const parsed = parseConfig(YAML);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  const lines: string[] = [];
  const events: RouterEventBody[] = [];
  const log = createLogger({ level: 'info', name: 'a', pretty: false, write: (line) => lines.push(line) });
  const watch = await watchLinks(parsed.config, (event) => events.push(event), log);
  watch.start();
  watch.stop();
  expect(events).toContainEqual({ type: 'link', name: 'nosuch0', up: false });
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { level: 'warn', link: 'nosuch0', msg: 'there is no such interface, the link is down' },
  ]);
});
