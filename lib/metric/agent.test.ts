import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Agent, type AgentConfig, type AgentOutcome, createAgent, due, health, observe, push } from './agent.ts';
import { asScore } from './score.ts';

const WALL = 1_790_000_000_000;
const NAMES = { workers: '', inFlight: '', arrivals: '', completions: '', busySeconds: '' };
const CONFIG: AgentConfig = {
  metrics: { kind: 'prometheus', url: '', intervalMs: 100, timeoutMs: 100, names: NAMES },
  health: { kind: 'none', url: '', intervalMs: 100, timeoutMs: 100, rise: 3, fall: 2 },
  reportIntervalMs: 1000,
  validForMs: 9000,
};
const CHECKED: AgentConfig = { ...CONFIG, health: { ...CONFIG.health, kind: 'http' } };

/** A service with 4 workers of 10 ms, seen every 100 ms. */
class Service {
  agent: Agent;
  atMs = 0;
  readonly outcomes: AgentOutcome[] = [];
  #arrivals = 500;
  #completions = 500;
  #busySeconds = 5;
  workTimeUs = 10_000;

  constructor(config: AgentConfig = CONFIG) {
    this.agent = createAgent(config, { atMs: 0, wallMs: WALL });
  }

  /** Lets `seconds` pass at a rate; `inFlight` is what each sample sees. */
  run(seconds: number, rate: number, inFlight = Math.round((rate * this.workTimeUs) / 1e6)): AgentOutcome[] {
    const seen: AgentOutcome[] = [];
    for (let i = 0; i < seconds * 10; i++) {
      this.atMs += 100;
      this.#arrivals += rate / 10;
      this.#completions += rate / 10;
      this.#busySeconds += (rate / 10) * (this.workTimeUs / 1e6);
      seen.push(this.take(observe(this.agent, this.sample({ inFlight }))));
    }
    return seen;
  }

  /** Lets `ms` pass in which `requests` come and go, and sees it once. */
  pass(ms: number, requests: number): AgentOutcome {
    this.atMs += ms;
    this.#arrivals += requests;
    this.#completions += requests;
    this.#busySeconds += (requests * this.workTimeUs) / 1e6;
    return this.take(observe(this.agent, this.sample()));
  }

  /** Lets `ms` pass in which `requests` come and are never answered, and sees it once. */
  hang(ms: number, requests: number): AgentOutcome {
    this.atMs += ms;
    this.#arrivals += requests;
    return this.take(observe(this.agent, this.sample()));
  }

  /** The process begins anew, and its totals with it. */
  restart(): void {
    this.#arrivals = this.#completions = this.#busySeconds = 0;
  }

  sample(given: Partial<Parameters<typeof observe>[1]> = {}) {
    return {
      atMs: this.atMs,
      wallMs: WALL + this.atMs,
      workers: 4,
      inFlight: 0,
      arrivals: this.#arrivals,
      completions: this.#completions,
      busySeconds: this.#busySeconds,
      ...given,
    };
  }

  check(ok: boolean): AgentOutcome {
    return this.take(
      health(this.agent, { atMs: this.atMs, wallMs: WALL + this.atMs, ok, reason: ok ? '' : 'status 503' }),
    );
  }

  take(outcome: AgentOutcome): AgentOutcome {
    this.agent = outcome.agent;
    this.outcomes.push(outcome);
    return outcome;
  }
}

const reports = (outcomes: readonly AgentOutcome[]) => outcomes.filter((it) => it.report !== undefined);
const causes = (outcomes: readonly AgentOutcome[]) => reports(outcomes).map((it) => it.cause);

