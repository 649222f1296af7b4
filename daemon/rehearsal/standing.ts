// What a daemon without work does now and again if it is told to. A processor that is shared, with other programs or other
// virtual machines, forgets in some milliseconds what it is not asked for, and the next report finds code and tables in no
// cache: it takes two or three times as long. A scratch router that is told of a report runs through the same code, and that
// of the kernel where the report comes over a socket.
import type { RouterConfig } from '../../lib/config/config.ts';
import { FAMILIES } from '../../lib/model/identity.ts';
import { type OwnSocket, openOwnSocket } from './own-socket.ts';
import { LISTENER, REPORT_GAP_MS, ROUTER_ID, SITES } from './scratch-config.ts';
import { framed, ScratchRouter } from './scratch-router.ts';
import { type Announcer, announcer, loadOf, update, whereIs } from './updates.ts';

/** Link state is announced again after so many reports: 20 minutes of its lifetime of an hour. */
const STEPS_A_LIFETIME = 4000;

/** Steps that a message may be under way: TCP says nothing of a loopback device that went for a quarter of an hour. */
const PATIENCE = 200;

const NOTHING = new Uint8Array(0);

/** A scratch router that goes on hearing reports of its one service: from its two sites in turn, and of its own instance. */
export class StandingRehearsal {
  readonly #router: ScratchRouter;
  readonly #sites = SITES.map((name, number) => announcer(number, name));
  #sequence = 0;
  /** Whose message is under way, how long it is, and what of it has come. */
  #underWay: { readonly site: Announcer; readonly length: number; received: Uint8Array; waits: number } | undefined;
  #socket: OwnSocket | undefined;
  readonly #end = new AbortController();

  constructor(config: RouterConfig) {
    this.#router = new ScratchRouter(config);
    void openOwnSocket((bytes) => this.#heard(bytes), this.#end.signal).then((socket) => this.#use(socket));
    this.#sayWhere();
    for (const site of this.#sites) this.#router.say(site.name, this.#messageOf(site, true));
    this.#router.say(LISTENER, framed({ type: 'UPDATE', endOfRib: [...FAMILIES] }));
  }

  /**
   * A site reports, so that it becomes the better one or the worse, and so does the contact instance here: in two steps of three
   * traffic moves, and the listener is told in each.
   * Over in another turn where there is a socket; nothing happens before the last one is over.
   */
  step(): void {
    if (this.#underWay !== undefined) {
      if (++this.#underWay.waits === PATIENCE) this.#socket?.close();
      return;
    }
    // Link state does not live for ever, and time here passes faster.
    if (this.#sequence % STEPS_A_LIFETIME === 0) this.#sayWhere();
    const site = this.#sites[this.#sequence % this.#sites.length]!;
    const message = this.#messageOf(site, false);
    this.#underWay = { site, length: message.length, received: NOTHING, waits: 0 };
    if (this.#socket === undefined) this.#heard(message);
    else this.#socket.write(message);
  }

  close(): void {
    this.#end.abort();
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
    for (const site of this.#sites) this.#router.say(site.name, framed(whereIs(site, ROUTER_ID, this.#router.wallMs)));
  }

  #messageOf(site: Announcer, announce: boolean): Uint8Array {
    const { wallMs } = this.#router;
    const sequence = ++this.#sequence;
    return framed(update(site, 0, 1, { sequence, announce, wallMs }));
  }

  #heard(bytes: Uint8Array): void {
    const under = this.#underWay;
    if (under === undefined) return;
    under.received = under.received === NOTHING ? bytes : Buffer.concat([under.received, bytes]);
    if (under.received.length < under.length) return;
    this.#underWay = undefined;
    this.#router.say(under.site.name, under.received);
    this.#router.report(loadOf(this.#sequence));
    this.#router.pass(REPORT_GAP_MS);
  }

  #use(socket: OwnSocket | undefined): void {
    this.#socket = socket;
    socket?.onClosed(() => {
      this.#socket = undefined;
      this.#underWay = undefined;
    });
  }
}
