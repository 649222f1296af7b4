// Peers that mean harm, one kind a run: `node FILE KIND TARGET`, the target as JSON. Each says in one JSON line what it
// was told (`notifications`) and what else came of it, and ends when the daemon has had enough of it.
import type { ClientHttp2Session } from 'node:http2';
import type { ComputeState } from '../../lib/model/compute-state.ts';
import type { Score } from '../../lib/model/identity.ts';
import type { NodeAdvertisement } from '../../lib/model/link-state.ts';
import type { ServiceAttributes } from '../../lib/model/service-route.ts';
import type { SessionMessage, UpdateMessage } from '../../lib/session/message.ts';
import { computeUpdate, serviceUpdate } from '../../lib/session/update-rows.ts';
import { PREFACE } from '../session/preface.ts';
import { callFrame, EMPTY_SETTINGS, framesOf, RST_STREAM } from './http2-frames.fixture.ts';
import { openSocket, openTransport, SessionClient, type Target } from './session-client.fixture.ts';

/** Somebody else's service, and one that this peer may announce. */
const WEB = 'fd00:cafe::80';
const MINE = 'fd00:beef::80';
const BIG = 2 ** 31;
const ROUTES = 20_000;

const KINDS = {
  'wrong-site': wrongSite,
  'tls-1.2': older,
  silent,
  trickle,
  streams,
  connections,
  thief,
  replay,
  'old-life': oldLife,
  big,
  deaf,
  flood,
} as const;
export type Kind = keyof typeof KINDS;

const [kind, targetText] = process.argv.slice(2) as [Kind, string];
const target = JSON.parse(targetText) as Target & { readonly sid: string };
const { routerId, sid } = target;
const site = `site-${target.name}`;
const transports: ClientHttp2Session[] = [];

function transport(more: Partial<Target> = {}): ClientHttp2Session {
  const made = openTransport({ ...target, ...more });
  transports.push(made);
  return made;
}

const notifications = (...clients: SessionClient[]) =>
  clients.flatMap((client) => client.heard).filter((message) => message.type === 'NOTIFICATION');

async function toTheEnd(client: SessionClient) {
  await client.closed;
  return { notifications: notifications(client) };
}

/** The certificate is of its own site; the OPEN says otherwise. */
function wrongSite() {
  const client = new SessionClient(target, transport());
  client.open({ site: 'site-ra', name: 'ra' });
  return toTheEnd(client);
}

function older() {
  const old = transport({ maxVersion: 'TLSv1.2' });
  return toTheEnd(new SessionClient(target, old));
}

/** Opens a stream and says nothing. */
function silent() {
  return toTheEnd(new SessionClient(target, transport()));
}

/** Promises a frame of a megabyte and brings a byte of it every 50 ms. */
async function trickle() {
  const client = new SessionClient(target, transport());
  const head = Buffer.alloc(5);
  head.writeUInt32BE(1 << 20, 1);
  client.stream.write(head);
  const timer = setInterval(() => client.stream.destroyed || client.stream.write(Buffer.alloc(1)), 50);
  const said = await toTheEnd(client);
  clearInterval(timer);
  return said;
}

/** A thousand calls on one connection, frame by frame, because an HTTP/2 library heeds the limit it is told. */
async function streams() {
  const socket = openSocket(target);
  let [received, ended] = [Buffer.alloc(0), false];
  socket.on('data', (bytes: Buffer) => (received = Buffer.concat([received, bytes])));
  socket.on('close', () => (ended = true));
  socket.on('error', () => {});
  const calls = Array.from({ length: 1000 }, (_, i) => callFrame(2 * i + 1));
  socket.write(Buffer.concat([PREFACE, EMPTY_SETTINGS, ...calls]));
  const deadline = Date.now() + 5000;
  while (!ended && Date.now() < deadline) await pause();
  socket.destroy();
  return { notifications: [], refused: framesOf(received).filter((type) => type === RST_STREAM).length, ended };
}

