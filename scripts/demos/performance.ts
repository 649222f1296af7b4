// One performance from deploy to the document: sets the stage, starts the load where packets can be steered, plays the
// scenario and draws up the account. Whatever happens, the lab is gone afterwards.
import { bundle } from '../bundle.ts';
import type { DeployReport, Engine } from '../labs/engine.ts';
import type { LabFile } from '../labs/lab-file.ts';
import type { LoadSummary } from '../loadgen/loadgen.ts';
import { accountOf } from './account.ts';
import { whenCalm } from './bystanders.ts';
import { DecisionWatch } from './decision-watch.ts';
import type { DemoDocument } from './document.ts';
import { readFacts } from './facts.ts';
import { Live } from './live.ts';
import { done, notYet, until } from './poll.ts';
import { type Played, play } from './scenario.ts';
import { Stage } from './stage.ts';
import { buildTimeline, type Timeline } from './timeline.ts';
import { type ClientLoad, Traffic } from './traffic.ts';
import { judge, judgeDecisions } from './verdict.ts';

export interface PerformanceOptions {
  /** Of the checkout. */
  readonly root: string;
  readonly engine: Engine;
  readonly lab: LabFile;
  readonly signal: AbortSignal;
  readonly colour: boolean;
  readonly write: (text: string) => void;
}

export interface Performance extends Played {
  readonly document: DemoDocument;
  readonly timeline: Timeline;
  readonly lab: LabFile;
}

const BUCKET_MS = 200;
/** The first client also carries the stream; a new flow every 12 ms tells when an outage ends. */
const LOADS = [
  { ratePerSecond: 80, longLived: 8, udpRatePerSecond: 1_000 },
  { ratePerSecond: 50, longLived: 4, udpRatePerSecond: 0 },
];

export async function perform(options: PerformanceOptions): Promise<Performance> {
  const { engine, lab } = options;
  const startedMs = performance.now();
  const facts = readFacts(options.root, lab.name);
  const live = new Live({
    write: options.write,
    colour: options.colour,
    clients: facts.clients.map(({ client }) => client),
    instances: facts.service.instances.map(({ host }) => host).sort(),
  });
  const built = await bundle();
  if (built.built.length > 0) live.step(`built ${built.built.join(', ')}`);
  const busy = await whenCalm({ signal: options.signal, say: (line) => live.step(line) });
  try {
    const report = await engine.deploy(lab, { tied: true, strict: false, onLine: (line) => live.step(line) });
    live.step(
      `${lab.name} runs: ${report.nodes.length} nodes, ${lab.links.length} links, ${report.tookMs} ms (${engine.name})`,
    );
    const stage = await Stage.open(facts, engine, lab);
    try {
      return await onStage(stage, report, options, live, { startedMs, busy });
    } finally {
      stage.routers.close();
    }
  } finally {
    await engine.destroy({ lab: lab.name, file: lab.path }, { force: false });
  }
}

