// Datagrams that this host's kernel dropped because a process did not read them in time: a loss that is the measurer's
// own and not the network's.
import { readFileSync } from 'node:fs';

/** Sum over the UDP sockets of this network namespace on a local port; 0 where /proc does not tell. */
export function udpDrops(port: number): number {
  return ['/proc/net/udp', '/proc/net/udp6'].reduce((sum, file) => sum + dropsIn(read(file), port), 0);
}

/** Reads the table of `/proc/net/udp`: `sl local_address rem_address ... drops`, addresses as `hex:hexport`. */
export function dropsIn(table: string, port: number): number {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1]?.endsWith(suffix))
    .reduce((sum, fields) => sum + Number(fields.at(-1)), 0);
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