describe('what is measured', () => {
  it('takes the rate from totals, the work time from busy time, and prices the queue', () => {
    const service = new Service();
    const state = reports(service.run(3, 200)).at(-1)?.report;
    expect(state).toMatchObject({ workers: 4, workTimeUs: 10_000, inFlight: 2, source: 'measured', statistic: 'mean' });
    expect(state?.arrivalRate).toBeCloseTo(200, 6);
    expect(state?.spareCapacity).toBeCloseTo(0.95 * 400 - 200, 6);
    expect(state?.serviceTimeUs).toBeGreaterThan(10_000);
    expect(state?.serviceTimeUs).toBeLessThan(12_000);
    expect([state?.score, state?.computeScore, state?.serviceScore]).toEqual([10, 10, 10]);
  });

  it('adds a queue that the rate does not explain', () => {
    const state = reports(new Service().run(2, 200, 44)).at(-1)?.report;
    // 40 requests wait for 4 workers of 10 ms: 100 ms, less what is expected.
    expect(state?.serviceTimeUs).toBeGreaterThan(90_000);
    expect(state?.score).toBe(1);
  });

  it('estimates from the first sample by what the service did so far', () => {
    const [first] = new Service().run(0.1, 0, 2);
    expect(first?.report).toMatchObject({ source: 'estimation', statistic: 'cur', windowMs: 0, workTimeUs: 10_000 });
    expect(first?.report?.arrivalRate).toBeCloseTo(200, 6);
  });

  it('says nominal while nothing was ever completed', () => {
    const agent = createAgent(CONFIG, { atMs: 0, wallMs: WALL });
    const born = { atMs: 1, wallMs: WALL, workers: 2, inFlight: 0, arrivals: 0, completions: 0, busySeconds: 0 };
    expect(observe(agent, born).report).toMatchObject({ source: 'nominal', workTimeUs: 10_000 });
  });

  it('notices at once when work takes three times as long', () => {
    const service = new Service();
    service.run(5, 100);
    service.workTimeUs = 30_000;
    service.run(1.5, 100);
    expect(service.agent.measurement?.workTimeUs).toBeGreaterThan(20_000);
  });

  it('remembers the work time over an hour without requests', () => {
    const service = new Service();
    service.workTimeUs = 25_000;
    service.run(20, 50);
    for (let i = 0; i < 60; i++) {
      service.atMs += 60_000;
      service.take(observe(service.agent, service.sample()));
    }
    expect(service.agent.measurement?.workTimeUs).toBeGreaterThan(20_000);
    expect(service.agent.measurement?.source).toBe('estimation');
  });

  it('says estimation when nothing was completed for half a minute, and measured again after ten completions', () => {
    const service = new Service();
    service.run(5, 100);
    expect(service.run(29, 0).at(-1)?.agent.measurement?.source).toBe('measured');
    expect(service.run(2, 0).at(-1)?.agent.measurement).toMatchObject({ source: 'estimation', workTimeUs: 10_000 });
    service.workTimeUs = 2500;
    // One a second: each has its tenth of the say, and the tenth completion says it alone.
    const said = Array.from({ length: 10 }, () => service.run(1, 1).at(-1)!.agent.measurement!);
    expect(said.map((it) => it.source)).toEqual([...Array.from({ length: 9 }, () => 'estimation'), 'measured']);
    expect(said[4]?.workTimeUs).toBe(6250);
    expect(said[9]?.workTimeUs).toBe(2500);
  });

  it('knows enough of who answers nothing after ten requests, for a pause after the last of them', () => {
    const service = new Service();
    service.run(5, 100);
    service.run(31, 0);
    const said = Array.from({ length: 10 }, () => service.hang(1000, 1).agent.measurement!);
    expect(said.map((it) => it.source)).toEqual([...Array.from({ length: 9 }, () => 'estimation'), 'measured']);
    expect(service.run(29, 0).at(-1)?.agent.measurement).toMatchObject({ source: 'measured', workTimeUs: 10_000 });
    expect(service.run(2, 0).at(-1)?.agent.measurement?.source).toBe('estimation');
    // The next trial has ten requests again.
    expect([9, 1].map((requests) => service.hang(1000, requests).agent.measurement?.source)).toEqual([
      'estimation',
      'measured',
    ]);
    // One completion, and what was asked before it says no more.
    service.run(31, 0);
    service.hang(1000, 9);
    service.pass(1000, 1);
    expect(service.hang(1000, 9).agent.measurement?.source).toBe('estimation');
  });

  it('waits four work times for a completion where that is longer', () => {
    const service = new Service();
    service.workTimeUs = 10_000_000;
    service.run(60, 1);
    expect(service.run(39, 0).at(-1)?.agent.measurement).toMatchObject({ source: 'measured', workTimeUs: 10_000_000 });
    expect(service.run(2, 0).at(-1)?.agent.measurement).toMatchObject({ source: 'estimation', workTimeUs: 10_000_000 });
  });

  it('takes what a service did before it was first seen for a memory', () => {
    const service = new Service();
    service.run(0.1, 0);
    service.workTimeUs = 2500;
    expect(service.run(10, 1).at(-1)?.agent.measurement).toMatchObject({ source: 'measured', workTimeUs: 2500 });
  });

  it('needs five of them where they are far below what is remembered, and not fewer', () => {
    const service = new Service();
    service.workTimeUs = 100_000;
    service.run(10, 20);
    service.run(31, 0);
    service.workTimeUs = 5000;
    const said = Array.from({ length: 6 }, () => service.run(1, 1).at(-1)!.agent.measurement!.workTimeUs);
    expect(said).toEqual([90_500, 81_000, 71_500, 62_000, 5000, 5000]);
  });

  it('learns nothing from completions that took no time at all', () => {
    const service = new Service();
    service.workTimeUs = 100_000;
    service.run(10, 20);
    service.run(31, 0);
    service.workTimeUs = 0;
    expect(service.run(20, 1).at(-1)!.agent.measurement).toMatchObject({ workTimeUs: 100_000 });
  });

  it('counts completions over pauses until there are enough', () => {
    const service = new Service();
    service.workTimeUs = 100_000;
    service.run(10, 20);
    service.workTimeUs = 50_000;
    for (let i = 0; i < 10; i++) {
      service.run(40, 0);
      service.pass(100, 1);
    }
    expect(service.agent.measurement).toMatchObject({ source: 'measured', workTimeUs: 50_000 });
  });

  it('gives a service that restarted the benefit of a trial, but not of the doubt', () => {
    const service = new Service();
    service.workTimeUs = 100_000;
    service.run(20, 20);
    service.restart();
    expect(service.run(0.1, 0)[0]?.rejected?.reason).toBe('counter-reset');
    service.workTimeUs = 10_000;
    expect(service.run(2, 0).at(-1)?.agent.measurement).toMatchObject({ source: 'estimation', workTimeUs: 100_000 });
    expect(service.run(1, 10).at(-1)?.agent.measurement).toMatchObject({ source: 'measured', workTimeUs: 10_000 });
  });

  it('does not take rare scrapes for pauses', () => {
    const service = new Service();
    for (let i = 0; i < 20; i++) {
      service.workTimeUs = i < 10 ? 10_000 : 20_000;
      service.pass(60_000, 2);
    }
    // Twenty of either kind: nothing was forgotten, as ten new ones alone would have it.
    expect(service.agent.measurement?.workTimeUs).toBeLessThan(18_000);
  });

  it('starts anew after a restart of the service instead of reporting a negative rate', () => {
    const service = new Service();
    service.run(2, 200);
    service.atMs += 100;
    const reset = service.take(
      observe(service.agent, service.sample({ arrivals: 3, completions: 2, busySeconds: 0.02, inFlight: 1 })),
    );
    expect(reset.rejected?.reason).toBe('counter-reset');
    expect(reset.agent.healthy).toBe(true);
    expect(reset.agent.measurement?.arrivalRate).toBeGreaterThanOrEqual(0);
    expect(reset.agent.samples).toHaveLength(1);
  });
});

