// What a lab may have left on this machine: names, links, mounts and rules in the host's own namespaces. Compares before
// and after, so what was there already and what others do is not held against the lab. Removes nothing.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** One line for each thing of a kind that labs and their engines make. */
export function traces(): ReadonlySet<string> {
  const found = [
    ...netnsNames().map((name) => `network namespace ${name}`),
    ...readdirSync('/sys/class/net')
      .filter((name) => /^(clab|br-|docker|veth|cfn)/.test(name))
      .map((name) => `link ${name}`),
    ...readFileSync('/proc/self/mounts', 'utf8')
      .split('\n')
      .filter((line) => /cfn-lab|\.cache\/docker-|overlay2/.test(line))
      .map((line) => `mount ${line.split(' ')[1]}`),
    ...tables().map((table) => `nft ${table}`),
    ...forwarding(),
    ...processes().map((name) => `process ${name}`),
  ];
  return new Set(found);
}

/** What is there now and was not `before`. */
export function leftovers(before: ReadonlySet<string>): string[] {
  return [...traces()].filter((trace) => !before.has(trace));
}

function netnsNames(): string[] {
  return existsSync('/run/netns') ? readdirSync('/run/netns').filter((name) => name.startsWith('clab-')) : [];
}

function tables(): string[] {
  try {
    return execFileSync('nft', ['list', 'tables'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
      .split('\n')
      .filter((line) => line !== '');
  } catch {
    return []; // no nft, or no right to ask
  }
}

function forwarding(): string[] {
  const keys = ['net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding'];
  return keys.map((key) => `sysctl ${key} = ${readFileSync(`/proc/sys/${key}`, 'utf8').trim()}`);
}

/** Programs of labs, which find themselves at /opt/cfnd, and of their engines, by what stands on their command lines. */
function processes(): string[] {
  const names: string[] = [];
  for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
      if (/\.cache\/docker-|(^| )\/opt\/cfnd\/|containerd-shim|node-init\.sh|supervisor\.ts/.test(line))
        names.push(`${pid} ${line.slice(0, 100)}`);
    } catch {
      // ended meanwhile
    }
  }
  return names;
}