async function onStage(
  stage: Stage,
  report: DeployReport,
  { engine, lab, signal }: PerformanceOptions,
  live: Live,
  { startedMs, busy }: { readonly startedMs: number; readonly busy: number },
): Promise<Performance> {
  const { facts, routers } = stage;
  const deployedMs = performance.now();
  await stage.converge(signal, (step) => live.step(step));
  const convergedMs = Math.round(performance.now() - deployedMs);
  const leftOut = [...report.warnings, ...(await routers.obstacles())];
  const steers = leftOut.length === report.warnings.length;
  const hasLinkQuality = await engine.hasLinkQuality(stage.ref);
  if (!hasLinkQuality) leftOut.push('the phase "path": the links have no delay here that could change');
  const canCapture = steers && (await hasProgram(stage, 'tcpdump'));
  if (steers && !canCapture) leftOut.push('segment lists on the wire: there is no tcpdump');

  const watch = new DecisionWatch(routers, facts.service.name);
  const traffic = steers ? await startTraffic(stage, live, signal) : undefined;
  try {
    const played = await play({
      stage,
      traffic,
      hasLinkQuality,
      canCapture,
      signal,
      onPhase: (name, what) => live.phase(name, what),
      onAnswer: (text) => live.answer(text),
    });
    if (played.captureFault !== undefined) leftOut.push(`segment lists on the wire: ${played.captureFault}`);
    const latencyUs = await routers.latencyAt(facts.clients[0]!.ingress);
    const droppedByServers = steers ? await echoDrops(stage) : 0;
    const summaries: ReadonlyMap<string, LoadSummary> = (await traffic?.stop()) ?? new Map();
    const decisions = watch.stop();
    const phases = accountOf(played.phases, summaries);
    const lists = played.phases.flatMap((phase) => phase.lists);
    const timeline = buildTimeline({
      phases: played.phases,
      clients: facts.clients,
      summaries,
      decisions,
      instances: facts.service.instances.map(({ host }) => host),
      bucketMs: BUCKET_MS,
    });
    const droppedHere = [...summaries.values()].reduce((n, one) => n + (one.udpDroppedHere ?? 0), 0);
    const { ingress } = facts.clients[0]!;
    const evidence = {
      phases,
      records: played.phases,
      lists,
      timeline,
      hero: played.hero,
      ingress,
      droppedByHosts: droppedHere + droppedByServers,
      captured: canCapture && played.captureFault === undefined,
    };
    const document: DemoDocument = {
      wallSeconds: Math.round((performance.now() - startedMs) / 10) / 100,
      phases,
      segmentLists: lists,
      latencyUs,
      leftOut,
      lab: lab.name,
      engine: engine.name,
      deployMs: report.tookMs,
      convergedMs,
      othersShare: busy,
      claims: steers ? judge(evidence) : judgeDecisions(evidence),
    };
    return { ...played, document, timeline, lab };
  } finally {
    watch.stop();
    traffic?.kill();
  }
}

async function startTraffic(stage: Stage, live: Live, signal: AbortSignal): Promise<Traffic> {
  const { facts, engine, ref } = stage;
  const loads = facts.clients.map(({ client }, i): ClientLoad => ({ client, ...(LOADS[i] ?? LOADS.at(-1)!) }));
  const traffic = new Traffic(engine, ref, facts.service.id, facts.service.port, loads, 'start');
  traffic.onSecond = (client, second) => live.second(client, second);
  try {
    const flowing = async () => {
      for (const { client, longLived } of loads) {
        const second = traffic.seconds.get(client);
        const alive = Object.values(second?.longFlows ?? {}).reduce((a, b) => a + b, 0);
        if (alive < longLived) return notYet(`${client}: ${alive} of ${longLived} long-lived flows`);
      }
      return done(undefined);
    };
    await until('the load flows', flowing, { timeoutMs: 15_000, signal });
    await stage.routers.settled(signal);
    return traffic;
  } catch (error) {
    traffic.kill();
    throw error;
  }
}

async function hasProgram(stage: Stage, program: string): Promise<boolean> {
  const argv = ['sh', '-c', `command -v ${program}`];
  return (await stage.engine.exec(stage.ref, stage.facts.cores[0]!, argv, { timeoutMs: 5_000 }))['return-code'] === 0;
}

/** Datagrams that the echoes of the service hosts did not read in time. */
async function echoDrops(stage: Stage): Promise<number> {
  const { metricsPort, instances } = stage.facts.service;
  const script = `fetch('http://[::1]:${metricsPort}/metrics').then((r) => r.text()).then((t) => console.log(t))`;
  const pages = await Promise.all(
    instances.map(({ host }) =>
      stage.engine.exec(stage.ref, host, ['/opt/cfnd/bin/node', '-e', script], { timeoutMs: 5_000 }),
    ),
  );
  const drops = pages.map(({ stdout }) => /^cfn_service_udp_echo_dropped_total\S* (\d+)/m.exec(stdout)?.[1] ?? '0');
  return drops.reduce((n, text) => n + Number(text), 0);
}
