// What classes and steered services say about each other: names that exist, score tables that fall, octets that are
// whole, and match conditions that packets to the service can meet.
import { addressFamily } from '../net/address.ts';
import { type Check, unique, unknownName } from './finding.ts';
import { resolveService } from './service-name.ts';

export const checkClasses: Check = ({ classes }, error) => {
  if (classes === undefined) return;
  unique(
    classes,
    (entry) => entry.name,
    (i) => ['classes', i, 'name'],
    'class',
    error,
  );
  for (const [i, entry] of classes.entries()) {
    const table = entry['score-table'];
    // Scores rise with quality, times fall.
    const rising = table.findIndex((us, score) => score > 0 && us > table[score - 1]!);
    if (rising > 0)
      error(['classes', i, 'score-table', rising], `score ${rising} must not take longer than score ${rising - 1}`);
    const egresses = new Set<string>();
    for (const [j, hops] of entry.paths.entries()) {
      const nodes = hops.map(({ node }) => node);
      const again = nodes.findIndex((node, at) => nodes.indexOf(node) < at);
      if (again >= 0) error(['classes', i, 'paths', j, again, 'node'], `passes ${nodes[again]} twice`);
      const egress = nodes.at(-1)!;
      if (egresses.has(egress)) error(['classes', i, 'paths', j], `is a second path to ${egress}`);
      egresses.add(egress);
    }
    for (const family of ['ipv4', 'ipv6'] as const)
      if (entry['client-prefix'][family] % 8 !== 0)
        error(['classes', i, 'client-prefix', family], 'must be whole octets: a multiple of 8');
  }
};

export const checkClassifier: Check = ({ steering, classes, services }, error, _warn, isComplete) => {
  if (steering === undefined) return;
  const names = ['default', ...(classes ?? []).map((one) => one.name)];
  for (const [i, entry] of steering.services.entries()) {
    const address = services && resolveService(entry.service, services);
    for (const [j, rule] of entry.classify.entries()) {
      const path = ['steering', 'services', i, 'classify', j];
      if (classes !== undefined && isComplete('classes') && !names.includes(rule.class))
        error([...path, 'class'], unknownName('class', rule.class, names));
      if (address === undefined) continue;
      const { source, 'flow-label': flowLabel } = rule.match;
      const family = addressFamily(address);
      if (source !== undefined && source.includes(':') !== (family === 'ipv6'))
        error([...path, 'match', 'source'], `is of another address family than ${address}`);
      if (flowLabel !== undefined && family === 'ipv4')
        error([...path, 'match', 'flow-label'], 'IPv4 has no flow label');
    }
  }
};
