// The wiring, all of it: which adapter posts which events, and which adapter performs which effect. Read top to bottom it
// is the architecture diagram; nothing is decided here.
//
//   transport ─┐                                             ┌─> transport  (send, connect, close)
//   links ─────┤                                             ├─> forwarding plane (apply, sync, verify)
//   STAMP ─────┼─> mailbox ─> turn(router, event) ── effects ┼─> timers
//   C-SMA ─────┤      └─> recorder                           ├─> log
//   admin ─────┘                                             └─> watchers of the admin API
import type { RouterConfig } from '../lib/config/config.ts';
import { CodedError } from '../lib/errors.ts';
import type { FibDelta, FibResult } from '../lib/fib/fib.ts';
import { giveBack } from '../lib/model/state-buffers.ts';
import type { LogLevel, RouterEffect } from '../lib/router/effect.ts';
import type { RouterEvent, RouterEventBody } from '../lib/router/event.ts';
import { createRouter, turn } from '../lib/router/handle.ts';
import type { UpdateMessage } from '../lib/session/message.ts';
import { createBackend } from './admin/router-backend.ts';
import { serveAdmin } from './admin/server.ts';
import { probeSocket } from './admin/socket.ts';
import { createComputeAgent } from './agent/compute-agent.ts';
import { watchLinks } from './agent/links.ts';
import { createStampAgent } from './agent/stamp.ts';
import { measureDrains } from './fib/measure-drains.ts';
import { openFib } from './fib/open-fib.ts';
import { logCapabilities } from './log-capabilities.ts';
import { createLogLimiter, mayRepeat } from './log-limiter.ts';
import type { Logger } from './logger.ts';
import { rehearse } from './rehearsal/in-idle-time.ts';
import { type Claim, claim } from './runtime/claim.ts';
import { monotonicMs, wallClockMs, watchWallClock } from './runtime/clock.ts';
import { crash } from './runtime/crash.ts';
import { HoldGrace } from './runtime/hold-grace.ts';
import { Mailbox } from './runtime/mailbox.ts';
import { Recorder } from './runtime/recorder.ts';
import { Stages } from './runtime/stages.ts';
import { Timers } from './runtime/timers.ts';
import type { CredentialStore } from './security/credential-store.ts';
import { createSessionTransport } from './session/transport.ts';

/** An identical warning within this time is counted, not written. */
const LOG_INTERVAL_MS = 10_000;

/** A unix address holds 108 bytes, the zero in front included. */
const MAX_CLAIM = 107;

type LogFields = Extract<RouterEffect, { type: 'log' }>['fields'];

export interface DaemonOptions {
  /** With mutual TLS. */
  readonly credentials?: CredentialStore | undefined;
  readonly configFile: string;
  /** What that file said, before the command line had its say. */
  readonly asWritten: RouterConfig;
  readonly version: string;
  readonly bootId: string;
  readonly log: Logger;
}

export interface Daemon {
  /** Reads policies and subscriptions from the configuration file again; a fault in it is logged and changes nothing. */
  reloadPolicies(): Promise<void>;
  /** Leaves in order (farewells, withdrawals, own kernel objects); resolves when done. */
  stop(text: string): Promise<void>;
}

/**
 * Starts a daemon. What is merely missing is said and done without; rejects only when nothing useful can run: with
 * `CodedError` `already-running` beside a daemon that holds the same kernel objects or the same admin socket.
 */