describe('what is refused', () => {
  it.each([
    ['not-a-number', { inFlight: Number.NaN }],
    ['not-a-number', { busySeconds: Number.POSITIVE_INFINITY }],
    ['negative', { inFlight: -1 }],
    ['sentinel', { arrivals: 2 ** 64 }],
    ['sentinel', { inFlight: 0xffff_ffff }],
    ['no-workers', { workers: 0 }],
    ['skewed', { measuredAtMs: WALL + 60_000 }],
    ['stale', { measuredAtMs: WALL - 60_000 }],
    ['stale', { atMs: 50 }],
  ])('%s: %o is rejected with a reason and changes no measurement', (reason, given) => {
    const service = new Service();
    service.run(1, 100);
    const before = service.agent;
    service.atMs += 100;
    const outcome = observe(before, service.sample(given));
    expect(outcome.rejected?.reason).toBe(reason);
    expect(outcome.report).toBeUndefined();
    expect(outcome.agent.measurement).toBe(before.measurement);
    expect(outcome.agent.goodAtMs).toBe(before.goodAtMs);
  });

  it.each([
    ['out-of-range', { score: asScore(3) + 0.5 }],
    ['out-of-range', { score: 11 }],
    ['incomplete', { workers: 4, workTimeUs: 10_000 }],
    ['negative', { score: 5, arrivalRate: -1 }],
  ])('a pushed report is %s: %o', (reason, given) => {
    const agent = createAgent(CONFIG, { atMs: 0, wallMs: WALL });
    const outcome = push(agent, { atMs: 1, wallMs: WALL, ...(given as object) });
    expect(outcome.rejected?.reason).toBe(reason);
    expect(outcome.agent.healthy).toBe(false);
  });
});

