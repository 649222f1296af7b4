// What is wrong with a file that is wrong, and where.
import { describe, expect, test } from 'vitest';
import { INSTANCE, LINK, refused, withSections } from './parse.fixture.ts';

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

  const locators = (locator: object) => ({
    srv6: {
      locator: '5f00:0:11::/48',
      locators: [{ prefix: 'fcbb:bbbb:0:11::/64', behaviour: 'next-csid', ...locator }],
    },
  });
  const cases: readonly (readonly [string, Record<string, unknown>, RegExp])[] = [
    ['security is never assumed', { security: undefined }, /security: must be said in so many words/],
    ['mutual TLS needs its files', { security: 'mutual-tls' }, /security: mutual-tls needs the section tls/],
    [
      'a bare number is no duration',
      { stamp: { interval: 50 } },
      /stamp\.interval: needs a number with a unit .*, is 50$/,
    ],
    ['what would speak to the terminal is not named', { stamp: { interval: '5\u001b[31m' } }, /example 50ms$/],
    ['a unit must be known', { stamp: { interval: '5 parsec' } }, /example 50ms, is 5 parsec$/],
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
      { ...locators({}), instances: [{ ...INSTANCE, sid: 'fcbb:bbbb:0:12:9::' }] },
      /is not inside the locator 5f00:0:11::\/48 or one of locators/,
    ],
    [
      'the number of an allotted SID is not configured',
      { ...locators({}), instances: [{ ...INSTANCE, sid: 'fcbb:bbbb:0:11:f001::' }] },
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
      { links: [LINK, { ...LINK, 'local-address': 'fd00:2::1' }] },
      /links\[1\]\.name: the same link/,
    ],
    ['a link does not lead to ourselves', { links: [{ ...LINK, neighbour: '10.0.0.11' }] }, /is our own router id/],
    [
      'instances have different SIDs',
      {
        instances: [
          { ...INSTANCE, sid: '5f00:0:11:9::' },
          { ...INSTANCE, name: 'b', address: 'fd00::6', sid: '5f00:0:11:9::' },
        ],
      },
      /instances\[1\]\.sid: the same SID stands above/,
    ],
    [
      'a SID ends with its function',
      { instances: [{ ...INSTANCE, sid: '5f00:0:11:9::1' }] },
      /has bits set behind its 16 function bits/,
    ],
    ['the locator is no SID', { instances: [{ ...INSTANCE, sid: '5f00:0:11::' }] }, /has function 0/],
    [
      'an instance does not take the SID of the main table',
      { instances: [{ ...INSTANCE, sid: '5f00:0:11:d6::' }] },
      /kept for End\.DT6/,
    ],
    [
      'an instance does not take the SID of a link',
      { instances: [{ ...INSTANCE, sid: '5f00:0:11:e001::' }] },
      /kept for links/,
    ],
    [
      'functions have room for those of the router',
      { srv6: { locator: '5f00:0:11::/48', structure: { block: 32, node: 16, function: 8 } } },
      /structure\.function: must be a whole number between 16 and 32/,
    ],
    [
      'an instance does not take the end SID',
      { instances: [{ ...INSTANCE, sid: '5f00:0:11:1::' }] },
      /is the end-sid of the router/,
    ],
    [
      'an instance of an IPv4 service is reached by IPv4',
      { instances: [{ ...INSTANCE, service: '10.80.0.80', sid: '5f00:0:11:9::' }] },
      /fd00::5 is of another address family than the service 10.80.0.80/,
    ],
    [
      'an instance does not take the SID that ends tunnels of IPv4',
      { instances: [{ ...INSTANCE, sid: '5f00:0:11:d4::' }] },
      /function kept for End.DX4/,
    ],
    [
      'an instance is not its own service',
      { instances: [{ ...INSTANCE, address: 'fd00:cafe::80', sid: '5f00:0:11:9::' }] },
      /must be the unicast address/,
    ],
    [
      'a named service exists',
      { instances: [{ ...INSTANCE, service: 'web', sid: '5f00:0:11:9::' }] },
      /there is no service "web"/,
    ],
    [
      'state outlives the pause between reports',
      { instances: [{ ...INSTANCE, sid: '5f00:0:11:9::', 'valid-for': '1s' }] },
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
});
