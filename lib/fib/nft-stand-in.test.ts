import { expect, it } from 'vitest';
import { borderTable } from './border-table.ts';
import { renderStandInRemoval, renderWithStandIn } from './nft-stand-in.ts';

const MAKE = [
  'add table ip6 t',
  'delete table ip6 t',
  'add table ip6 t',
  'add chain ip6 t within',
  'add chain ip6 t hooked { type filter hook prerouting priority raw; policy accept; }',
  'add rule ip6 t hooked jump within',
];

it('has a twin at work before the table leaves its hooks, and waits wherever packets may still be inside', () => {
  expect(renderWithStandIn('ip6 t', MAKE)).toEqual([
    { commands: MAKE.map((command) => command.replace('ip6 t', 'ip6 t_stand_in')), leavesPackets: false },
    {
      commands: ['add table ip6 t', 'add chain ip6 t hooked', 'flush chain ip6 t hooked', 'delete chain ip6 t hooked'],
      leavesPackets: true,
    },
    { commands: MAKE, leavesPackets: false },
    {
      commands: [
        'add table ip6 t_stand_in',
        'add chain ip6 t_stand_in hooked',
        'flush chain ip6 t_stand_in hooked',
        'delete chain ip6 t_stand_in hooked',
      ],
      leavesPackets: true,
    },
    { commands: ['delete table ip6 t_stand_in'], leavesPackets: false },
  ]);
});

it('leaves no command of a real table to the wrong one', () => {
  const make = borderTable.render(undefined, { kind: 'border', inside: ['eth0'], sidSpace: ['5f00::/16'] });
  const [twin] = renderWithStandIn('ip6 cfnd_border', make);
  expect(twin!.commands).toHaveLength(make.length);
  for (const command of twin!.commands) expect(command).toMatch(/ ip6 cfnd_border_stand_in( |$)/);
});

it('removes what an interrupted change left', () => {
  expect(renderStandInRemoval('ip6 t')).toEqual(['add table ip6 t_stand_in', 'delete table ip6 t_stand_in']);
});
