import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse as parseYaml, stringify } from 'yaml';
import { completeConfig } from './complete.ts';
import type { RouterConfig } from './config.ts';
import { configJsonSchema } from './json-schema.ts';
import { formatConfigError, parseConfig } from './parse.ts';

const EXAMPLE = readFileSync(new URL('./example.yaml', import.meta.url), 'utf8');

const MINIMAL = `
name: e1
site: site-1
router-id: 10.0.0.11
security: plaintext
srv6: { locator: "5f00:0:11::/48" }
links:
  - { name: eth1, neighbour: 10.0.0.21, local-address: "fd00:1::11", remote-address: "fd00:1::21" }
peers:
  - { name: c1, address: "fd00:1::21" }
instances:
  - name: web-1
    service: fd00:cafe::80
    address: fd00:51::10
    sid: "5f00:0:11:100::"
    metrics: { kind: prometheus, url: "http://[fd00:51::10]:9100/metrics" }
`;

function accepted(text: string): RouterConfig {
  const result = parseConfig(text);
  if (!result.ok) throw new Error(result.errors.map((error) => formatConfigError('x', error)).join('\n'));
  return result.config;
}

function refused(text: string): string[] {
  const result = parseConfig(text);
  return result.ok ? [] : result.errors.map((error) => formatConfigError('f', error));
}

/** The minimal file with other sections; `undefined` leaves one out. */
function withSections(sections: Record<string, unknown>): string {
  return stringify({ ...(parseYaml(MINIMAL) as object), ...sections }, { keepUndefined: false });
}

/** Where the scalars of a document are. */
function scalarPaths(value: unknown, path: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  if (Array.isArray(value)) return value.flatMap((it, i) => scalarPaths(it, [...path, i]));
  return Object.entries(value).flatMap(([key, it]) => scalarPaths(it, [...path, key]));
}

