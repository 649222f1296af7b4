// `scripts/demo`: deploys the lab, plays the scenario, tells what happened. Options and the way out are here; what is shown
// is scenario.ts, what it proves verdict.ts. Exit 0: every claim held; 1: one did not, or the demo could not run.
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { AdminError } from '../../daemon/admin/client.ts';
import { BundleError } from '../bundle.ts';
import { ENGINES, type Engine, type EngineName, LabError } from '../labs/engine.ts';
import { readLabFile } from '../labs/parse-clab.ts';
import { setSessionPriority } from '../labs/priority.ts';
import { isRoot, runInSandbox, watchLifeline } from '../labs/rootless.ts';
import { perform } from './performance.ts';
import { DemoError } from './poll.ts';
import { renderPage } from './report/page.ts';
import { renderSummary } from './summary.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const LAB = 'metro-3';
/** Nice value. */
const PRIORITY = -10;
const USAGE = `usage: scripts/demo [--json] [--report FILE] [--engine netns|containerlab]
  --json           the result as one JSON document on standard output; progress goes to standard error
  --report FILE    where the HTML report goes (default demo-report.html)
  --engine ENGINE  who runs the nodes: network namespaces (default), or containerlab
`;

// Milliseconds are shown here: the lab, the load and this process go before other work on the machine. Only root may.
setSessionPriority(PRIORITY);

const abort = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => abort.abort(new DemoError(`ended by ${signal}`)));

try {
  process.exitCode = await main();
} catch (error) {
  const ours = [DemoError, LabError, BundleError, AdminError].some((kind) => error instanceof kind);
  // A file that cannot be written is the user's to mend; anything else is our own bug and shows its stack.
  const known = ours || (error instanceof Error && 'syscall' in error);
  if (!known && !abort.signal.aborted) throw error;
  const why = abort.signal.aborted ? (abort.signal.reason as Error) : (error as Error);
  for (const line of why.message.split('\n')) process.stderr.write(`demo: ${line}\n`);
  process.exitCode = abort.signal.aborted ? 130 : 1;
}
// Nothing that is still open (a socket that closes slowly, a pipe) may hold the terminal.
process.exit();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      report: { type: 'string', default: 'demo-report.html' },
      engine: { type: 'string', default: 'netns' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (!(ENGINES as readonly string[]).includes(values.engine))
    throw new DemoError(`--engine must be ${ENGINES.join(' or ')}, not ${JSON.stringify(values.engine)}`);
  const engineName = values.engine as EngineName;
  if (engineName === 'netns' && !isRoot())
    return await runInSandbox(fileURLToPath(import.meta.url), process.argv.slice(2), true);
  watchLifeline(() => abort.abort(new DemoError('ended from outside')));

  const out = values.json ? process.stderr : process.stdout;
  const played = await perform({
    root: ROOT,
    engine: await engineOf(engineName),
    lab: readLabFile(join(ROOT, 'containerlab', LAB, `${LAB}.clab.yml`)),
    signal: abort.signal,
    colour: out.isTTY === true,
    write: (text) => void out.write(text),
  });
  const { document } = played;
  writeFileSync(values.report, renderPage({ ...played, client: played.timeline.ingresses[0]?.client ?? '' }));
  await written(out, `\n${renderSummary(document)}\nreport: ${resolve(values.report)}\n`);
  if (values.json) await written(process.stdout, `${JSON.stringify(document, undefined, 2)}\n`);
  return document.claims.every(({ held }) => held) ? 0 : 1;
}

async function engineOf(name: EngineName): Promise<Engine> {
  if (name === 'netns') return (await import('../labs/engine-netns.ts')).netnsEngine;
  return (await import('../labs/engine-containerlab.ts')).containerlabEngine;
}

/** The process ends by itself afterwards, and a pipe takes its time. */
function written(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((resolve) => stream.write(text, () => resolve()));
}