/** A thousand connections of one address, each with a call that says nothing. */
async function connections() {
  const clients: SessionClient[] = [];
  for (let i = 0; i < 1000; i++) {
    const client = new SessionClient(target, transport());
    client.stream.on('close', () => client.stream.session?.destroy());
    clients.push(client);
    if (i % 20 === 19) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await Promise.all(clients.map((client) => Promise.race([client.closed, gone(client)])));
  return { notifications: notifications(...clients), ended: clients.length };
}

/** A connection that is dropped unheard ends without its call being told. */
function gone(client: SessionClient): Promise<void> {
  return new Promise((resolve) => client.stream.session?.once('close', () => resolve()) ?? resolve());
}

/** Announces another site's service as its own, as next door, and as its neighbour's router; then reports for it. */
async function thief() {
  const client = await established();
  const rows = [
    row(routerId, { site, sitePath: [site] }),
    row('10.0.0.1', { site: 'site-ra', sitePath: [site, 'site-ra'] }),
    row('10.0.0.1', { site: 'site-ra', sitePath: ['site-ra'] }),
  ];
  client.say(
    announce(rows),
    reports(
      rows.map((_, i) => i + 1),
      {},
    ),
    nodes([node({ originator: '10.0.0.2', site: 'site-rb' })]),
  );
  // Insists until the daemon has had enough.
  for (let i = 0; i < 30; i++) client.say(announce(rows));
  return toTheEnd(client);
}

/** Its own service, allowed; then every report again, and its own advertisement, from before. */
async function replay() {
  const client = await established();
  const rows = [row(routerId, mine, MINE)];
  const at = Date.now();
  client.say(announce(rows), reports([1], { sequence: at }), nodes([node({ sequence: at })]));
  for (let i = 1; i <= 40; i++) client.say(reports([1], { sequence: at - i }), nodes([node({ sequence: at - i })]));
  return toTheEnd(client);
}

/** Three lives: the second OPEN makes the first one's an old one. */
async function oldLife() {
  for (const bootId of ['life-1', 'life-2']) {
    const client = await established({ bootId });
    client.stream.end();
    await client.closed;
  }
  for (;;) {
    const again = new SessionClient(target, transport());
    again.open({ bootId: 'life-1' });
    await again.closed;
    if (!isIdle(again)) return { notifications: notifications(again) };
    await pause();
  }
}

/** 2^31 wherever a number goes. */
async function big() {
  const refused = new SessionClient(target, transport());
  refused.open({ holdTimeMs: BIG });
  await refused.closed;
  await pause();
  const client = await established();
  const numbers = {
    priceMicros: BIG,
    carbon: BIG,
    energy: BIG,
    securityLevel: BIG,
    preference: BIG - 1,
    validForMs: BIG,
  };
  client.say(announce([row(routerId, { ...mine, ...numbers }, MINE)]), reports([1], everyNumber(Date.now())));
  const link = node().links[0]!;
  const far = {
    delayMinUs: BIG,
    delayAvgUs: BIG,
    delayVariationUs: BIG,
    loss: BIG,
    bandwidthBps: BIG,
    adminGroups: BIG,
  };
  for (let i = 0; i < 40; i++) {
    client.say(
      nodes([node({ sequence: Date.now() + i, maxSidDepth: BIG, links: [{ ...link, ...far, srlg: [BIG] }] })]),
    );
    client.say(reports([1], { ...everyNumber(Date.now() + 10 ** 9 + i) }));
  }
  await client.closed;
  return { notifications: notifications(refused, client) };
}

/** Never reads: what `flood` says must go somewhere else. Ends when it is cut off. */
async function deaf() {
  const quiet = transport();
  const client = new SessionClient(target, quiet, { reads: false });
  client.stream.pause();
  client.open({ holdTimeMs: 0 });
  await Promise.race([client.closed, new Promise((resolve) => quiet.once('close', resolve))]);
  return { notifications: [], closed: true };
}

/** A peer with many routes, all of them allowed, and news of all of them until it is ended. */
async function flood() {
  const client = await established({ holdTimeMs: 0 });
  const rows = Array.from({ length: ROUTES }, (_, i) => row(routerId, mine, `fd00:beef::${(i + 256).toString(16)}`));
  for (let from = 0; from < ROUTES; from += 500) client.say(announce(rows.slice(from, from + 500), from));
  process.stdout.write(`${JSON.stringify({ announced: ROUTES })}\n`);
  for (let price = 1; !client.stream.destroyed; price++) {
    const dearer = rows.map((one) => ({ ...one, set: { ...one.set, priceMicros: price } }));
    for (let from = 0; from < ROUTES && !client.stream.destroyed; from += 500) {
      client.say(announce(dearer.slice(from, from + 500), from));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  return toTheEnd(client);
}

/** A session in which this side has been heard. After an offence the daemon pauses, and says so: tried again. */
async function established(more: Parameters<SessionClient['open']>[0] = {}): Promise<SessionClient> {
  for (let i = 0; i < 100; i++) {
    const client = new SessionClient(target, transport());
    client.open(more);
    const up = await client
      .hears((message) => message.type === 'UPDATE')
      .then(
        () => true,
        () => false,
      );
    if (up) return client;
    await pause();
  }
  throw new Error('never established');
}

/** After a session of a blink the daemon waits a second before it listens to the next. */
function isIdle(client: SessionClient): boolean {
  return client.heard.some((message) => message.type === 'NOTIFICATION' && message.text.startsWith('peer is idle'));
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 300));
}

interface Row {
  readonly service: string;
  readonly originator: string;
  readonly set: ServiceAttributes;
}

function row(originator: string, more: Partial<ServiceAttributes>, service = WEB): Row {
  const set: ServiceAttributes = {
    egressSid: sid,
    sidStructure: { block: 32, node: 16, function: 16, argument: 0 },
    behaviour: 5,
    sitePath: [],
    clusterList: [],
    site: '',
    serviceName: 'web',
    instanceName: 'x',
    classes: [],
    capabilities: [],
    region: '',
    residency: [],
    priceMicros: 0,
    carbon: 0,
    energy: 0,
    securityLevel: 0,
    preference: 0,
    drain: false,
    validForMs: 60_000,
    communities: [],
    onlyToDownstream: '',
    ...more,
  };
  return { service, originator, set };
}

const mine = { site, sitePath: [site] };

/** Handles count from `after + 1`. */
function announce(rows: readonly Row[], after = 0): UpdateMessage {
  const said = rows.map(({ service, originator, set }, i) => ({
    handle: after + i + 1,
    service,
    contactInstance: 'fd00:99::1',
    originator,
    attributes: set,
  }));
  return { type: 'UPDATE', service: serviceUpdate(said) };
}

function reports(handle: readonly number[], more: Partial<ComputeState>): UpdateMessage {
  const ten = 10 as Score;
  const state: ComputeState = {
    sequence: Date.now(),
    score: ten,
    computeScore: ten,
    serviceScore: ten,
    serviceTimeUs: 1000,
    workTimeUs: 1000,
    spareCapacity: 100,
    inFlight: 0,
    arrivalRate: 0,
    workers: 4,
    source: 'measured',
    statistic: 'mean',
    windowMs: 1000,
    measuredAtMs: Date.now(),
    validForMs: 60_000,
    ...more,
  };
  return { type: 'UPDATE', compute: computeUpdate(handle.map((one) => ({ handle: one, state }))) };
}

function everyNumber(sequence: number): Partial<ComputeState> {
  const times = { serviceTimeUs: BIG, workTimeUs: BIG, windowMs: BIG, measuredAtMs: BIG, validForMs: BIG };
  return { sequence, spareCapacity: BIG, inFlight: BIG, arrivalRate: BIG, workers: BIG, ...times };
}

function nodes(all: readonly NodeAdvertisement[]): SessionMessage {
  return { type: 'UPDATE', linkState: { nodes: all } };
}

function node(more: Partial<NodeAdvertisement> = {}): NodeAdvertisement {
  const link = { name: 'up', neighbour: '10.0.0.1', localAddress: target.source, remoteAddress: 'fd00:aa::1' };
  const measured = { delayMinUs: 1000, delayAvgUs: 1000, delayVariationUs: 0, loss: 0, bandwidthBps: 1e9 };
  return {
    originator: routerId,
    site,
    name: target.name,
    sequence: Date.now(),
    locators: [],
    prefixes: [],
    links: [{ ...link, ...measured, adminGroups: 0, srlg: [], endXSid: '' }],
    maxSidDepth: 16,
    ...more,
  };
}

const said = await KINDS[kind]();
process.stdout.write(`${JSON.stringify(said)}\n`);
for (const transport of transports) transport.destroy();
process.exit(0);