describe('what a file means', () => {
  test('the example is valid and shows every option of the schema', () => {
    accepted(EXAMPLE);
    const written = new Set(EXAMPLE.match(/[a-z][a-z0-9-]*(?=:( |$))/gm));
    const options = new Set<string>();
    const collect = (schema: unknown): void => {
      if (typeof schema !== 'object' || schema === null) return;
      for (const [key, value] of Object.entries(schema)) {
        if (key === 'properties') for (const name of Object.keys(value as object)) options.add(name);
        collect(value);
      }
    };
    collect(configJsonSchema());
    expect([...options].filter((option) => !written.has(option))).toEqual([]);
  });

  test('locators take their structure from prefix, behaviour and length of C-SIDs', () => {
    const { srv6 } = accepted(
      withSections({
        srv6: {
          locator: '5f00:0:11::/48',
          compression: 'replace-csid',
          locators: [
            { prefix: 'fcbb:bbbb:11::/48', behaviour: 'next-csid' },
            { prefix: 'fcbb:bbbb:cccc:11::/64', behaviour: 'next-csid' },
            { prefix: 'fcbb:aaaa:11::/48', behaviour: 'next-csid', 'csid-bits': 32 },
            { prefix: 'fdbb:cafe:0:11::/64', behaviour: 'replace-csid' },
            { prefix: 'fdbb:beef:0:0:1100::/72', behaviour: 'replace-csid', 'csid-bits': 16 },
            { prefix: '5f01:0:11::/48', behaviour: 'end' },
          ],
        },
      }),
    );
    expect(srv6.compression).toBe('replace-csid');
    expect(srv6.locators.map((it) => [it.csidBits, it.block, it.node, it.function])).toEqual([
      [16, 32, 16, 16],
      [16, 48, 16, 16],
      [32, 32, 16, 16],
      [32, 48, 16, 16],
      [16, 64, 8, 8],
      [0, 32, 16, 16],
    ]);
  });

  test('a contact instance may leave its SID to the router, or have it in any locator', () => {
    const plain = { name: 'a', service: 'fd00:cafe::80', address: 'fd00::5', metrics: { kind: 'push' } };
    const [allotted, said] = accepted(
      withSections({
        srv6: { locator: '5f00:0:11::/48', locators: [{ prefix: 'fdbb:cafe:0:11::/64', behaviour: 'replace-csid' }] },
        instances: [plain, { ...plain, name: 'b', address: 'fd00::6', sid: 'fdbb:cafe:0:11:100::' }],
      }),
    ).instances;
    expect([allotted!.sid, said!.sid]).toEqual(['', 'fdbb:cafe:0:11:100::']);
  });

  test('the defaults that the example writes out are the defaults', () => {
    const written = accepted(EXAMPLE);
    const minimal = accepted(MINIMAL);
    for (const section of [
      'domain',
      'roles',
      'listen',
      'plausibility',
      'admin',
      'links',
      'stamp',
      'peers',
      'protocol',
      'fib',
      'log',
    ] as const) {
      expect(minimal[section], section).toEqual(written[section]);
    }
    // The example shows locators that a router has only where it says so.
    expect({ ...minimal.srv6, locators: written.srv6.locators }).toEqual(written.srv6);
    expect(minimal.srv6.locators).toEqual([]);
    expect(minimal.steering.debounce).toEqual(written.steering.debounce);
    expect(minimal.steering.blackoutMs).toBe(written.steering.blackoutMs);
    expect(minimal.instances[0]!.metrics).toEqual(written.instances[0]!.metrics);
  });

  test('the defaults of the decision are those of the design', () => {
    const config = accepted(MINIMAL);
    expect(config.steering.debounce).toEqual({ minMs: 10, maxMs: 250 });
    expect(config.steering.blackoutMs).toBe(10_000);
    expect(config.instances[0]).toMatchObject({ reportIntervalMs: 1000, validForMs: 180_000 });
    const [standard] = config.steering.classes;
    expect(standard).toMatchObject({ name: 'default', strategy: 'joint', hysteresisPercent: 10, holdMs: 1000 });
    expect(standard!.scoreToUs).toHaveLength(11);
    expect(standard!.scoreToUs[10]).toBe(5000);
  });

  test('a service may be IPv4, and so may its instances and prefixes', () => {
    const config = accepted(
      withSections({
        services: { web4: '10.80.0.80' },
        prefixes: ['10.51.0.0/24'],
        instances: [
          { name: 'a', service: 'web4', address: '10.51.0.10', sid: '5f00:0:11:9::', metrics: { kind: 'push' } },
          {
            name: 'b',
            service: '10.80.0.81',
            address: 'fd00:51::10',
            nexthop: '10.51.0.11',
            sid: '5f00:0:11:a::',
            metrics: { kind: 'push' },
          },
        ],
      }),
    );
    expect(config.instances[0]).toMatchObject({ service: '10.80.0.80', serviceName: 'web4', nexthop: '10.51.0.10' });
    expect(config.instances[1]).toMatchObject({ service: '10.80.0.81', nexthop: '10.51.0.11' });
  });

  test('how far clocks may differ is said once, for what is told and for what is believed', () => {
    const of = (skew: object) => {
      const { protocol, plausibility } = accepted(withSections({ 'clock-skew': skew }));
      return [protocol.clockSkewMs, plausibility?.clockSkewMs];
    };
    expect(of({})).toEqual([5000, 3_600_000]);
    expect(of({ warn: '1s', quarantine: '10s' })).toEqual([1000, 10_000]);
    expect(of({ quarantine: '0s' })).toEqual([5000, 0]);
  });

  test('the border and room for encapsulation are on unless turned off', () => {
    const plain = accepted(MINIMAL);
    expect(plain.border).toEqual({ inside: [] });
    expect(plain.mtu).toBe('auto');
    const said = accepted(withSections({ border: { inside: ['eth7'] }, mtu: 9000 }));
    expect([said.border, said.mtu]).toEqual([{ inside: ['eth7'] }, 9000]);
    const off = accepted(withSections({ border: { enabled: false }, mtu: 'off' }));
    expect([off.border, off.mtu]).toEqual([undefined, undefined]);
    expect(refused(withSections({ mtu: 900 })).join()).toContain('must be auto, off, or 1280..65535');
    expect(refused(withSections({ mtu: 'large' })).join()).toContain('must be auto, off');
    expect(refused(withSections({ border: { inside: ['a b'] } })).join()).toContain('name of a network interface');
  });

  test('signed headers need a key, and links that are there', () => {
    const file = (hmac: object) => withSections({ srv6: { locator: '5f00:0:11::/48', hmac } });
    const config = accepted(file({ 'key-id': 17, 'secret-file': '/etc/cfnd/hmac', 'require-on': ['eth1'] }));
    expect(config.srv6.hmac).toEqual({
      keyId: 17,
      algorithm: 'sha256',
      secretFile: '/etc/cfnd/hmac',
      requireOn: ['eth1'],
    });
    expect(accepted(MINIMAL).srv6.hmac).toBeUndefined();
    expect(refused(file({ 'secret-file': '/x' })).join()).toContain('key-id');
    expect(refused(file({ 'key-id': 1, 'secret-file': '/x', algorithm: 'md5' })).join()).toContain('algorithm');
    expect(refused(file({ 'key-id': 1, 'secret-file': '/x', 'require-on': ['eth9'] })).join()).toContain('eth9');
  });

  test('a service may be named, and its name travels with the instance', () => {
    const config = accepted(EXAMPLE);
    expect(config.instances[0]).toMatchObject({ service: 'fd00:cafe::80', serviceName: 'web' });
    expect(config.steering.services).toMatchObject([
      {
        service: 'fd00:cafe::80',
        class: 'interactive',
        classify: [
          { match: { dscp: 46 }, class: 'interactive' },
          {
            match: {
              source: '2001:db8:7::/48',
              protocol: 'tcp',
              ports: { from: 8000, to: 8999 },
              flowLabel: 0x12345,
            },
            class: 'default',
          },
        ],
      },
    ]);
  });

  test('a recorded configuration from before an option existed gets what was in force then', () => {
    const config = accepted(MINIMAL);
    const { policies: _, protocol: __, ...old } = config;
    const peers = old.peers.map(({ name, address, port, families, holdTimeMs, connectRetryMs, passive, link }) => ({
      name,
      address,
      port,
      families,
      holdTimeMs,
      connectRetryMs,
      passive,
      link,
    }));
    const completed = completeConfig({ ...old, peers });
    expect(completed.peers[0]).toMatchObject({ importPolicy: '', pacing: { compute: 0 } });
    expect(Object.keys(completed).sort()).toEqual(Object.keys(config).sort());
    expect(Object.keys(completed.peers[0]!).sort()).toEqual(Object.keys(config.peers[0]!).sort());
    expect(completeConfig(config)).toEqual(config);
  });

  test('policies name services by name, address or prefix, and keep their order', () => {
    const match = { services: ['web', 'fd00:beef::1', 'fd00:beef::/64'] };
    const config = accepted(
      withSections({
        services: { web: 'fd00:cafe::80' },
        policies: {
          p: {
            rules: [
              { name: 'b', match, verdict: 'continue' },
              { name: 'a', verdict: 'accept' },
            ],
          },
        },
        peers: [{ name: 'c1', address: 'fd00:1::21', import: 'p', role: 'hub', subscribe: { services: ['web'] } }],
        role: 'site',
      }),
    );
    expect(config.policies[0]!.rules.map((rule) => rule.name)).toEqual(['b', 'a']);
    expect(config.policies[0]!.rules[0]!.match.services).toEqual([
      'fd00:cafe::80/128',
      'fd00:beef::1/128',
      'fd00:beef::/64',
    ]);
    expect(config).toMatchObject({ peerRole: 'site', peers: [{ importPolicy: 'p', remoteRole: 'hub' }] });
    expect(config.peers[0]!.subscription.services).toEqual(['fd00:cafe::80/128']);
  });

  test.each([
    [
      { peers: [{ name: 'c1', address: 'fd00:1::21', import: 'form-partner' }] },
      /no policy "form-partner"; did you mean from-partner/,
    ],
    [
      { policies: { 'from-partner': { rules: [{ name: 'a', match: { services: ['nope'] }, verdict: 'accept' }] } } },
      /no service "nope"/,
    ],
    [
      { policies: { 'from-partner': { rules: [{ name: 'a', match: { peers: ['c9'] }, verdict: 'accept' }] } } },
      /no peer "c9"/,
    ],
    [
      {
        policies: {
          'from-partner': {
            rules: [
              { name: 'a', verdict: 'accept' },
              { name: 'b', verdict: 'reject' },
            ],
          },
        },
      },
      /never reached/,
    ],
    [
      { policies: { 'from-partner': { rules: [{ name: 'a', verdict: 'allow' }] } } },
      /must be one of accept, reject, continue/,
    ],
    [{ 'clock-skew': { warn: '10m', quarantine: '1m' } }, /quarantine: must not be below warn/],
    [{ protocol: { 'clock-skew': '5s' } }, /clock-skew/],
    [{ protocol: { damping: { suppress: 500 } } }, /reuse: must be below suppress/],
    [{ protocol: { damping: { suppress: 20000 } } }, /nothing would ever be suppressed/],
    [{ role: 'observer', peers: [{ name: 'c1', address: 'fd00:1::21', role: 'observer' }] }, /two observers/],
  ])('%j is refused where it stands', (sections, words) => {
    const base = { policies: { 'from-partner': { rules: [] } } };
    expect(refused(withSections({ ...base, ...sections })).join('\n')).toMatch(words);
  });

  test('units are converted, addresses become canonical, absent bounds are infinite', () => {
    const config = accepted(
      withSections({
        links: [
          {
            name: 'eth1',
            neighbour: '10.0.0.21',
            'local-address': 'FD00:0001:0::11',
            'remote-address': 'fd00:1::21',
            delay: '1.5 ms',
            bandwidth: '100mbit',
          },
        ],
        classes: [{ name: 'a', bounds: { 'round-trip': '20ms' }, 'idle-timeout': '2m' }],
        recorder: { file: '/tmp/x', 'max-size': '64 MiB' },
      }),
    );
    expect(config.links[0]).toMatchObject({ localAddress: 'fd00:1::11', delayUs: 1500, bandwidthBps: 1e8 });
    const [, custom] = config.steering.classes;
    expect(custom).toMatchObject({ maxRoundTripUs: 20_000, idleTimeoutMs: 120_000, maxTotalTimeUs: Infinity });
    expect(config.recorder).toEqual({ file: '/tmp/x', maxBytes: 64 * 1024 * 1024 });
  });

  test('a router that does not measure its links does not wait for what STAMP says of them', () => {
    expect(accepted(MINIMAL).stamp.enabled).toBe(true);
    expect(accepted(withSections({ roles: ['c-ps', 'forwarder'], instances: [] })).stamp.enabled).toBe(false);
  });

  test('a peer hangs on the link that leads to its address', () => {
    expect(accepted(MINIMAL).peers[0]!.link).toBe('eth1');
    expect(accepted(withSections({ peers: [{ name: 'far', address: 'fd00:9::1' }] })).peers[0]!.link).toBe('');
  });

  test('the JSON schema accepts what the parser accepts and refuses unknown keys', () => {
    const validate = new Ajv2020({ strict: false }).compile(configJsonSchema());
    expect(validate(parseYaml(EXAMPLE))).toBe(true);
    expect(validate({ ...(parseYaml(MINIMAL) as object), sight: 'x' })).toBe(false);
    expect(validate(parseYaml(withSections({ stamp: { interval: 50 } })))).toBe(false);
  });
});

