// cfnd with its kernel's forwarding plane and services that it steers, and a far end that is the site of two contact
// instances of each: an update is the state of one, which makes it the best or no longer, and so moves its service: the
// route, for packets of no flow, and the map that new flows are spread by. Running flows stay where they are, by default.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeLoad } from '../../../lib/metric/measure.ts';
import { FAMILIES } from '../../../lib/model/identity.ts';
import { putState, STATE_NUMBERS } from '../../../lib/model/state-row.ts';
import { ADDRESS_WORDS } from '../../../lib/net/address-words.ts';
import type { SessionMessage, UpdateMessage } from '../../../lib/session/message.ts';
import { ROOTFS } from '../../bundle.ts';
import { EXAMPLE_ATTRIBUTES } from '../example-attributes.ts';
import { framed, openOf } from '../session/frames.ts';
import { ADDRESS_BASE, ADMIN_SOCKET, DAEMON_ADDRESS } from '../session/lab.ts';
import { acknowledgeSettings, inCall, openCall } from '../update-clock/http2.ts';
import type { Script } from '../update-clock/script.ts';

export const CFND_PORT = 1790;
const HOLD_TIME_MS = 240_000;
const SITE = 'edge';
const FAR_END = `${ADDRESS_BASE}1`;
const ROUTER = { id: '10.1.0.1', number: 0x0a01_0001, locator: '5f00:0:2::/48', endSid: '5f00:0:2:1::' };
const STRUCTURE = { block: 32, node: 16, function: 16, argument: 0 };
const END = 1;
const WORKERS = 4;
const WORK_TIME_US = 4000;
/** Requests a second and in the system: `between` is better than the one and worse than the other. */
const LOADS = { idle: [10, 0], between: [300, 6], busy: [2000, 400] } as const;

