// A national domain in one process: sites that hear of each other through reflecting hubs, over a memory transport and a
// virtual clock. Times are virtual and do not depend on the machine; only the first row of each size costs real time.
// The session families `service` and `compute` with a thousand sites. Link state is flooded among a tenth of them: a thousand
// routers in one process that each keep a map of a thousand take ten minutes. CFND_SITES and CFND_HUBS set the size.
import { DomainRun } from '../../lib/router/domain-run.fixture.ts';
import { type Bench, machine, type Row } from './report.ts';

const SITES = Number(process.env.CFND_SITES ?? 1000);
const HUBS = Number(process.env.CFND_HUBS ?? 8);
const PERIOD_MS = 1000;
const LOAD_MS = 5000;
const PARTITION_MS = 60_000;
const AWAY_MS = 5000;

export const bench: Bench = {
  summary: 'a domain of 1,000 sites behind reflecting hubs: convergence, loss, partition, overhead against the formula',
  async run({ progress }) {
    const rows: Row[] = [];
    const size = `${SITES} sites, ${HUBS} hubs, two sessions a site`;
    const add = (id: string, what: string, unit: string, ours: number, target: number, method: string) =>
      rows.push({ id, what, unit, ours, better: 'lower', target, pass: ours <= target, method });

    progress(`simulation: ${size}`);
    const started = performance.now();
    const run = new DomainRun({ sites: SITES, hubs: HUBS, families: ['service', 'compute'] });
    const cold = run.coldStart();
    const events = run.domain.simulation.handled;
    add(
      'S1',
      'cold start: last router up to all tables equal',
      'virtual ms',
      cold,
      2000,
      `${size}; routes and newest reports`,
    );
    const wallS = (performance.now() - started) / 1000;
    add('S1.wall', 'the same in real time', 's', wallS, 900, `${events} events, one process`);

    progress('simulation: load');
    const traffic = run.load(PERIOD_MS, LOAD_MS);
    const formula = (SITES * (SITES - 1) * LOAD_MS * 2) / PERIOD_MS;
    const rowBytes = traffic.bytes / traffic.sampledRows;
    const perRow = `every instance reports once a second; rows of compute state that reach sites`;
    const twice = 'producers x consumers x rate x 2 sessions';
    rows.push({
      id: 'S2',
      what: 'reports delivered to sites in 5 s',
      unit: 'rows',
      ours: traffic.rows,
      peer: formula,
      peerName: twice,
      ratio: traffic.rows / formula,
      better: 'lower',
      target: 1,
      pass: traffic.rows <= formula,
      method: perRow,
    });
    add(
      'S2.bytes',
      'size of one report on the wire',
      'bytes',
      rowBytes,
      80,
      'encoded UPDATEs, one in 50, by their rows',
    );
    const perSite = (traffic.rows * rowBytes) / SITES / (LOAD_MS / 1000) / 1000;
    add('S2.site', 'what one site receives', 'kB/s', perSite, 200, `${perRow}, times their size`);
    add(
      'S2.batch',
      'messages for each report',
      'messages',
      traffic.messages / traffic.rows,
      1,
      'how many rows share an UPDATE',
    );

    progress('simulation: a hub dies');
    add(
      'S3',
      'routes missed at any site while a hub is dead',
      'routes',
      run.loseHub('hub-0', AWAY_MS),
      0,
      `looked at every 100 ms for 5 s`,
    );
    add(
      'S3.back',
      'hub back to all tables equal',
      'virtual ms',
      run.restartHub('hub-0'),
      10_000,
      'graceful restart, one full table',
    );

    progress('simulation: partition');
    const before = run.tables();
    const { inside, cut } = run.partition();
    run.domain.simulation.run(PARTITION_MS);
    add(
      'S4',
      'routes wrong on either side after 60 s apart',
      'routes',
      run.straysAcross(inside),
      0,
      `${inside.size} routers against the rest, ${cut.length} links cut`,
    );
    add(
      'S4.heal',
      'heal to all tables as before, attributes and all',
      'virtual ms',
      run.heal(cut, before),
      10_000,
      'digest of each table',
    );
    const mapped = Math.ceil(SITES / 10);
    progress(`simulation: ${mapped} sites with link state`);
    const maps = new DomainRun({ sites: mapped, hubs: HUBS });
    const alike = `${mapped} sites, ${HUBS} hubs, all three families; a site is linked to two hubs, hubs to each other; tables, reports and maps equal everywhere`;
    add('S5', 'cold start with link state', 'virtual ms', maps.coldStart(), 2000, alike);
    const tables = maps.tables();
    const sides = maps.partition();
    maps.domain.simulation.run(PARTITION_MS);
    add('S5.heal', 'the same, cut in two for 60 s, healed', 'virtual ms', maps.heal(sides.cut, tables), 10_000, alike);
    return { bench: 'simulation', machine: machine(), rows };
  },
};
