// Test support: a small domain of hubs and sites, what its routers know and say, and words put into a peer's mouth.
import type { ServiceAttributes } from '../model/service-route.ts';
import { entriesOf, entryAt, type RouteEntry } from '../rib/route-entry.ts';
import type { SessionMessage } from '../session/message.ts';
import { serviceUpdate } from '../session/update-rows.ts';
import { Domain, type DomainOptions, instanceAddress, SERVICE } from './domain.fixture.ts';
import type { RouterState } from './state.ts';

export interface Sent {
  readonly from: string;
  readonly to: string;
  readonly message: SessionMessage;
}

export const ALL = ['sv-0', 'sv-1', 'sv-2', 'sv-3'];

/** Four sites behind two hubs unless said otherwise, three seconds after their start. */
export class World {
  readonly domain: Domain;
  /** What left a router since then. */
  sent: Sent[] = [];

  constructor(options: Partial<DomainOptions> = {}) {
    const onSend = (from: string, to: string, message: SessionMessage) => this.sent.push({ from, to, message });
    this.domain = new Domain({ sites: 4, hubs: 2, onSend, ...options });
    this.domain.start();
    this.run(3000);
    this.sent = [];
  }

  run(ms: number): void {
    this.domain.simulation.run(ms);
  }

  state(name: string): RouterState {
    return this.domain.simulation.node(name).router.state!;
  }

  routes(name: string): RouteEntry[] {
    const { table } = this.state(name);
    return [...table.rows()].map((row) => entryAt(table, row));
  }

  instances(name: string): string[] {
    return this.routes(name)
      .map((it) => it.attributes.instanceName)
      .sort();
  }

  routeTo(name: string, site: number): RouteEntry | undefined {
    const { table } = this.state(name);
    return entriesOf(table, SERVICE).find((it) => it.route.contactInstance === instanceAddress(site));
  }

  messages(type: SessionMessage['type']): Sent[] {
    return this.sent.filter((it) => it.message.type === type);
  }

  logs(name: string, text: string): string[] {
    return this.domain.simulation.node(name).logs.filter((line) => line.includes(text));
  }

  /** A message as if the peer had sent it. */
  say(from: string, to: string, message: SessionMessage): void {
    const connection = this.state(to).peers.get(from)!.session!.connection;
    this.domain.simulation.post(to, { type: 'message', peer: from, connection, message });
  }

  /** One more contact instance, like that of the first site but for `fields`. */
  announcement(fields: Partial<ServiceAttributes>, handle = 900): SessionMessage {
    const { attributes } = this.routeTo('s-0', 0)!;
    const route = { service: SERVICE, contactInstance: `fd00:bad::${handle}`, originator: '10.9.9.9' };
    const made = { ...attributes, egressSid: `5f00:0:99:${handle}::`, instanceName: `extra-${handle}`, ...fields };
    return { type: 'UPDATE', service: serviceUpdate([{ handle, ...route, attributes: made }]) };
  }
}

/** Another router under the router id of s-0, heard by a hub from the site next to it. */
export function rivalOf(world: World, name = 'rival') {
  const own = world.state('s-0').ownNode!;
  let { sequence } = own;
  const held = () => world.state('s-2').lsdb.nodes.get(own.originator)!.name;
  return {
    held,
    says: (links = own.links) => {
      sequence = Math.max(sequence, world.state('s-2').lsdb.nodes.get(own.originator)!.sequence) + 1;
      const nodes = [{ ...own, name, links, sequence }];
      world.say('s-1', 'hub-0', { type: 'UPDATE', linkState: { nodes } });
      world.run(100);
    },
  };
}

/** The world of the test that runs, made by `begin`, and what tests ask of it by short names. */
export function worldOfTest() {
  let current: World | undefined;
  const world = (): World => {
    if (current === undefined) throw new Error('begin first');
    return current;
  };
  return {
    begin(options: Partial<DomainOptions> = {}): void {
      current = new World(options);
    },
    world,
    state: (name: string) => world().state(name),
    routes: (name: string) => world().routes(name),
    instances: (name: string) => world().instances(name),
    routeTo: (name: string, site: number) => world().routeTo(name, site),
    messages: (type: SessionMessage['type']) => world().messages(type),
    logs: (name: string, text: string) => world().logs(name, text),
    say: (from: string, to: string, message: SessionMessage) => world().say(from, to, message),
    announcement: (fields: Partial<ServiceAttributes>, handle?: number) => world().announcement(fields, handle),
  };
}
