// What a daemon without work does now and again if it is told to. A processor that is shared, with other programs or other
// virtual machines, forgets in some milliseconds what it is not asked for, and the next report finds code and tables in no
// cache: it takes two or three times as long. A scratch router that is told of a report runs through the same code.
import { FAMILIES } from '../../lib/model/identity.ts';
import { LISTENER, REPORT_GAP_MS, ROUTER_ID, SITES, scratchConfig } from './scratch-config.ts';
import { framed, ScratchRouter } from './scratch-router.ts';
import { type Announcer, announcer, loadOf, nodeOf, update } from './updates.ts';

/** Link state is announced again after so many reports: 20 minutes of its lifetime of an hour. */
const STEPS_A_LIFETIME = 4000;

/** A scratch router that goes on hearing reports of its one service: from its two sites in turn, and of its own instance. */
export class StandingRehearsal {
  readonly #router = new ScratchRouter(scratchConfig('own'));
  readonly #sites = SITES.map((name, number) => announcer(number, name));
  #sequence = 0;

  constructor() {
    this.#sayWhere();
    for (const site of this.#sites) this.#say(site, true);
    this.#router.say(LISTENER, framed({ type: 'UPDATE', endOfRib: [...FAMILIES] }));
  }

  /** One site becomes the better one: a message comes, traffic moves, the listener is told. Then the same of its own instance. */
  step(): void {
    // Link state does not live for ever, and time here passes faster.
    if (this.#sequence % STEPS_A_LIFETIME === 0) this.#sayWhere();
    this.#say(this.#sites[this.#sequence % this.#sites.length]!, false);
    this.#router.report(loadOf(this.#sequence));
    this.#router.pass(REPORT_GAP_MS);
  }

  /** Bytes that the listener was told. */
  get told(): number {
    return this.#router.told(LISTENER);
  }

  /** Changes that its forwarding plane took. */
  get programmed(): number {
    return this.#router.programmed;
  }

  /** Routes that it holds. */
  get routes(): number {
    return this.#router.routes;
  }

  #sayWhere(): void {
    for (const site of this.#sites) {
      const nodes = [nodeOf(site, ROUTER_ID, this.#router.wallMs)];
      this.#router.say(site.name, framed({ type: 'UPDATE', linkState: { nodes }, endOfRib: [...FAMILIES] }));
    }
  }

  #say(site: Announcer, announce: boolean): void {
    const { wallMs } = this.#router;
    const sequence = ++this.#sequence;
    this.#router.say(site.name, framed(update(site, 0, 1, { sequence, announce, wallMs })));
  }
}
