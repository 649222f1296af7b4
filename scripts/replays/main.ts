// scripts/replay: tells for each recording whether the router still asks for exactly what it asked for then.
import { readFault } from '../../daemon/config-file.ts';
import { CodedError } from '../../lib/errors.ts';
import { replay } from '../../lib/router/replay.ts';
import { readRecording } from './recording.ts';

const files = process.argv.slice(2);
if (files.length === 0 || files.includes('--help')) {
  process.stderr.write('usage: scripts/replay RECORDING...    (also packed by gzip)\n');
  process.exit(2);
}
let failed = 0;
for (const file of files) {
  try {
    const { lines, cutLine } = readRecording(file);
    if (cutLine !== undefined) process.stderr.write(`${file}:${cutLine}: cut short here, the line is left out\n`);
    const outcome = replay(lines);
    if (outcome.difference === undefined && outcome.effects === 0) {
      // Every life begins with effects of its `start`: nothing to compare is not the same effects.
      process.stderr.write(`${file}: no complete event in it\n`);
      failed++;
      continue;
    }
    if (outcome.difference === undefined) {
      process.stdout.write(`${file}: same effects (${outcome.events} events, ${outcome.effects} effects)\n`);
      continue;
    }
    const { line, expected, actual } = outcome.difference;
    const [recorded, replayed] = [expected, actual].map((text) => text || 'nothing');
    process.stdout.write(`${file}:${line}: effects differ\n  recorded: ${recorded}\n  replayed: ${replayed}\n`);
  } catch (error) {
    if (!(error instanceof CodedError) && !(error instanceof Error && 'code' in error)) throw error;
    process.stderr.write(
      `${file}: ${error instanceof CodedError ? error.message : readFault(error as NodeJS.ErrnoException)}\n`,
    );
  }
  failed++;
}
process.exit(failed === 0 ? 0 : 1);