describe('errors', () => {
  test('all errors come at once, in the order of the file, each with its place', () => {
    const text = [
      'name: "e 1"',
      'site: site-1',
      'router-id: 0.0.0.0',
      'srv6: { locator: "5f00:0:11::/48" }',
      'peers:',
      '  - name: c1',
      '    hold-tme: 3s',
      '    hold-time: 100ms',
      '  - name: c2',
      '    address: fd00::2',
      '    families: [service, compote]',
      '  - name: c3',
      '    address: fd00::3',
      '  - name: c3',
      '    address: fd00::4',
      'instances:',
      '  - { name: a, service: "fd00::80", address: "fd00::5", sid: "5f00::", metrics: { kind: push } }',
    ].join('\n');
    expect(refused(text)).toEqual([
      'f:1:1 security: must be said in so many words: plaintext (anyone who reaches the port may speak) or mutual-tls',
      'f:1:7 name: must be 1 to 63 letters, digits, dots, dashes or underscores',
      'f:3:12 router-id: must be a router id: a dotted quad, not 0.0.0.0; is "0.0.0.0"',
      'f:6:5 peers[0].address: is missing',
      'f:7:5 peers[0].hold-tme: unknown option; did you mean hold-time?',
      'f:8:16 peers[0].hold-time: must be 0s or between 300ms and 18h, is 100ms',
      'f:11:25 peers[1].families[1]: must be one of service, compute, link-state; did you mean compute?',
      'f:14:11 peers[3].name: the same peer stands above',
      'f:17:62 instances[0].sid: 5f00:: is not inside the locator 5f00:0:11::/48',
    ]);
  });

  const instance = { name: 'a', service: 'fd00:cafe::80', address: 'fd00::5', metrics: { kind: 'push' } };
  const link = { name: 'eth1', neighbour: '10.0.0.21', 'local-address': 'fd00:1::11', 'remote-address': 'fd00:1::21' };
  const locators = (locator: object) => ({
    srv6: {
      locator: '5f00:0:11::/48',
      locators: [{ prefix: 'fcbb:bbbb:0:11::/64', behaviour: 'next-csid', ...locator }],
    },
  });
  const cases: readonly (readonly [string, Record<string, unknown>, RegExp])[] = [
    ['security is never assumed', { security: undefined }, /security: must be said in so many words/],
    ['mutual TLS needs its files', { security: 'mutual-tls' }, /security: mutual-tls needs the section tls/],
    ['a bare number is no duration', { stamp: { interval: 50 } }, /stamp\.interval: needs a number with a unit/],
    ['host bits in a prefix are refused', { prefixes: ['fd00::1/64'] }, /did you mean fd00::\/64\?/],
    [
      'the end SID lies inside the locator',
      { srv6: { locator: '5f00:0:11::/48', 'end-sid': '5f00:0:12:1::' } },
      /not inside the locator/,
    ],
    [
      'the structure fits the locator',
      { srv6: { locator: '5f00:0:11::/48', structure: { block: 32, node: 8, function: 16 } } },
      /block and node are 32 \+ 8 = 40 bits, the locator has 48/,
    ],
    [
      'a SID has 128 bits',
      { srv6: { locator: '5f00:0:11::/48', structure: { block: 32, node: 16, function: 32, argument: 64 } } },
      /sums to 144 bits/,
    ],
    [
      'node and function of a 32-bit C-SID are 32 bits',
      locators({ behaviour: 'replace-csid', structure: { block: 56, node: 8, function: 16 } }),
      /locators\[0\]\.structure: 32-bit replace-csid needs node and function 32 bits together/,
    ],
    [
      'a uSID has 16 bits',
      locators({ structure: { block: 40, node: 24, function: 16 } }),
      /16-bit next-csid needs node 16 and function 16/,
    ],
    ['C-SID 0 is nobody', locators({ prefix: 'fcbb:bbbb:0::/48' }), /locators\[0\]\.prefix: has node number 0/],
    ['a node is no local function', locators({ prefix: 'fcbb:bbbb:e001::/48' }), /has node number 0xe001/],
    ['a block has whole octets', locators({ prefix: 'fcbb:bbbb:0:11:22:2::/95' }), /a block of 79 bits/],
    ['a block is there', locators({ prefix: '2000::/8' }), /leaves no block/],
    [
      'the structure fits its locator',
      locators({ structure: { block: 32, node: 16, function: 16 } }),
      /block and node are 32 \+ 16 = 48 bits, the prefix has 64/,
    ],
    [
      'functions have numbers',
      locators({ structure: { block: 48, node: 16, function: 4 } }),
      /at least 6 function bits/,
    ],
    ['full SIDs have no C-SID', locators({ behaviour: 'end', 'csid-bits': 16 }), /full SIDs have no C-SID/],
    ['a C-SID has 16 or 32 bits', locators({ 'csid-bits': 24 }), /csid-bits: must be 16 or 32/],
    ['locators do not overlap', locators({ prefix: '5f00:0:11:5::/64' }), /overlaps the locator 5f00:0:11::\/48/],
    [
      'a service is in none of the locators',
      { ...locators({}), services: { web: 'fcbb:bbbb:0:11::80' } },
      /lies inside the locator fcbb:bbbb:0:11::\/64/,
    ],
    [
      'an instance has its SID in one of the locators',
      { ...locators({}), instances: [{ ...instance, sid: 'fcbb:bbbb:0:12:9::' }] },
      /is not inside the locator 5f00:0:11::\/48 or one of locators/,
    ],
    [
      'the number of an allotted SID is not configured',
      { ...locators({}), instances: [{ ...instance, sid: 'fcbb:bbbb:0:11:f001::' }] },
      /kept for contact instances without sid/,
    ],
    ['an odd locator needs its structure said', { srv6: { locator: '5f00::/16' } }, /needs structure to be said/],
    ['a peer is not ourselves', { peers: [{ name: 'me', address: 'fd00:1::11' }] }, /is our own address/],
    [
      'two peers do not share an address',
      {
        peers: [
          { name: 'a', address: 'fd00::1' },
          { name: 'b', address: 'fd00:0::1' },
        ],
      },
      /peers\[1\]\.address: the same peer address stands above/,
    ],
    [
      'a peer names an existing link',
      { peers: [{ name: 'a', address: 'fd00::1', link: 'eth2' }] },
      /there is no link "eth2"; did you mean eth1\?/,
    ],
    [
      'links have different names',
      { links: [link, { ...link, 'local-address': 'fd00:2::1' }] },
      /links\[1\]\.name: the same link/,
    ],
    ['a link does not lead to ourselves', { links: [{ ...link, neighbour: '10.0.0.11' }] }, /is our own router id/],
    [
      'instances have different SIDs',
      {
        instances: [
          { ...instance, sid: '5f00:0:11:9::' },
          { ...instance, name: 'b', address: 'fd00::6', sid: '5f00:0:11:9::' },
        ],
      },
      /instances\[1\]\.sid: the same SID stands above/,
    ],
    [
      'a SID ends with its function',
      { instances: [{ ...instance, sid: '5f00:0:11:9::1' }] },
      /has bits set behind its 16 function bits/,
    ],
    ['the locator is no SID', { instances: [{ ...instance, sid: '5f00:0:11::' }] }, /has function 0/],
    [
      'an instance does not take the SID of the main table',
      { instances: [{ ...instance, sid: '5f00:0:11:d6::' }] },
      /kept for End\.DT6/,
    ],
    [
      'an instance does not take the SID of a link',
      { instances: [{ ...instance, sid: '5f00:0:11:e001::' }] },
      /kept for links/,
    ],
    [
      'functions have room for those of the router',
      { srv6: { locator: '5f00:0:11::/48', structure: { block: 32, node: 16, function: 8 } } },
      /structure\.function: must be a whole number between 16 and 32/,
    ],
    [
      'an instance does not take the end SID',
      { instances: [{ ...instance, sid: '5f00:0:11:1::' }] },
      /is the end-sid of the router/,
    ],
    [
      'an instance of an IPv4 service is reached by IPv4',
      { instances: [{ ...instance, service: '10.80.0.80', sid: '5f00:0:11:9::' }] },
      /fd00::5 is of another address family than the service 10.80.0.80/,
    ],
    [
      'an instance does not take the SID that ends tunnels of IPv4',
      { instances: [{ ...instance, sid: '5f00:0:11:d4::' }] },
      /function kept for End.DX4/,
    ],
    [
      'an instance is not its own service',
      { instances: [{ ...instance, address: 'fd00:cafe::80', sid: '5f00:0:11:9::' }] },
      /must be the unicast address/,
    ],
    [
      'a named service exists',
      { instances: [{ ...instance, service: 'web', sid: '5f00:0:11:9::' }] },
      /there is no service "web"/,
    ],
    [
      'state outlives the pause between reports',
      { instances: [{ ...instance, sid: '5f00:0:11:9::', 'valid-for': '1s' }] },
      /must be at least twice report-interval/,
    ],
    [
      'the class of a steered service exists',
      { steering: { services: [{ service: 'fd00:cafe::80', class: 'x' }] } },
      /there is no class "x"/,
    ],
    [
      'the class of a rule exists',
      { steering: { services: [{ service: 'fd00:cafe::80', classify: [{ match: { dscp: 'ef' }, class: 'x' }] }] } },
      /classify\[0\]\.class: there is no class "x"/,
    ],
    [
      'a rule says a condition',
      { steering: { services: [{ service: 'fd00:cafe::80', classify: [{ match: {}, class: 'default' }] }] } },
      /says no condition/,
    ],
    [
      'a code point has a name or 6 bits',
      { steering: { services: [{ service: 'fd00:cafe::80', classify: [{ match: { dscp: 64 }, class: 'default' }] }] } },
      /must be a DSCP: 0 to 63, or one of cs0/,
    ],
    [
      'ports are a range that rises',
      {
        steering: {
          services: [{ service: 'fd00:cafe::80', classify: [{ match: { port: '90-80' }, class: 'default' }] }],
        },
      },
      /must be a port or a range/,
    ],
    [
      'a source is of the family of the service',
      {
        steering: {
          services: [{ service: 'fd00:cafe::80', classify: [{ match: { source: '10.0.0.0/8' }, class: 'default' }] }],
        },
      },
      /is of another address family than fd00:cafe::80/,
    ],
    [
      'a client prefix is whole octets',
      { classes: [{ name: 'a', affinity: 'client', 'client-prefix': { ipv6: 60 } }] },
      /client-prefix\.ipv6: must be whole octets/,
    ],
    [
      'a service is steered once',
      { steering: { services: [{ service: 'fd00::1' }, { service: 'fd00:0::1' }] } },
      /the same service stands above/,
    ],
    ['a service outside the locator', { services: { web: '5f00:0:11:5::' } }, /lies inside the locator/],
    ['debounce grows', { steering: { debounce: { min: '1s', max: '10ms' } } }, /min is longer than max/],
    [
      'better scores take less time',
      { classes: [{ name: 'a', 'score-table': Array.from({ length: 11 }, (_, i) => `${i + 1}ms`) }] },
      /score 1 must not take longer/,
    ],
    [
      'ids of groups and members do not overlap',
      { fib: { 'group-id-base': 1000, 'nexthop-id-base': 2000 } },
      /at least 1000000 away/,
    ],
    ['marks fit their mask', { fib: { 'mark-base': 0x1000 } }, /does not fit into mark-mask 0xfff/],
    ['a mask is one run of bits', { fib: { 'mark-mask': 0x5 } }, /must be one run of bits/],
    ['rules stand before the main table', { fib: { 'rule-priority': 32000 } }, /passes 32765/],
    ['a port is a port', { listen: { port: 65536 } }, /listen\.port: must be a whole number between 1 and 65535/],
    ['a socket path fits sockaddr_un', { admin: { socket: '/x'.repeat(60) } }, /at most 99 bytes/],
  ];
  test.each(cases)('%s', (_name, sections, expected) => {
    const errors = refused(withSections(sections));
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(expected);
  });

  test('an entry with an error hides neither the faults of others nor makes references to it dangle', () => {
    const errors = refused(
      withSections({
        links: [{ ...link, delay: 5 }],
        peers: [
          { name: 'a', address: 'fd00::1', port: 0, link: 'eth1' },
          { name: 'b', address: 'fd00::2', link: 'eth1' },
          { name: 'b', address: 'fd00::3' },
        ],
      }),
    );
    expect(errors.map((error) => error.replace(/^\S+ /, ''))).toEqual([
      expect.stringMatching(/^links\[0\]\.delay: needs/),
      expect.stringMatching(/^peers\[0\]\.port: must/),
      expect.stringMatching(/^peers\[2\]\.name: the same peer/),
    ]);
  });

  test('a faulty option hides no fault of the other options of its section or entry', () => {
    const errors = refused(
      withSections({
        srv6: { locator: '5f00:0:11::/48', 'end-sid': '5f00:0:12:1::', device: 7 },
        links: [
          link,
          { ...link, delay: 5, 'local-address': 'fd00:2::1', 'remote-address': 'fd00:2::1' },
          { name: 'eth3', 'local-address': '192.0.2.1', 'remote-address': 'fd00:3::1' },
        ],
        peers: [
          { name: 'a', address: 'fd00:1::21' },
          { name: 'a', adress: 'fd00:1::22' },
          { name: 'b', address: 'fd00::3', port: 0, link: 'eth9' },
        ],
        instances: [{ ...instance, sid: '5f00:0:13:7::', address: 'nonsense' }],
        fib: { kind: 'kernal', 'mark-base': 0x1000 },
      }),
    );
    expect(errors.map((error) => error.replace(/^\S+ /, '').replace(/(\S+: .{0,12}).*/, '$1'))).toEqual([
      'srv6.end-sid: 5f00:0:12:1:',
      'srv6.device: must be the ',
      'links[1].name: the same lin',
      'links[1].remote-address: is also the ',
      'links[1].delay: needs a numb',
      'links[2].neighbour: is missing',
      'links[2].remote-address: is of anothe',
      'peers[1].address: is missing',
      'peers[1].name: the same pee',
      'peers[1].adress: unknown opti',
      'peers[2].port: must be a wh',
      'peers[2].link: there is no ',
      'instances[0].address: must be an I',
      'instances[0].sid: 5f00:0:13:7:',
      'fib.kind: must be one ',
      'fib.mark-base: does not fit',
    ]);
  });

  test('a misspelt section makes nothing that refers to it dangle', () => {
    const { links, ...others } = parseYaml(MINIMAL) as Record<string, unknown>;
    const errors = refused(
      stringify({ ...others, linsk: links, peers: [{ name: 'a', address: 'fd00::1', link: 'eth1' }] }),
    );
    expect(errors).toEqual([expect.stringMatching(/linsk: unknown option; did you mean links\?$/)]);
  });

  test('an option that cannot be read is the only thing said of an otherwise valid file', { timeout: 60_000 }, () => {
    const example = parseYaml(EXAMPLE) as Record<string, unknown>;
    for (const path of scalarPaths(example)) {
      const broken = structuredClone(example);
      const [key, ...above] = [...path].reverse();
      let at = broken as Record<string | number, unknown>;
      for (const step of above.reverse()) at = at[step] as Record<string | number, unknown>;
      at[key!] = { nonsense: [] };
      const result = parseConfig(stringify(broken));
      const places = result.ok ? [] : result.errors.map((error) => error.path);
      // A variant is chosen by one of its options: without it the others are not its own.
      const place = path
        .reduce<string>((text, it) => (typeof it === 'number' ? `${text}[${it}]` : `${text}.${it}`), '')
        .slice(1);
      const variant = /^kind$|^protocol$/.test(String(key)) ? place.slice(0, place.lastIndexOf('.')) : place;
      expect(places, place).not.toEqual([]);
      expect(
        places.filter((it) => !it.startsWith(variant)),
        place,
      ).toEqual([]);
    }
  });

  test('an address that ends in a colon and is not quoted gets a hint, not only YAML’s complaint', () => {
    expect(refused(`${MINIMAL.replace('"5f00:0:11:100::"', '5f00:0:11:100::')}`)[0]).toMatch(
      /^f:15:10: .*quote an address/,
    );
  });

  test('what is allowed but unwise is a warning', () => {
    const result = parseConfig(withSections({ instances: [{ ...instance, sid: '5f00:0:11:9::' }] }));
    expect(result.ok && result.warnings.map((one) => one.path)).toEqual(['instances[0]']);
  });
});