describe('when a report goes out', () => {
  it('once an interval while nothing happens', () => {
    const service = new Service();
    service.run(3, 200);
    expect(causes(service.run(10, 200))).toEqual(Array.from({ length: 10 }, () => 'interval'));
  });

  it('not while nothing moves, where there is a dead band, but for one in a third of its validity', () => {
    const service = new Service({ ...CONFIG, deadBandPercent: 5 });
    service.run(4, 200);
    expect(causes(service.run(9, 200))).toEqual(['interval', 'interval', 'interval']);
    expect(causes(service.run(3, 212))).toContain('interval');
  });

  it('a dead band does not keep back that a work time is only remembered', () => {
    const service = new Service({ ...CONFIG, validForMs: 180_000, deadBandPercent: 5 });
    service.run(4, 10, 0);
    service.run(10, 0, 0);
    const told = reports(service.run(25, 0, 0));
    expect(told.map((it) => it.report?.source)).toEqual(['estimation']);
  });

  it('with five significant digits, of what is a rate or a time', () => {
    const agent = createAgent(CONFIG, { atMs: 0, wallMs: WALL });
    const load = { workers: 4, inFlight: 12_345, workTimeUs: 1_234_567, arrivalRate: 123.456_7, score: asScore(5) };
    const { report } = push(agent, { atMs: 1, wallMs: WALL, ...load });
    expect(report).toMatchObject({ inFlight: 12_345, workTimeUs: 1_234_600, arrivalRate: 123.46 });
  });

  it('within one sample when the queue jumps, and not again within 300 ms', () => {
    const service = new Service();
    service.run(3.5, 200);
    const [jump, ...later] = service.run(0.4, 200, 60);
    expect([jump?.cause, jump?.report?.inFlight]).toEqual(['band', 60]);
    expect(reports(later.slice(0, 2))).toEqual([]);
  });

  it('early when the arrival rate moves by more than a tenth of the capacity', () => {
    const service = new Service();
    service.run(3.5, 50, 0);
    const seen = causes(service.run(0.9, 250, 0));
    expect(seen[0]).toBe('rate');
  });

  it('events are at least 300 ms apart unless they warn', () => {
    const service = new Service();
    service.run(2, 100);
    for (let i = 0; i < 20; i++) service.run(0.1, 100, i % 2 === 0 ? 0 : 14);
    const sent = service.outcomes.filter((it) => it.report !== undefined);
    for (const [index, outcome] of sent.entries()) {
      if (index === 0 || outcome.cause === 'band') continue;
      const gap = outcome.agent.reportedAtMs - sent[index - 1]!.agent.reportedAtMs;
      expect(gap).toBeGreaterThanOrEqual(300);
    }
  });

  it('what is pushed too soon after a report is told when the interval is over, the newest of it, once', () => {
    const config: AgentConfig = { ...CONFIG, metrics: { kind: 'push' } };
    const at = (atMs: number) => ({ atMs, wallMs: WALL + atMs });
    const report = (score: number, atMs: number) => ({ ...at(atMs), score: asScore(score) });
    const first = push(createAgent(config, at(0)), report(10, 1000));
    expect(first.cause).toBe('first');
    const second = push(first.agent, report(9, 1100));
    const third = push(second.agent, report(8, 1200));
    expect([second.report, third.report]).toEqual([undefined, undefined]);
    expect(third.dueAtMs).toBe(1000 + config.reportIntervalMs);
    expect(due(third.agent, at(1900)).report).toBeUndefined();
    const told = due(third.agent, at(third.dueAtMs));
    expect(told).toMatchObject({ cause: 'interval', report: { score: 8 } });
    expect(told.dueAtMs).toBe(1200 + config.validForMs);
    expect(due(told.agent, at(told.dueAtMs - 1)).report).toBeUndefined();
  });

  it('sequences grow, also over a restart of the agent', () => {
    const service = new Service();
    const sequences = reports(service.run(5, 100)).map((it) => it.report!.sequence);
    expect(sequences).toEqual([...sequences].sort((a, b) => a - b));
    expect(new Set(sequences).size).toBe(sequences.length);
    const reborn = createAgent(CONFIG, { atMs: 0, wallMs: WALL + 5000 });
    expect(reborn.sequence).toBeGreaterThan(sequences.at(-1)!);
  });
});

