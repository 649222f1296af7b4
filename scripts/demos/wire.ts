// Looks at the wire: tcpdump in the core routers, on what comes in toward the SRv6 block. Runs only for the moment that a
// list takes to be seen, because the machine that is watched also carries the load.
import type { ChildProcess } from 'node:child_process';
import type { Engine, LabRef } from '../labs/engine.ts';
import { PcapReader } from './pcap.ts';
import { type ListTally, tallyPacket } from './segment-lists.ts';

/** Outer IPv6 header, SRH of up to seven segments, inner header. */
const SNAP_BYTES = 240;

export interface WireOptions {
  readonly engine: Engine;
  readonly ref: LabRef;
  /** Routers in which to capture. */
  readonly nodes: readonly string[];
  /** SRv6 block of the domain, and the anycast address whose packets count. */
  readonly block: string;
  readonly service: string;
}

export class WireCapture {
  readonly tally: ListTally = new Map();
  readonly #children: readonly ChildProcess[];
  /** Why a capture ended early; undefined: it runs. */
  fault: string | undefined;

  constructor({ engine, ref, nodes, block, service }: WireOptions) {
    const filter = `ip6 and dst net ${block}`;
    const argv = ['tcpdump', '-i', 'any', '-y', 'LINUX_SLL2', '-Q', 'in', '-s', String(SNAP_BYTES), '-Z', 'root'];
    this.#children = nodes.map((node) => {
      const child = engine.spawn(ref, node, [...argv, '-n', '-U', '--immediate-mode', '-w', '-', filter]);
      const reader = new PcapReader();
      let errors = '';
      child.stdout?.on('data', (chunk: Buffer) => {
        try {
          for (const packet of reader.read(chunk)) tallyPacket(this.tally, service, packet.bytes);
        } catch (error) {
          this.fault ??= `${node}: ${error instanceof Error ? error.message : error}`;
        }
      });
      child.stderr?.on('data', (chunk: Buffer) => {
        errors = (errors + chunk.toString()).slice(-400);
      });
      child.once('error', (error) => {
        this.fault ??= `${node}: ${error.message}`;
      });
      child.once('exit', (code) => {
        if (code !== 0 && code !== null) this.fault ??= `${node}: tcpdump: ${errors.trim().split('\n').at(-1)}`;
      });
      return child;
    });
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
        const ended = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGTERM');
        await ended;
      }),
    );
  }
}
