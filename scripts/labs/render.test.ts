import { existsSync, readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseConfig } from '../../lib/config/parse.ts';
import { parseLabFile } from './parse-clab.ts';
import { findDrift } from './render.ts';
import { renderClab } from './render-clab.ts';
import { renderConfig } from './render-config.ts';
import { readTopology, routersOf } from './topology.ts';
import { readChecks } from './verify.ts';

const topology = readTopology(new URL('../../topologies/metro-3/topology.json', import.meta.url).pathname);
/** containerlab's schema is not ours to ship; a checkout beside which it lies, or this variable, brings it. */
const schemaFile =
  process.env.CLAB_SCHEMA ?? new URL('../../../shared/schema/clab.schema.json', import.meta.url).pathname;

test('what is checked in is what the topologies render', () => {
  expect(findDrift()).toEqual([]);
});

test('the rendered file is one that the runner mirrors completely', () => {
  const lab = parseLabFile(renderClab(topology), '/x/metro-3.clab.yml', {});
  expect(lab.warnings).toEqual([]);
  expect(lab.nodes).toHaveLength(topology.nodes.length);
  expect(lab.links.map((link) => link.quality.delayUs)).toEqual(topology.links.map((link) => link.delayUs));
});

test.skipIf(!existsSync(schemaFile))(
  `the rendered file is valid for containerlab${existsSync(schemaFile) ? '' : ' (skipped: CLAB_SCHEMA names no file)'}`,
  () => {
    // The schema has keywords of editors (markdownDescription), which strict mode refuses.
    const validate = new Ajv({ strict: false }).compile(JSON.parse(readFileSync(schemaFile, 'utf8')) as object);
    expect(validate(parse(renderClab(topology))), JSON.stringify(validate.errors)).toBe(true);
  },
);

test.each(routersOf(topology).map((router) => [router.name, router] as const))(
  'the daemon accepts the configuration of %s',
  (_name, router) => {
    const { name, routerId, site } = router;
    expect(parseConfig(renderConfig(topology, router))).toMatchObject({
      ok: true,
      warnings: [],
      config: { name, routerId, site },
    });
  },
);

test('both ends of every session name each other', () => {
  const peerings = routersOf(topology).flatMap((router) => {
    const config = parse(renderConfig(topology, router)) as { peers: { name: string }[] };
    return config.peers.map((peer) => `${router.name} ${peer.name}`);
  });
  expect(peerings.map((pair) => pair.split(' ').toReversed().join(' ')).sort()).toEqual(peerings.sort());
});

test.each(['metro-3', 'gsrv6-8'])('the checks of %s name nodes that it has', (lab) => {
  const checks = readChecks(new URL(`../../containerlab/${lab}/verify.yml`, import.meta.url).pathname);
  const { nodes } = readTopology(new URL(`../../topologies/${lab}/topology.json`, import.meta.url).pathname);
  const names = new Set(nodes.map((node) => node.name));
  expect(checks.flatMap((check) => check.nodes).filter((node) => !names.has(node))).toEqual([]);
});

test('the same lab with mutual TLS is one that runner and daemons accept, default deny and nobody shut out', () => {
  const lab = parseLabFile(renderClab(topology, 'certs'), '/x/metro-3-tls.clab.yml', {});
  expect([lab.name, lab.warnings]).toEqual(['metro-3-tls', []]);
  for (const router of routersOf(topology)) {
    const parsed = parseConfig(renderConfig(topology, router, '/etc/cfnd/tls'));
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
    expect(parsed.warnings).toEqual([]);
    const sites = parsed.config.authorisation?.map((entry) => entry.site);
    expect(sites).toEqual(routersOf(topology).map(({ site }) => site));
  }
});
