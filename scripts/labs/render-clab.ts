// Renders the containerlab file of a topology: linux nodes and point-to-point links only, so that a laptop's containerlab
// and the namespace runner deploy the very same file. Decides what is containerlab's (processes, sysctls, addresses); what
// a daemon is told is render-config.ts's.
import { FORWARDING_SYSCTLS } from '../../lib/fib/sysctl-table.ts';
import { formatDelay, formatRate, PERFECT } from './impairment.ts';
import { linksOf, type Topology, type TopologyLink, type TopologyNode, type TopologyService } from './topology.ts';

/** Where routers of a lab with mutual TLS have their certificates. */
export const CERTIFICATES = '/etc/cfnd/tls';

const SCHEMA = 'https://raw.githubusercontent.com/srl-labs/containerlab/main/schemas/clab.schema.json';

/** Set for `all` and `default`: interfaces arrive later and inherit `default` only. */
const INTERFACE_SYSCTLS = { disable_ipv6: 0, accept_dad: 0 };

/** Containers cannot write /proc/sys, so everything the daemon wants set stands in the file. */
const ROUTER_SYSCTLS = [...FORWARDING_SYSCTLS, { name: 'net.ipv6.seg6_flowlabel', value: '1' }];

/** So that `exec in1 -- cfnctl …` finds the program. */
const PATH = '/opt/cfnd/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** With `certificates`, a folder beside the file, the lab `<name>-tls` whose routers find them in CERTIFICATES. */
export function renderClab(topology: Topology, certificates?: string): string {
  const service = topology.services[0];
  const lines = [
    `# yaml-language-server: $schema=${SCHEMA}`,
    `# ${topology.title}. Rendered from topologies/${topology.name}/topology.json by scripts/render: edit that file.`,
    `name: ${topology.name}${certificates === undefined ? '' : '-tls'}`,
    '',
    '# No node is in the management network, so containerlab need not make one (a bridge on the host).',
    'mgmt: { skip-when-unused: true }',
    '',
    'topology:',
    '  defaults:',
    '    kind: linux',
    '  kinds:',
    '    linux:',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: containerlab substitutes it
    '      image: ${CFND_IMAGE:=cfnd:latest}',
    '      image-pull-policy: Never',
    '      # A restarted container would lose its links.',
    '      restart-policy: "no"',
    '      network-mode: none',
    '      privileged: false',
    '      cap-add: [NET_ADMIN, NET_RAW, NET_BIND_SERVICE]',
    '      env:',
    `        PATH: ${PATH}`,
    '      sysctls:',
    ...interfaceSysctls(INTERFACE_SYSCTLS),
    '  groups:',
    '    client:',
    '      cmd: sleep infinity',
    '    router:',
    '      cmd: /opt/cfnd/bin/cfnd run --config /etc/cfnd/cfnd.yaml',
    '      binds:',
    '        - configs/__clabNodeName__.yaml:/etc/cfnd/cfnd.yaml:ro',
    ...(certificates === undefined ? [] : [`        - ${certificates}:${CERTIFICATES}:ro`]),
    '      sysctls:',
    ...ROUTER_SYSCTLS.map(({ name, value }) => `        ${name}: ${value}`),
    ...(service === undefined ? [] : ['    service-host:', `      cmd: ${JSON.stringify(serviceCommand(service))}`]),
    '',
    '  nodes:',
    ...topology.nodes.flatMap((node) => renderNode(topology, node)),
    '',
    '  # vars: one way. The runner applies them; containerlab does where the kernel has netem (scripts/lab impair).',
    '  links:',
    ...topology.links.flatMap(renderLink),
  ];
  return `${lines.join('\n')}\n`;
}

function renderNode(topology: Topology, node: TopologyNode): string[] {
  return [
    `    ${node.name}:`,
    `      group: ${node.kind}`,
    `      labels: { site: ${node.site}${node.kind === 'router' ? `, role: ${node.role}` : ''} }`,
    '      exec:',
    ...execOf(topology, node).map((line) => `        - ${line}`),
  ];
}

/** Addresses are static and unique, so no duplicate address detection delays them. */
function execOf(topology: Topology, node: TopologyNode): string[] {
  const links = linksOf(topology, node.name);
  const addresses = links.map(({ local }) => `ip -6 address add ${local.address} dev ${local.interface} nodad`);
  if (node.kind === 'router') return [`ip -6 address add ${node.loopback}/128 dev lo nodad`, ...addresses];
  const anycast = topology.services
    .filter((service) => service.instances.some((instance) => instance.host === node.name))
    .map((service) => `ip -6 address add ${service.id}/128 dev lo nodad`);
  const gateways = links
    .slice(0, 1)
    .map(({ local, remote }) => `ip -6 route add default via ${withoutLength(remote.address)} dev ${local.interface}`);
  return [...anycast, ...addresses, ...gateways];
}

function renderLink(link: TopologyLink): string[] {
  const ends = link.endpoints.map((end) => `"${end.node}:${end.interface}"`).join(', ');
  const vars = [
    link.delayUs === PERFECT.delayUs ? [] : [`delay: ${formatDelay(link.delayUs)}`],
    link.jitterUs === PERFECT.jitterUs ? [] : [`jitter: ${formatDelay(link.jitterUs)}`],
    link.lossPercent === PERFECT.lossPercent ? [] : [`loss: ${link.lossPercent}%`],
    link.rateBps === PERFECT.rateBps ? [] : [`rate: ${formatRate(link.rateBps)}`],
  ].flat();
  return [
    `    - endpoints: [${ends}]`,
    ...(link.mtu === undefined ? [] : [`      mtu: ${link.mtu}`]),
    ...(vars.length === 0 ? [] : [`      vars: { ${vars.join(', ')} }`]),
  ];
}

function interfaceSysctls(values: Readonly<Record<string, number>>): string[] {
  return Object.entries(values).flatMap(([key, value]) =>
    ['all', 'default'].map((scope) => `        net.ipv6.conf.${scope}.${key}: ${value}`),
  );
}

function withoutLength(address: string): string {
  return address.split('/')[0] ?? '';
}

function serviceCommand({ port, metricsPort, workers, workUs }: TopologyService): string {
  const listen = `--listen [::]:${port} --metrics-listen [::]:${metricsPort}`;
  return `/opt/cfnd/bin/cfn-service ${listen} --workers ${workers} --work-us ${workUs}`;
}
