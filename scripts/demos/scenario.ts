// The story, in order: a steady state, a site that gets busy, relief, a longer path, a cut, and the return. Each phase does
// one thing, waits until the daemons have answered it, and shows the result for a moment. Collects what happened when;
// numbers about flows come from the load generators afterwards.
import type { SegmentListRow } from './document.ts';
import { DemoError, done, notYet, pause, type Seen, until } from './poll.ts';
import type { Weights } from './routers.ts';
import { isComplete, isMissed, matchLists } from './segment-lists.ts';
import type { Stage } from './stage.ts';
import type { Traffic } from './traffic.ts';

export interface PhaseRecord {
  readonly name: string;
  /** What is done to the lab, one line. */
  readonly what: string;
  /** Wall clock, ms since 1970. */
  readonly startedAtMs: number;
  /** The daemons' answer was in force, or was waited for in vain. */
  readonly settledAtMs: number;
  /** Why the answer did not come; absent: it did, or none was waited for. */
  readonly unanswered?: string;
  readonly endedAtMs: number;
  /** Per ingress, at the end. */
  readonly weights: Readonly<Record<string, Weights>>;
  readonly lists: readonly SegmentListRow[];
  /** Of the running stream, at the end: names of routers. */
  readonly path: readonly string[];
}

export interface ScenarioOptions {
  readonly stage: Stage;
  /** Absent where no packet can be steered: the decisions alone are shown. */
  readonly traffic: Traffic | undefined;
  /** Links can be made longer here. */
  readonly hasLinkQuality: boolean;
  readonly canCapture: boolean;
  readonly signal: AbortSignal;
  readonly onPhase: (name: string, what: string) => void;
  readonly onAnswer: (text: string) => void;
}

export interface Played {
  readonly phases: readonly PhaseRecord[];
  /** The contact instance that served the first client in the beginning. */
  readonly hero: string;
  readonly captureFault: string | undefined;
}

const STEADY_MS = 2_500;
/** After the answer of the daemons, so that the next thing does not fall into the picture of this one. */
const SHOW_MS = 1_800;
const ANSWER_MS = 10_000;
const CAPTURE_MS = 3_000;
/** New flows of a list that was chosen this long ago have been on the wire. */
const CHOSEN_MS = 1_000;
/** Above what the workers can serve in all, it would be an overload that no steering can mend. */
const BUSY_UTILISATION = 0.8;
const DETOUR_US = 5_000;
/** Shares of 1000: with the one the instance serves most flows again, with the other it has been left. */
const MOST = 700;
const HARDLY_ANY = 100;
/** Where all sites are equally near, a fair share is all that comes back. */
const FAIR_SHARE = 200;