describe('health', () => {
  it('needs a check and a sample; the first check decides at once', () => {
    const service = new Service(CHECKED);
    expect(service.agent.reason).toBe('no-check');
    expect(service.check(true).agent.reason).toBe('no-sample');
    const [first] = service.run(0.1, 100);
    expect([first?.health?.healthy, first?.cause]).toEqual([true, 'first']);
  });

  it('falls after two failures in a row and rises after three successes', () => {
    const service = new Service(CHECKED);
    service.check(true);
    service.run(1, 100);
    const pattern = [false, true, false, false, true, true, false, true, true, true];
    const states = pattern.map((ok) => service.check(ok).agent.healthy);
    expect(states).toEqual([true, true, true, false, false, false, false, false, false, true]);
  });

  it('reports the lowest score at once when a check fails, and the measured one when it passes again', () => {
    const service = new Service(CHECKED);
    service.check(true);
    service.run(1, 100);
    service.check(false);
    const down = service.check(false);
    expect(down.health).toEqual({ healthy: false, reason: 'check-failed', detail: 'status 503' });
    expect(down.report).toMatchObject({ score: 0, serviceScore: 0, spareCapacity: 0 });
    service.check(true);
    service.check(true);
    expect(service.check(true).report?.score).toBe(10);
  });

  it('ages out when no good sample came for a third of the validity, and returns with the next', () => {
    const service = new Service();
    const last = service.run(1, 100).at(-1)!;
    expect(last.dueAtMs).toBe(service.atMs + 3000);
    const now = (atMs: number) => ({ atMs, wallMs: WALL + atMs });
    expect(due(service.agent, now(last.dueAtMs - 1)).agent.healthy).toBe(true);
    service.atMs += 3000;
    const aged = service.take(due(service.agent, now(last.dueAtMs)));
    expect(aged.health?.reason).toBe('sample-aged');
    expect(aged.report?.score).toBe(0);
    expect(service.run(0.1, 100)[0]?.health?.healthy).toBe(true);
  });

  it('a pushed report is good for as long as it says', () => {
    const agent = createAgent(CONFIG, { atMs: 0, wallMs: WALL });
    const pushed = push(agent, { atMs: 10, wallMs: WALL, score: asScore(7), validForMs: 500 });
    expect(pushed.report).toMatchObject({ score: 7, workers: 0, source: 'estimation', validForMs: 500 });
    expect(due(pushed.agent, { atMs: 510, wallMs: WALL }).health?.reason).toBe('sample-aged');
  });
});

it('any samples leave a healthy agent with finite, JSON-able state', () => {
  const number = fc.oneof(fc.double(), fc.integer({ min: 0, max: 1000 }), fc.constantFrom(Number.NaN, -1, 2 ** 64));
  const sample = fc.record({
    workers: number,
    inFlight: number,
    arrivals: number,
    completions: number,
    busySeconds: number,
  });
  fc.assert(
    fc.property(fc.array(sample, { maxLength: 30 }), (samples) => {
      let agent = createAgent(CONFIG, { atMs: 0, wallMs: WALL });
      for (const [index, given] of samples.entries()) {
        const outcome = observe(agent, { atMs: 100 * (index + 1), wallMs: WALL, ...given });
        agent = outcome.agent;
        for (const value of Object.values(outcome.report ?? {})) {
          if (typeof value === 'number') expect(Number.isFinite(value)).toBe(true);
        }
      }
      expect(agent.samples.length).toBeLessThanOrEqual(64);
      // What JSON cannot say it says as null.
      expect(JSON.stringify(agent)).not.toContain('null');
    }),
  );
});
