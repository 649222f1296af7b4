// `scripts/bench`: runs one benchmark of the registry and prints its table, or with --json the document of
// DESIGN section 14. Exit 0 when it was measured, whatever passes.
import { needPrograms } from './programs.ts';
import { type Bench, choice, table } from './report.ts';

/** Loaded when asked for, so that one bench's needs are not another's. */
const BENCHES: Readonly<Record<string, () => Promise<Bench>>> = {
  netlink: async () => (await import('./netlink.ts')).bench,
  fib: async () => (await import('./fib.ts')).bench,
  decision: async () => (await import('./decision.ts')).bench,
  spf: async () => (await import('./spf.ts')).bench,
  wire: async () => (await import('./wire.ts')).bench,
  simulation: async () => (await import('./simulation.ts')).bench,
  segment: async () => (await import('./segment.ts')).bench,
  forwarding: async () => (await import('./forwarding.ts')).bench,
  rib: async () => (await import('./rib.ts')).bench,
  reflector: async () => (await import('./reflector.ts')).bench,
  'hub-restart': async () => (await import('./hub-restart.ts')).bench,
  session: async () => (await import('./session.ts')).bench,
  'update-to-fib': async () => (await import('./update-to-fib.ts')).bench,
  'report-to-fib': async () => (await import('./report-to-fib.ts')).bench,
};

const USAGE = 'usage: scripts/bench --list | NAME [--json] [--rounds N] [--only SUBSTRING-OF-ROW-IDS]';

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    console.log(USAGE);
    return 0;
  }
  if (args.includes('--list')) {
    for (const [name, load] of Object.entries(BENCHES)) console.log(`${name.padEnd(16)}${(await load()).summary}`);
    return 0;
  }
  const rest = [...args];
  const json = take(rest, '--json') !== undefined;
  const rounds = Number(takeValue(rest, '--rounds') ?? 5);
  const only = takeValue(rest, '--only');
  const [name, ...extra] = rest;
  const load = name === undefined ? undefined : BENCHES[name];
  if (!load || extra.length > 0 || only === '' || !Number.isInteger(rounds) || rounds < 1) {
    console.error(name && !load ? `bench: no bench named ${name}\n${USAGE}` : USAGE);
    return 2;
  }
  const from = performance.now();
  const since = () => `${Math.round((performance.now() - from) / 1000)} s`.padStart(6);
  try {
    const bench = await load();
    const isWanted = choice(bench, only);
    needPrograms(bench.programs ?? []);
    const document = await bench.run({ rounds, isWanted, progress: (line) => console.error(`${since()} ${line}`) });
    console.log(json ? JSON.stringify(document, null, 2) : table(document));
    return 0;
  } catch (error) {
    console.error(`bench ${name}: ${(error as Error).message}`);
    return 1;
  }
}

function take(args: string[], option: string): string | undefined {
  const at = args.indexOf(option);
  return at < 0 ? undefined : args.splice(at, 1)[0];
}

/** The word behind an option; empty where there is none. */
function takeValue(args: string[], option: string): string | undefined {
  const at = args.indexOf(option);
  return at < 0 ? undefined : (args.splice(at, 2)[1] ?? '');
}

process.exitCode = await main(process.argv.slice(2));