export async function play(options: ScenarioOptions): Promise<Played> {
  const { stage, traffic, signal } = options;
  const ingress = stage.facts.clients[0]!.ingress;
  const hero = await heroAt(stage, ingress);
  const phases: PhaseRecord[] = [];
  let captureFault: string | undefined;
  const heroWeight = async () => (await stage.routers.weightsAt(ingress))[hero] ?? 0;

  async function phase(
    name: string,
    what: string,
    act: () => Promise<void>,
    answer?: { readonly what: string; readonly probe: () => Promise<Seen<string>> },
    showMs = SHOW_MS,
  ): Promise<void> {
    options.onPhase(name, what);
    await traffic?.mark(name);
    const startedAtMs = Date.now();
    await act();
    const unanswered = answer === undefined ? undefined : await awaited(answer.what, answer.probe);
    const settledAtMs = Date.now();
    const looked = options.canCapture && traffic !== undefined ? look(stage, name, signal) : undefined;
    await pause(showMs, signal);
    const { lists, fault } = (await looked) ?? { lists: await explainedOnly(stage, name), fault: undefined };
    captureFault ??= fault;
    const ingresses = stage.routers.ingresses;
    const weights = await Promise.all(ingresses.map(async (at) => [at, await stage.routers.weightsAt(at)] as const));
    phases.push({
      name,
      what,
      startedAtMs,
      settledAtMs,
      ...(unanswered === undefined ? {} : { unanswered }),
      endedAtMs: Date.now(),
      weights: Object.fromEntries(weights),
      lists,
      path: await stage.routers.pathTo(ingress, hero),
    });
  }

  /** The story goes on without the answer: what comes next is worth seeing all the same, and the verdict tells. */
  async function awaited(what: string, probe: () => Promise<Seen<string>>): Promise<string | undefined> {
    try {
      options.onAnswer(await until(what, probe, { timeoutMs: ANSWER_MS, signal, everyMs: 20 }));
      return undefined;
    } catch (error) {
      if (!(error instanceof DemoError) || signal.aborted) throw error;
      options.onAnswer(error.message);
      return error.message;
    }
  }

  const share = (weight: number) => `${ingress} sends ${(weight / 10).toFixed(0)} % of new flows to ${hero}`;
  const atMost = async (): Promise<Seen<string>> => {
    const weight = await heroWeight();
    return weight <= HARDLY_ANY ? done(share(weight)) : notYet(share(weight));
  };
  const atLeast = async (): Promise<Seen<string>> => {
    const weight = await heroWeight();
    return weight >= (options.hasLinkQuality ? MOST : FAIR_SHARE) ? done(share(weight)) : notYet(share(weight));
  };

  const { workers, workUs } = stage.facts.service;
  const demand = Math.round((BUSY_UTILISATION * workers * 1e6) / workUs);
  await phase('steady', `${hero} is the best for ${ingress}`, async () => {}, undefined, STEADY_MS);
  await phase('busy', `${demand} requests/s from elsewhere reach ${hero}`, () => stage.setDemand(hero, demand), {
    what: `new flows leave ${hero}`,
    probe: atMost,
  });
  await phase('relieved', `${hero} is idle again`, () => stage.setDemand(hero), {
    what: `new flows come back to ${hero}`,
    probe: atLeast,
  });
  const before = await stage.routers.pathTo(ingress, hero);
  if (options.hasLinkQuality) {
    const detour = async (): Promise<Seen<string>> => {
      const path = await stage.routers.pathTo(ingress, hero);
      const text = `${hero} is reached by ${path.join(' > ')}`;
      return path.length > 0 && path[1] !== before[1] ? done(text) : notYet(text);
    };
    await phase(
      'path',
      `the link ${before[0]}--${before[1]} gets ${DETOUR_US / 1000} ms longer`,
      async () => void (await stage.lengthen(before, DETOUR_US)),
      { what: 'another path is shorter', probe: detour },
    );
  }
  await phase('cut', `the uplink of ${stage.egressOf(hero)} goes down`, () => stage.setUplinks(hero, false), {
    what: `new flows leave ${hero}`,
    probe: atMost,
  });
  await phase(
    'return',
    'every link is as before',
    async () => {
      await stage.setUplinks(hero, true);
      if (options.hasLinkQuality) await stage.restore(before);
    },
    { what: `new flows come back to ${hero}`, probe: atLeast },
  );
  return { phases, hero, captureFault };
}

async function heroAt(stage: Stage, ingress: string): Promise<string> {
  const weights = Object.entries(await stage.routers.weightsAt(ingress));
  const [best] = weights.toSorted(([, a], [, b]) => b - a);
  if (best === undefined) throw new DemoError(`${ingress} has chosen no contact instance`);
  return best[0];
}

/**
 * Captures until every list that new flows take was seen, or the time is up. A list that a decision chose just before that
 * has its second too, at most for as long again.
 */
async function look(
  stage: Stage,
  phase: string,
  signal: AbortSignal,
): Promise<{ readonly lists: readonly SegmentListRow[]; readonly fault: string | undefined }> {
  const capture = stage.capture();
  try {
    const deadline = performance.now() + CAPTURE_MS;
    const chosenAtMs = new Map<string, number>();
    for (;;) {
      await pause(200, signal);
      const lists = matchLists(phase, await stage.explained(), capture.tally);
      if (isComplete(lists) || capture.fault !== undefined) return { lists, fault: capture.fault };
      const nowMs = performance.now();
      const isYoung = lists.filter(isMissed).some(({ ingress, list }) => {
        const key = `${ingress} ${list.join(' ')}`;
        const sinceMs = chosenAtMs.get(key) ?? nowMs;
        chosenAtMs.set(key, sinceMs);
        return nowMs - sinceMs < CHOSEN_MS;
      });
      if (nowMs > deadline + (isYoung ? CAPTURE_MS : 0)) return { lists, fault: capture.fault };
    }
  } finally {
    await capture.stop();
  }
}

async function explainedOnly(stage: Stage, phase: string): Promise<readonly SegmentListRow[]> {
  return matchLists(phase, await stage.explained(), new Map());
}
