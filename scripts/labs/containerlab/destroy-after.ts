// Waits until the process that started it is gone (its standard input closes), then removes that process's lab. Started by
// engine-containerlab.ts for labs that are tied to their runner; a lab that was removed properly before is no error.
import { containerlabEngine } from '../engine-containerlab.ts';

const [lab = '', file = ''] = process.argv.slice(2);
process.stdin.resume();
process.stdin.on('close', () => {
  const ref = { lab, ...(file === '' ? {} : { file }) };
  void containerlabEngine.destroy(ref, { force: false });
});
