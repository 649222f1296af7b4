// One structure of bench `rib` in this process: `rib-run.ts table|map keys|sites` prints what it measured.
import { RouteTable } from '../../lib/rib/route-table.ts';

export type Structure = 'table' | 'map';
/** `keys`: each route has a service of its own; `sites`: 64 routes share one. */
export type Shape = 'keys' | 'sites';

export interface Measured {
  readonly insertsPerUs: number;
  readonly getsPerUs: number;
  /** Heap and buffers a route, after collection. */
  readonly bytes: number;
  readonly structureBytes: number;
  readonly slowestMs: number;
}

interface Rib {
  put(route: number): void;
  get(route: number): number;
  readonly structureBytes: number;
}

const ROUTES = 1_000_000;
const WARM_UP = 30_000;
/** Steps through all routes in an order that no cache foresees; no divisor of `ROUTES`. */
const STRIDE = 611_953;
const ORIGINATOR = 0x0a01_0001;

class Keys {
  readonly services: Uint32Array;
  readonly instances: Uint32Array;
  readonly bytes: { readonly services: Buffer; readonly instances: Buffer };
  readonly sites: number;

  constructor(shape: Shape) {
    this.sites = shape === 'sites' ? 64 : 1;
    this.services = words(ROUTES / this.sites, 88_675_123);
    this.instances = words(ROUTES, 521_288_629);
    this.bytes = { services: Buffer.from(this.services.buffer), instances: Buffer.from(this.instances.buffer) };
  }

  service(route: number): number {
    return Math.floor(route / this.sites) * 4;
  }
}

/** Random addresses, the same ones each time (xorshift32). */
function words(addresses: number, seed: number): Uint32Array {
  const made = new Uint32Array(addresses * 4);
  let x = seed;
  for (let i = 0; i < made.length; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    made[i] = x;
  }
  return made;
}

function tableOf(keys: Keys): Rib {
  const table = new RouteTable(7);
  table.sources.number('peer');
  const set = table.sets.intern(SET as never);
  table.sets.retain(set);
  return {
    put(route) {
      const row = table.intern(keys.services, keys.service(route), keys.instances, route * 4, ORIGINATOR);
      table.announce(row, 1, set, route + 1);
    },
    get: (route) => table.find(keys.services, keys.service(route), keys.instances, route * 4, ORIGINATOR),
    get structureBytes() {
      return table.bytes / ROUTES;
    },
  };
}

function mapOf(keys: Keys): Rib {
  const map = new Map<
    string,
    { set: object; source: number; handle: number; epoch: number; best: boolean; stale: boolean }
  >();
  const { services, instances } = keys.bytes;
  const keyOf = (route: number) => {
    const service = keys.service(route) * 4;
    return (
      services.toString('latin1', service, service + 16) + instances.toString('latin1', route * 16, route * 16 + 16)
    );
  };
  return {
    put: (route) =>
      void map.set(keyOf(route), { set: SET, source: 1, handle: route + 1, epoch: 0, best: true, stale: false }),
    get: (route) => map.get(keyOf(route))!.handle,
    structureBytes: 0,
  };
}

const SET = { sitePath: ['a'], clusterList: [], communities: [] };

function run(structure: Structure, shape: Shape): Measured {
  const keys = new Keys(shape);
  const make = () => (structure === 'table' ? tableOf(keys) : mapOf(keys));
  const at = (i: number) => (i * STRIDE) % ROUTES;
  const warm = make();
  for (let i = 0; i < WARM_UP; i++) warm.put(at(i));
  let sum = 0;
  for (let i = 0; i < WARM_UP; i++) sum += warm.get(at(i));
  const before = memory();
  const rib = make();
  let slowestMs = 0;
  const insertsFrom = performance.now();
  for (let i = 0; i < ROUTES; i += 1000) {
    const from = performance.now();
    for (let j = i; j < i + 1000; j++) rib.put(at(j));
    slowestMs = Math.max(slowestMs, performance.now() - from);
  }
  const insertsPerUs = ROUTES / (performance.now() - insertsFrom) / 1000;
  const getsFrom = performance.now();
  for (let i = 0; i < ROUTES; i++) sum += rib.get(at((i * 7 + 3) % ROUTES));
  const getsPerUs = ROUTES / (performance.now() - getsFrom) / 1000;
  const bytes = (memory() - before) / ROUTES;
  if (sum < 0) throw new Error('look-ups failed');
  return { insertsPerUs, getsPerUs, bytes, structureBytes: rib.structureBytes, slowestMs };
}

function memory(): number {
  globalThis.gc!();
  globalThis.gc!();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

if (import.meta.main) console.log(JSON.stringify(run(process.argv[2] as Structure, process.argv[3] as Shape)));
