// Which keys of containerlab's schema mean what to the namespace runner: mirrored, tolerated with one warning, or refused.
// A key in none of these lists is a mistake of the file. Kept as tables so that the README's table can be checked by eye.

export const TOP_KEYS = ['name', 'prefix', 'mgmt', 'topology'];
/** Valid for containerlab, without meaning here. */
export const TOP_IGNORED = ['settings', 'debug'];
export const TOPOLOGY_KEYS = ['nodes', 'links', 'kinds', 'groups', 'defaults'];

export const NODE_MIRRORED = [
  'kind',
  'group',
  'image',
  'entrypoint',
  'cmd',
  'exec',
  'env',
  'labels',
  'sysctls',
  'binds',
  'hostname',
  'startup-delay',
];

/** Nothing is lost by not mirroring these. */
export const NODE_SILENT = ['image-pull-policy', 'privileged', 'cap-add', 'aliases', 'auto-remove', 'link-apply-mode'];

/** The lab runs, a little differently: one warning each; refused with `--strict`. */
export const NODE_WARNED: Readonly<Record<string, string>> = {
  user: 'commands run as the user of the runner',
  ports: 'no port is published on the host',
  dns: 'the resolver of the host is used',
  devices: 'all devices of the host are visible',
  memory: 'no limit is set',
  cpu: 'no limit is set',
  'cpu-set': 'no limit is set',
  'shm-size': 'the size of the host is used',
  'security-opts': 'no security profile is applied',
  healthcheck: 'health is not watched',
  'mgmt-ipv4': 'there is no management network',
  'mgmt-ipv6': 'there is no management network',
  runtime: 'there is no container runtime',
  'cgroupns-mode': 'no cgroup is made',
  'cgroup-parent': 'no cgroup is made',
  'pid-mode': 'each node has its own process ids',
};

export const NODE_REFUSED: Readonly<Record<string, string>> = {
  license: 'needs a vendor image',
  type: 'needs a vendor image',
  'startup-config': 'needs a vendor image',
  'enforce-startup-config': 'needs a vendor image',
  'suppress-startup-config': 'needs a vendor image',
  config: 'needs a vendor image',
  components: 'needs a vendor image',
  extras: 'needs a vendor image',
  credentials: 'needs a vendor image',
  certificate: 'no certificate is issued here: bind one',
  stages: 'nodes start together here: poll for readiness instead',
  volumes: 'there are no volumes here: use binds',
  tmpfs: 'there is no tmpfs here: /run and /tmp are empty already',
  'env-files': 'write the variables under env',
};

export const LINK_KEYS = ['type', 'endpoints', 'mtu', 'vars', 'labels'];
export const ENDPOINT_KEYS = ['node', 'interface', 'mac'];