describe('hostile text', () => {
  test.each([
    ['duplicate keys', 'name: a\nname: b\n', /^f:2:1: map keys must be unique/],
    ['a second document', `${MINIMAL}\n---\nname: b\n`, /multiple documents/],
    ['an empty file', '', /the file is empty/],
    ['a list', '- a\n', /must be a map of options/],
    ['an unknown tag', 'name: !!js/function x\n', /tag/i],
    ['deep nesting', '['.repeat(200_000), /nested too deeply|flow/],
    ['a tab', 'name:\n\t- x', /tab/i],
  ])('%s is refused', (_name, text, expected) => {
    expect(refused(text).join('\n')).toMatch(expected);
  });

  test('an alias bomb is refused in bounded time', () => {
    const rows = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 12; i++)
      rows.push(
        `a${i}: &a${i} [${Array(10)
          .fill(`*a${i - 1}`)
          .join(', ')}]`,
      );
    const started = performance.now();
    expect(refused(rows.join('\n'))[0]).toMatch(/aliases/);
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  test('keys that name parts of every object are only unknown options', () => {
    const errors = refused(`${MINIMAL}\n__proto__: 1\nconstructor: 2\ntoString: 3\n`);
    expect(errors.map((error) => error.replace(/^\S+ /, ''))).toEqual([
      '__proto__: unknown option',
      'constructor: unknown option',
      'toString: unknown option',
    ]);
  });

  const isPlaced = (text: string): boolean => {
    const result = parseConfig(text);
    if (result.ok) return true;
    const lines = text.split('\n').length;
    return (
      result.errors.length > 0 &&
      result.errors.every(({ line, column, message }) => line >= 1 && line <= lines && column >= 1 && message !== '')
    );
  };

  test('any text is parsed or refused with places inside it', { timeout: 60_000 }, () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), isPlaced));
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...'-:?[]{}#&*!|>\'"% \n\tab01~<'), { maxLength: 60 }), (s) =>
        isPlaced(s.join('')),
      ),
    );
  });

  test('any value in the place of any other is parsed or refused with places inside the file', {
    timeout: 60_000,
  }, () => {
    const example = parseYaml(EXAMPLE) as Record<string, unknown>;
    const paths: (string | number)[][] = [];
    const walk = (value: unknown, path: (string | number)[]): void => {
      if (path.length > 0) paths.push(path);
      if (typeof value !== 'object' || value === null) return;
      for (const [key, item] of Object.entries(value)) walk(item, [...path, Array.isArray(value) ? Number(key) : key]);
    };
    walk(example, []);
    const mutate = (path: (string | number)[], value: unknown): string => {
      const copy = structuredClone(example);
      let node = copy as Record<string | number, unknown>;
      for (const step of path.slice(0, -1)) node = node[step] as Record<string | number, unknown>;
      node[path.at(-1)!] = value;
      return stringify(copy);
    };
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.jsonValue(), (path, value) => isPlaced(mutate(path, value))),
      { numRuns: 150 },
    );
  });
});

