import { expect, it } from 'vitest';
import { CodedError } from '../../lib/errors.ts';
import type { Link } from '../../lib/netlink/rt/link.ts';
import { INTERRUPTED } from './dump-socket.ts';
import { LinkMonitor, type LinkMonitorOptions, type LinkState } from './link-monitor.ts';
import type { MonitorListener } from './monitor-socket.ts';

/** A kernel whose tables cannot be read the first `busy` times, for this reason. */
function kernel(busy: number, code: string) {
  let asked = 0;
  const requests = {
    dump: async () => {
      if (asked++ < busy) throw new CodedError(code, 'busy');
      return [];
    },
  } as unknown as NonNullable<LinkMonitorOptions['requests']>;
  const monitor = {
    subscribe: (it: MonitorListener) => {
      listener = it;
      return () => {};
    },
  } as unknown as NonNullable<LinkMonitorOptions['monitor']>;
  let listener: MonitorListener;
  const told: LinkState[] = [];
  const onLink = (link: LinkState) => void told.push(link);
  const tell = (index: number, name: string) =>
    listener.onChange({ kind: 'link', removed: false, link: { index, name, up: true, mtu: 1500 } as Link });
  return { requests, monitor, onLink, times: () => asked, told, tell };
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

it('tells of one that is renamed that its name is gone', async () => {
  const quiet = kernel(0, '');
  const monitor = await LinkMonitor.open(quiet);
  quiet.tell(7, 'before');
  quiet.tell(7, 'after');
  expect(quiet.told.map(({ name, up, deleted }) => [name, up, deleted])).toEqual([
    ['before', true, false],
    ['before', false, true],
    ['after', true, false],
  ]);
  expect(monitor.link('before')).toBeUndefined();
  monitor.close();
});
