// What a file that is right means: values, units, names and defaults.
import { describe, expect, test } from 'vitest';
import { completeConfig } from './complete.ts';
import { accepted, EXAMPLE, MINIMAL, refused, withSections } from './parse.fixture.ts';

describe('what a file means', () => {
  test('the example is valid and shows every option of the schema', () => {
    accepted(EXAMPLE);
    const written = new Set(EXAMPLE.match(/[a-z][a-z0-9-]*(?=:( |$))/gm));
    const options = new Set<string>();
    const _collect = (schema: unknown): void => {
      if (typeof schema !== 'object' || schema === null) return;
      for (const [key, value] of Object.entries(schema)) {
        if (key === 'properties') for (const name of Object.keys(value as object)) options.add(name);
        _collect(value);
      }
    };
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
    expect(standard).toMatchObject({ explorationPercent: 0.5 });
    expect(standard!.scoreToUs).toHaveLength(11);
    expect(standard!.scoreToUs[10]).toBe(5000);
  });

  test('exploration is a small share, or none', () => {
    const of = (exploration: string) => withSections({ classes: [{ name: 'a', exploration }] });
    expect(accepted(of('0%')).steering.classes.map((it) => it.explorationPercent)).toContain(0);
    expect(accepted(of('1.5%')).steering.classes.map((it) => it.explorationPercent)).toContain(1.5);
    for (const wrong of ['11%', '1', '-1%'])
      expect(refused(of(wrong))).toEqual([
        expect.stringMatching(
          /^f:\d+:\d+ classes\[0\]\.exploration: needs a share in percent, 0% to 10%, for example 10%, is -?1/,
        ),
      ]);
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
});