describe('what a file may not hold', () => {
  test('is a password, which would stand in logs and recordings', () => {
    const [first, ...others] = refused(MINIMAL.replace('http://[', 'http://me:secret@['));
    expect(first).toMatch(/instances\[0\]\.metrics\.url: must hold no user or password/);
    expect([first, ...others].join()).not.toContain('secret');
  });

  test('is a router id under two sites, or our own under another site', () => {
    const entry = (site: string, id: string) => ({ site, 'router-ids': [id] });
    const twice = [entry('site-1', '10.0.0.1'), entry('site-2', '10.0.0.1')];
    expect(refused(withSections({ authorisation: twice }))).toEqual([
      expect.stringMatching(/belongs to site site-1 above/),
    ]);
    const own = [entry('site-9', '10.0.0.11')];
    expect(refused(withSections({ authorisation: own }))).toEqual([expect.stringMatching(/our own router id/)]);
  });

  test('is mutual TLS without certificates; with them nobody may say anything until somebody is named', () => {
    expect(refused(withSections({ security: 'mutual-tls' }))).toEqual([expect.stringMatching(/needs the section tls/)]);
    const tls = { certificate: '/c.pem', key: '/k.pem', authorities: '/a.pem' };
    const result = parseConfig(withSections({ security: 'mutual-tls', tls }));
    expect(result.ok && result.config.authorisation).toEqual([]);
    expect(result.ok && result.config.peers[0]?.remoteName).toBe('c1');
    expect(result.ok && result.warnings.map((warning) => warning.message).join()).toMatch(
      /nobody may originate anything/,
    );
  });
});
