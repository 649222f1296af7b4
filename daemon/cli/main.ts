#!/usr/bin/env node
// cfnctl: the process around program.ts.
import { runCli } from './program.ts';

// `cfnctl show rib | head`: a reader that has seen enough is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

process.exitCode = await runCli(process.argv.slice(2), {
  out: (text) => void process.stdout.write(text),
  error: (text) => void process.stderr.write(text),
  isTerminal: process.stdout.isTTY === true,
  environment: process.env,
  nowMs: Date.now,
});