export async function startDaemon(config: RouterConfig, options: DaemonOptions): Promise<Daemon> {
  const { log, credentials } = options;
  const claims = await claimAlone(config);
  const router = createRouter();
  const stages = new Stages();
  const { fib, found } = await openFib(config, log);
  logCapabilities(log, found.capabilities);

  let over = false;
  const post = (body: RouterEventBody) => {
    if (!over) mailbox.post({ atMs: monotonicMs(), ...body });
  };
  const limited = createLogLimiter(log, { intervalMs: LOG_INTERVAL_MS, now: monotonicMs });
  const grace = new HoldGrace(() => mailbox.sincePressureMs());
  const timers: Timers = new Timers((timer, lateMs) => {
    stages.timerFired(timer, lateMs);
    const againAtMs = grace.askAgainAtMs(timer, monotonicMs());
    if (againAtMs === undefined) post({ type: 'timer', timer });
    else timers.set(timer, againAtMs);
  });
  const recorder =
    config.recorder.file === ''
      ? undefined
      : new Recorder(config.recorder.file, config.recorder.maxBytes, (reason) =>
          log.warn({ reason }, 'recording ended'),
        );
  /** UPDATEs of the turn at hand. */
  const spent: UpdateMessage[] = [];
  const mailbox: Mailbox = new Mailbox({
    handle: (event) => turn(router, event),
    perform,
    pressure: (high) => transport.setPaused(high),
    ...(recorder && { recorded: (event, effects) => recorder.record(event, effects) }),
    performed: (event) => {
      stages.observe(event);
      if (event.type === 'message' && event.message.type === 'UPDATE') spent.push(event.message);
      // Nobody keeps the numbers of a message: what the core wants of them it has copied.
      for (const { compute } of spent) if (compute) giveBack(compute.state);
      // An array: a Set that is cleared leaves its old table behind, which holds all that was in it and knows the next one.
      spent.length = 0;
    },
  });
  const transport = createSessionTransport({
    listen: config.listen,
    peers: config.peers,
    tls: credentials && (() => credentials.current),
    connectionsPerAddress: config.listen.connectionsPerAddress,
    ...(config.listen.sendHoldMs !== undefined && { sendHoldMs: config.listen.sendHoldMs }),
    post,
    together: (act) => mailbox.gather(act),
    log,
  });
  const links = await watchLinks(config, post, log);
  const agent = createComputeAgent({ instances: config.instances, post });
  const backend = createBackend({ router, fib, mailbox, stages, post, ...options });
  let stopped: () => void = () => {};

  post({
    type: 'start',
    config,
    bootId: options.bootId,
    wallMs: wallClockMs(),
    retained: found.retained,
    capabilities: found.capabilities,
  });
  const stopClock = watchWallClock((wallMs) => post({ type: 'clock', wallMs }));
  links.start();
  credentials?.start();
  transport.listen();
  const stamp = createStampAgent({
    links: config.roles.includes('c-nma') ? config.links : [],
    config: config.stamp,
    post,
    log,
  });
  links.onChange(() => stamp.linkChanged());
  if (config.roles.includes('c-sma')) agent.start();
  const admin = await serveAdmin({ ...config.admin, credentials, backend, log });
  const stopRehearsal = rehearse({
    atStart: config.rehearsal,
    everyMs: config.rehearseEveryMs,
    handled: () => mailbox.handled,
    done: (tookMs) => log.debug({ tookMs: Math.round(tookMs) }, 'rehearsed'),
  });

  function perform(effect: RouterEffect, event: RouterEvent): void {
    switch (effect.type) {
      case 'set-timer':
        grace.forget(effect.timer);
        return timers.set(effect.timer, effect.atMs, effect.jitter === true ? 0.75 + Math.random() / 4 : 1);
      case 'cancel-timer':
        grace.forget(effect.timer);
        return timers.cancel(effect.timer);
      case 'connect':
        return transport.connect(effect.peer);
      case 'send': {
        const { peer, connection } = effect;
        transport.send(connection, effect.message);
        if (effect.message.type === 'UPDATE' && !spent.includes(effect.message)) spent.push(effect.message);
        if (transport.isBlocked(connection)) post({ type: 'connection-blocked', peer, connection });
        return;
      }
      case 'close':
        return transport.close(effect.connection);
      case 'fib-apply': {
        const decidedAtMs = monotonicMs();
        const reports = effect.cause === 'compute' ? stages.reportTimes(event) : [];
        return programmed('apply', effect.request, fib.apply(effect.delta), (result) => {
          stages.programmed(effect.cause, event.atMs, reports, decidedAtMs, result);
          if (stages.wantsReadBack(monotonicMs(), result)) readBack(effect.delta, result);
        });
      }
      case 'fib-sync':
        return programmed('sync', effect.request, fib.sync(effect.desired));
      case 'fib-verify':
        return verify();
      case 'measure-drains':
        void measureDrains(fib, effect).then((measures) => measures && post({ type: 'drains-measured', ...measures }));
        return;
      case 'view-changed':
        return backend.changed(effect.view);
      case 'log':
        return logged(effect.level, effect.fields, effect.text);
      case 'stopped':
        return stopped();
      default:
        effect satisfies never;
    }
  }

  function verify(): void {
    const fromMs = monotonicMs();
    fib.verify().then(
      (drift) => {
        stages.scanned(monotonicMs() - fromMs);
        if (drift.length > 0) post({ type: 'fib-drift', drift });
      },
      // A scan that waited for its turn when the forwarding plane was closed.
      (error) => over || crash(error),
    );
  }

  /** What the kernel has acknowledged and does not hold is found, and put right, by a scan. */
  function readBack(delta: FibDelta, result: FibResult): void {
    fib.readBack(delta).then(
      (seen) => {
        if (!seen) return;
        stages.readBack(result, monotonicMs());
        if (seen.isAsHeld) return;
        log.warn({ key: seen.key }, 'the kernel does not hold what it was told');
        verify();
      },
      (error) => over || crash(error),
    );
  }

  /** What a peer or a fault may repeat at its own pace is said once an interval, with a count; news always. */
  function logged(level: LogLevel, fields: LogFields, text: string): void {
    if (!mayRepeat(level, text)) return log[level](fields, text);
    limited.say(`${text} ${JSON.stringify(fields)}`, level, { ...fields }, text);
  }

  function programmed(
    what: 'apply' | 'sync',
    request: number,
    outcome: Promise<FibResult>,
    measured?: (result: FibResult) => void,
  ): void {
    outcome.then(
      (result) => {
        measured?.(result);
        post({ type: 'fib-done', what, request, result });
      },
      // What takes turns of the event loop, and was not over when the forwarding plane was closed.
      (error) => over || crash(error),
    );
  }

  return {
    async reloadPolicies() {
      const outcome = await backend.reloadPolicies();
      if (!outcome.ok) return log.error({ reason: outcome.text }, 'policies stay as they are');
      const { needRestart } = outcome.value;
      if (needRestart.length > 0) log.warn({ options: needRestart.join(' ') }, 'changed options need a restart');
    },
    async stop(text) {
      const farewell = new Promise<void>((resolve) => {
        stopped = resolve;
      });
      stopClock();
      stopRehearsal();
      agent.stop();
      credentials?.stop();
      post({ type: 'stop', text });
      await farewell;
      await transport.closeAll();
      stamp.close();
      links.stop();
      // What the forwarding plane still answers must not lead to another change of it.
      over = true;
      timers.cancelAll();
      // Who is reading the forwarding plane must not find it closed.
      await admin?.close();
      await fib.close({ remove: true });
      await recorder?.close();
      for (const held of claims) held.release();
    },
  };
}

/**
 * Two daemons that program one kernel under one protocol number would remove each other's objects: the second stays out,
 * before it has touched anything. The same admin socket in another network namespace is no less a mistake.
 */
async function claimAlone({ name, fib, admin }: RouterConfig): Promise<Claim[]> {
  const holder = `cfnd ${name} (pid ${process.pid})`;
  const wanted = [...(fib.kind === 'kernel' ? [`cfnd/fib/${fib.protocol}`] : []), `cfnd/admin${admin.socket}`];
  const held: Claim[] = [];
  for (const it of wanted) held.push(await claim(it.slice(0, MAX_CLAIM), holder));
  if ((await probeSocket(admin.socket)) === undefined)
    throw new CodedError('already-running', `a daemon answers on the admin socket ${admin.socket}`);
  return held;
}