/** Damping at its least, all else as it is by default. */
export function cfndWithKernel(directory: string, services: number): readonly string[] {
  const numbers = Array.from({ length: services }, (_, i) => i);
  const file = join(directory, 'cfnd.yaml');
  const lines = [
    'name: dut',
    'site: dut',
    'router-id: 10.0.0.1',
    `listen: { address: "::", port: ${CFND_PORT} }`,
    'security: plaintext',
    `admin: { socket: ${join(directory, ADMIN_SOCKET)} }`,
    'srv6: { locator: "5f00:0:1::/48" }',
    'stamp: { enabled: false }',
    'log: { level: warn }',
    'services:',
    ...numbers.map((service) => `  web${service}: "${serviceAddress(service)}"`),
    'links:',
    `  - { name: near, neighbour: ${ROUTER.id}, delay: 1ms, local-address: "${DAEMON_ADDRESS}", remote-address: "${FAR_END}" }`,
    'peers:',
    `  - { name: far, address: "${FAR_END}", passive: true, hold-time: ${HOLD_TIME_MS}ms, pacing: { service: 0s, compute: 0s, link-state: 0s } }`,
    'classes: [ { name: quick, strategy: least-loaded, hysteresis: 0%, hold: 0s } ]',
    'steering:',
    '  blackout: 0s',
    '  services:',
    ...numbers.map((service) => `    - { service: web${service}, class: quick }`),
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  return [join(ROOTFS, 'opt/cfnd/bin/cfnd'), 'run', '--config', file];
}

export function cfndScript(services: number, before: number, counted: number): Script {
  const first = announcement(services);
  const updates = Array.from({ length: before + counted }, (_, trial) => {
    const service = trial % services;
    const turn = Math.floor(trial / services);
    const state = stateOf(turn % 2 === 0 ? 'idle' : 'busy', 2 + turn);
    const message = said({ type: 'UPDATE', compute: { handle: Uint32Array.of(handleOf(service, 0)), state } });
    // Of whichever contact instance: no other service's change at the same time.
    return { message, route: addressBytes(0xcafe, service), elements: Buffer.from('share_') };
  });
  const greetings = [
    Buffer.concat([
      openCall(),
      said(openOf({ site: SITE, routerId: ROUTER.id, name: 'far', holdTimeMs: HOLD_TIME_MS })),
    ]),
    Buffer.concat([acknowledgeSettings(), said({ type: 'KEEPALIVE' })]),
    said(first),
  ];
  return { greetings, before, updates };
}

function said(message: SessionMessage): Buffer {
  return inCall(framed(message));
}

/** The far end as a router, and all instances: the first of each service busy, the second between. */
function announcement(services: number): UpdateMessage {
  const count = 2 * services;
  const service = new Uint32Array(count * ADDRESS_WORDS);
  const contactInstance = new Uint32Array(count * ADDRESS_WORDS);
  const state = new Float64Array(count * STATE_NUMBERS);
  const handle = Uint32Array.from({ length: count }, (_, i) => handleOf(i >> 1, i & 1));
  for (let i = 0; i < count; i++) {
    putAddress(service, i, 0xcafe, i >> 1);
    putAddress(contactInstance, i, 0x80, i);
    state.set(stateOf(i % 2 === 0 ? 'busy' : 'between', 1), i * STATE_NUMBERS);
  }
  return {
    type: 'UPDATE',
    linkState: { nodes: [node()] },
    service: {
      attributeSets: Array.from({ length: count }, (_, i) => ({
        ...EXAMPLE_ATTRIBUTES,
        egressSid: `5f00:0:2:${(0x1000 + i).toString(16)}::`,
        sidStructure: STRUCTURE,
        sitePath: [SITE],
        site: SITE,
        serviceName: `web${i >> 1}`,
        instanceName: `web${i >> 1}-${i & 1}`,
        validForMs: 600_000,
      })),
      handle,
      service,
      contactInstance,
      originator: new Uint32Array(count).fill(ROUTER.number),
      attributeSet: Int32Array.from({ length: count }, (_, i) => i),
      withdrawn: new Uint32Array(0),
    },
    compute: { handle, state },
    endOfRib: [...FAMILIES],
  };
}

function node() {
  return {
    originator: ROUTER.id,
    site: SITE,
    name: 'far',
    sequence: Date.now(),
    locators: [{ prefix: ROUTER.locator, structure: STRUCTURE, endSid: ROUTER.endSid, behaviour: END }],
    prefixes: [],
    links: [
      {
        name: 'near',
        neighbour: '10.0.0.1',
        localAddress: FAR_END,
        remoteAddress: DAEMON_ADDRESS,
        delayMinUs: 1000,
        delayAvgUs: 1000,
        delayVariationUs: 0,
        loss: 0,
        bandwidthBps: 1e9,
        adminGroups: 0,
        srlg: [],
        endXSid: '',
      },
    ],
    maxSidDepth: 8,
  };
}

function handleOf(service: number, instance: number): number {
  return 1 + 2 * service + instance;
}

function stateOf(load: keyof typeof LOADS, sequence: number): Float64Array {
  const [rate, inFlight] = LOADS[load];
  const row = new Float64Array(STATE_NUMBERS);
  putState(row, 0, {
    sequence,
    ...describeLoad(rate, inFlight, WORKERS, WORK_TIME_US),
    source: 'measured',
    statistic: 'mean',
    windowMs: 1000,
    measuredAtMs: Date.now(),
    validForMs: 600_000,
  });
  return row;
}

function serviceAddress(service: number): string {
  return `fd00:cafe::${(service + 1).toString(16)}`;
}

/** fd00:<kind>::<number + 1>. */
function addressBytes(kind: number, number: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt32BE(0xfd00_0000 + kind, 0);
  bytes.writeUInt32BE(number + 1, 12);
  return bytes;
}

function putAddress(words: Uint32Array, row: number, kind: number, number: number): void {
  new Uint8Array(words.buffer).set(addressBytes(kind, number), row * ADDRESS_WORDS * 4);
}
