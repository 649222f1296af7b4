// What a decision costs, and what it is worth: µs per `decide` over 8 and 32 candidates that all share flows, and the mean
// response of each strategy in the herd simulation as a ratio to the static optimum. And what exploration wins and costs.
import type { Strategy } from '../../lib/config/config.ts';
import { decide } from '../../lib/decision/decide.ts';
import type { Candidate } from '../../lib/decision/decision.ts';
import { aCandidate, anInput, aState, following } from '../../lib/decision/fixture.ts';
import { type Result, simulate } from '../simulation/herd.ts';
import { SCENARIO } from '../simulation/herd-scenario.ts';
import {
  DURATION_MS,
  recover,
  SETTLED_MS,
  SLOW,
  STAYS_SLOW,
  secondsToReturn,
  shareOf,
} from '../simulation/recovery.ts';
import { absolute, type Bench, comparison, machine, median, type Row } from './report.ts';

/** Bounds on a whole decision, reasons and memory included; the way from a report to the kernel may take 1 ms. */
const SIZES = [
  { candidates: 8, target: 50 },
  { candidates: 32, target: 250 },
] as const;
const DECISIONS = 4000;
/** Long enough for the queues of a herd to show, short enough that a saturated strategy does not run for minutes. */
const RUN = { load: 0.65, durationMs: 60_000, crowdAtMs: 20_000, lossAtMs: 40_000 };
const OTHERS: readonly Strategy[] = ['nearest', 'least-loaded', 'edge-metadata'];
const JOINT = 'strategy.joint';
const BACK = 'explore.back';
const RESTARTED = 'explore.restarted';
const STAYS = 'explore.stays-slow';
/** Of the first six, those in which the site has a fifth of the requests and more before it is slow; and when it is well. */
const RECOVERING_SEEDS = [2, 3, 4, 5, 6];
const WELL_AT_MS = [60_000, 75_000, 90_000];
const againstJoint = (strategy: Strategy): string => `strategy.${strategy}`;

export const bench: Bench = {
  summary: 'time of a decision; mean response of each strategy against the static optimum',
  ids: [
    ...SIZES.map(({ candidates }) => `decide.${candidates}`),
    JOINT,
    ...OTHERS.map(againstJoint),
    BACK,
    RESTARTED,
    STAYS,
  ],
  async run({ rounds, progress, isWanted }) {
    const sizes = SIZES.filter(({ candidates }) => isWanted(`decide.${candidates}`));
    const rows: Row[] = sizes.map(({ candidates, target }) => {
      progress(`decide, ${candidates} candidates`);
      const reports = Array.from({ length: 50 }, (_, index) => reportsOf(candidates, index + 1));
      timeOf(reports);
      return absolute({
        id: `decide.${candidates}`,
        what: `decision over ${candidates} candidates`,
        unit: 'us',
        ours: median(Array.from({ length: Math.max(5, rounds) }, () => timeOf(reports))),
        better: 'lower',
        target,
        method: `joint, all sites loaded 60-75 %, new reports each time; mean CPU time of ${DECISIONS}, median of the rounds`,
      });
    });
    const seeds = Array.from({ length: Math.max(5, rounds) }, (_, index) => index + 1);
    const settled = (strategy: Strategy) =>
      seeds.map((seed) => {
        progress(`simulate ${strategy}, seed ${seed}`);
        return settledRatio(simulate({ ...SCENARIO, ...RUN, seed, strategy }));
      });
    const others = OTHERS.filter((strategy) => isWanted(againstJoint(strategy)));
    const joint = isWanted(JOINT) || others.length > 0 ? settled('joint') : [];
    const method = `16 ingresses, 6 sites, 0.3 s old reports, the last 10 s of a crowd of +30 % in a third of the ingresses, seeds 1-${seeds.length}`;
    if (isWanted(JOINT))
      rows.push(
        absolute({
          id: JOINT,
          what: 'mean response, joint',
          unit: 'x optimum',
          ours: median(joint),
          better: 'lower',
          target: 1.1,
          method,
        }),
      );
    for (const strategy of others) {
      const peer = settled(strategy);
      rows.push(
        comparison(
          {
            id: againstJoint(strategy),
            what: `mean response, joint against ${strategy}`,
            unit: 'x optimum',
            peerName: strategy,
            better: 'lower',
            target: 0.5,
            method,
          },
          joint.map((ours, index) => ({ ours, peer: peer[index]! })),
        ),
      );
    }
    const slowly = `4 ingresses, 3 sites, 180 requests a second, one site's work takes 10 times as long; exploration ${SCENARIO.explorationPercent} %; median of seeds ${RECOVERING_SEEDS.join(', ')}, well after 40, 55 and 70 s each`;
    const explore = (
      id: string,
      what: string,
      unit: string,
      target: number,
      of: (seed: number, wellAtMs: number) => number,
    ) => {
      if (!isWanted(id)) return;
      progress(what);
      const ours = median(RECOVERING_SEEDS.flatMap((seed) => WELL_AT_MS.map((wellAtMs) => of(seed, wellAtMs))));
      rows.push(absolute({ id, what, unit, ours, better: 'lower', target, method: slowly }));
    };
    explore(BACK, 'a slow site is well: half of its requests are back after', 's', 90, (seed, toMs) =>
      secondsToReturn(recover({ seed, slow: { ...SLOW, toMs } }), toMs),
    );
    explore(RESTARTED, 'the same, well by a restart of the service', 's', 60, (seed, toMs) =>
      secondsToReturn(recover({ seed, slow: { ...SLOW, toMs, restarts: true } }), toMs),
    );
    explore(
      STAYS,
      'requests that go to a site that stays slow',
      '%',
      SCENARIO.explorationPercent,
      (seed) => 100 * shareOf(recover({ seed, slow: STAYS_SLOW }), SETTLED_MS, DURATION_MS),
    );
    return { bench: 'decision', machine: machine(), rows };
  },
};

function reportsOf(count: number, sequence: number): Candidate[] {
  return Array.from({ length: count }, (_, index) => {
    const arrivalRate = 240 + ((sequence * 37 + index * 13) % 60);
    const state = aState({ arrivalRate, inFlight: 2 + ((sequence + index) % 4), sequence });
    return aCandidate(index + 1, { roundTripUs: 1000 + 200 * index, state });
  });
}

/** Mean CPU µs of a decision (other load on the machine does not count), each on new reports and on the incumbent that the one before left. */
function timeOf(reports: readonly (readonly Candidate[])[]): number {
  let decision = decide(anInput(reports[0]!));
  const before = process.cpuUsage();
  for (let round = 1; round <= DECISIONS; round++) {
    decision = decide(following(decision, reports[round % reports.length]!, { atMs: 100_000 + round * 1000 }));
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / DECISIONS;
}

function settledRatio(result: Result): number {
  return result.phases.find((phase) => phase.name === 'crowd settled')!.meanRatio;
}
