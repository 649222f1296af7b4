// What the tests of requests against the kernel share: a namespace with a link and a bridge, and a socket in it.
import { expect } from 'vitest';
import { decodeLink, encodeGetLink, encodeNewBridge } from '../../lib/netlink/rt/link.ts';
import { encodeDumpRoutes, type Route, type RouteSpec } from '../../lib/netlink/rt/route.ts';
import { decodeRoute } from '../../lib/netlink/rt/route-decode.ts';
import type { Encode } from '../../lib/netlink/writer.ts';
import type { RequestSocket } from './request-socket.ts';
import { NetlinkNamespace } from './testing.ts';

export const PROTOCOL = 199;

export class RequestLab extends NetlinkNamespace {
  readonly socket: RequestSocket;
  /** Interface indices of the bridge `sr0` and of `v0`, an end of a veth pair with addresses. */
  readonly sr0: number;
  readonly veth: number;

  constructor() {
    super();
    this.socket = this.open();
    this.run('ip', 'link', 'add', 'v0', 'type', 'veth', 'peer', 'v1');
    for (const link of ['v0', 'v1']) this.run('ip', 'link', 'set', link, 'up');
    this.run('ip', 'addr', 'add', '198.51.100.2/24', 'dev', 'v0');
    this.run('ip', 'addr', 'add', '2001:db8:99::2/64', 'dev', 'v0', 'nodad');
    this.accept((w) => encodeNewBridge(w, { name: 'sr0', mtu: 9000 }));
    this.sr0 = this.indexOf('sr0');
    this.veth = this.indexOf('v0');
  }

  accept(encode: Encode): void {
    expect(this.socket.request(encode)).toBeNull();
  }

  dump(family: 'ipv6' | 'ipv4', table = 254): Promise<Route[]> {
    return this.socket.dump((w) => encodeDumpRoutes(w, family, { table, protocol: PROTOCOL }), decodeRoute);
  }

  async readBack(spec: RouteSpec): Promise<Route | undefined> {
    const routes = await this.dump(spec.prefix.includes(':') ? 'ipv6' : 'ipv4', spec.table);
    return routes.find((route) => route.prefix === spec.prefix);
  }

  indexOf(name: string): number {
    return this.socket.query((w) => encodeGetLink(w, { name }), decodeLink).value!.index;
  }

  /** First of what `ip -j` lists. */
  shown(...args: string[]): Record<string, unknown> | undefined {
    return this.listed(...args)[0];
  }
}
