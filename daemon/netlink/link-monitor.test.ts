import { expect, it } from 'vitest';
import { CodedError } from '../../lib/errors.ts';
import { INTERRUPTED } from './dump-socket.ts';
import { LinkMonitor, type LinkMonitorOptions } from './link-monitor.ts';

/** A kernel whose tables cannot be read the first `busy` times, for this reason. */
function kernel(busy: number, code: string) {
  let asked = 0;
  const requests = {
    dump: async () => {
      if (asked++ < busy) throw new CodedError(code, 'busy');
      return [];
    },
  } as unknown as NonNullable<LinkMonitorOptions['requests']>;
  const monitor = { subscribe: () => () => {} } as unknown as NonNullable<LinkMonitorOptions['monitor']>;
  return { requests, monitor, onLink: () => {}, times: () => asked };
}

it('reads again where others were busy with what it reads, until it has read all', async () => {
  const busy = kernel(3, INTERRUPTED);
  const monitor = await LinkMonitor.open(busy);
  expect(busy.times()).toBe(6);
  monitor.close();
});

it('takes any other failure for an answer', async () => {
  const refusing = kernel(1, 'EPERM');
  await expect(LinkMonitor.open(refusing)).rejects.toMatchObject({ code: 'EPERM' });
  expect(refusing.times()).toBe(1);
});
