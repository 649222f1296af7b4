// What a run of the herd simulation is about: ingresses, sites, demand, and what happens to them.
import type { Strategy } from '../../lib/config/config.ts';

export interface Scenario {
  readonly seed: number;
  readonly ingresses: number;
  /** Workers of each site. */
  readonly sites: readonly number[];
  readonly workTimeUs: number;
  /** Share of the whole capacity that is asked for at the start. */
  readonly load: number;
  readonly strategy: Strategy;
  /** Interval of reports, ms; event reports come on top. */
  readonly reportMs: number;
  /** Time from measurement to the ingress, ms. */
  readonly delayMs: number;
  readonly durationMs: number;
  /** At this time demand rises by `crowd` in a third of the ingresses. */
  readonly crowdAtMs: number;
  readonly crowd: number;
  /** At this time the largest site loses half of its workers. */
  readonly lossAtMs: number;
  /** False: decides as if reports showed the effect of every move at once (the control arm). */
  readonly prediction: boolean;
  readonly hysteresisPercent: number;
  /** Of new flows, to find out whether sites that were slow still are. */
  readonly explorationPercent: number;
  /** One site's work takes `factor` times as long for a while; `restarts`: what ends it is a restart of the service. */
  readonly slow?: {
    readonly site: number;
    readonly factor: number;
    readonly fromMs: number;
    readonly toMs: number;
    readonly restarts?: boolean;
  };
  /** Sites claim this many times their workers, in turn; 1: they tell the truth. */
  readonly claims: readonly number[];
}

export const SCENARIO: Scenario = {
  seed: 1,
  ingresses: 16,
  sites: [4, 8, 8, 12, 16, 16],
  workTimeUs: 20_000,
  load: 0.7,
  strategy: 'joint',
  reportMs: 1000,
  delayMs: 300,
  durationMs: 90_000,
  crowdAtMs: 30_000,
  crowd: 1.3,
  lossAtMs: 60_000,
  prediction: true,
  hysteresisPercent: 10,
  explorationPercent: 0.5,
  claims: [1],
};
