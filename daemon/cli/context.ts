// What every command of cfnctl has at hand: the world as far as it is touched, the options of all commands, and a way to
// ask the daemon once.
import { Argument, type Command } from 'commander';
import type { AdminClient } from '../admin/client.ts';
import { createPaint, type Paint, wantsColour } from './style.ts';

export const EXIT = {
  ok: 0,
  /** The daemon said no, does not know the name, or nothing is eligible. */
  negative: 1,
  usage: 2,
  /** No daemon, or none that answers. */
  unreachable: 3,
} as const;

/** What the CLI touches of the world. */
export interface CliIo {
  out(text: string): void;
  error(text: string): void;
  readonly isTerminal: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Wall clock, ms since 1970. */
  nowMs(): number;
}

export interface Globals {
  readonly socket: string;
  readonly address?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly ca?: string;
  readonly serverName?: string;
  readonly json?: true;
}

/** Where the daemon is: on a socket of this machine, or at an address. */
export function targetOf({ socket, address, cert = '', key = '', ca = '', serverName = '' }: Globals) {
  return address === undefined ? socket : { address, certificate: cert, key, authorities: ca, serverName };
}

export interface Context {
  readonly io: CliIo;
  readonly paint: Paint;
  globals(): Globals;
  /** Sets the exit code; the command goes on. */
  exit(code: number): void;
  /** Connects, asks, prints, hangs up. */
  ask<Reply>(
    request: (client: AdminClient) => Promise<Reply>,
    text: (reply: Reply, render: typeof import('./text.ts')) => string,
  ): Promise<Reply>;
}

export function createContext(program: Command, io: CliIo, exit: (code: number) => void): Context {
  const globals = (): Globals => program.opts<Globals>();
  return {
    io,
    exit,
    globals,
    paint: createPaint(wantsColour(io.isTerminal, io.environment)),
    async ask(request, text) {
      const { json } = globals();
      const { connectAdmin } = await import('../admin/client.ts');
      const client = await connectAdmin(targetOf(globals()));
      try {
        const reply = await request(client);
        io.out(json ? `${JSON.stringify(reply, null, 2)}\n` : text(reply, await import('./text.ts')));
        return reply;
      } finally {
        client.close();
      }
    },
  };
}

export const serviceArgument = () => new Argument('[service]', 'name or address: only rows of this service');
