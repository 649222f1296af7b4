import { expect, test } from 'vitest';
import { logCapabilities } from './log-capabilities.ts';

test('capabilities are one table, and a warning for what will be missed', () => {
  const lines: [string, object, string][] = [];
  const log = {
    info: (fields: object, text: string) => void lines.push(['info', fields, text]),
    warn: (fields: object, text: string) => void lines.push(['warn', fields, text]),
  };
  logCapabilities(log as never, [
    { name: 'affinity', available: false, remark: 'flows are not pinned' },
    { name: 'seg6local-end', available: true, remark: '' },
    { name: 'vrf', available: false, remark: 'one table for all' },
  ]);
  const table = [
    'CAPABILITY     AVAILABLE  REMARK',
    'affinity       no         flows are not pinned',
    'seg6local-end  yes        -',
    'vrf            no         one table for all',
  ];
  expect(lines).toEqual([
    ['info', { capabilities: table.join('\n') }, 'kernel capabilities'],
    ['warn', { capability: 'affinity', remark: 'flows are not pinned' }, 'capability missing'],
  ]);
});
