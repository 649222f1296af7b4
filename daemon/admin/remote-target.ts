// A daemon to be asked over the network: its address, who we are, and whom we take for it.
import { readFileSync } from 'node:fs';
import { type ChannelCredentials, credentials } from '@grpc/grpc-js';
import { matchesPattern } from '../../lib/pattern.ts';
import { certificateNames } from '../session/handshake.ts';

export interface RemoteTarget {
  /** `host:port`, IPv6 in brackets. */
  readonly address: string;
  /** PEM files. */
  readonly certificate: string;
  readonly key: string;
  readonly authorities: string;
  /** What the daemon's certificate must say: its URI or DNS name, `*` stands for anything. */
  readonly serverName: string;
}

/** Throws with the file's name when one cannot be read. */
export function channelCredentials({ certificate, key, authorities, serverName }: RemoteTarget): ChannelCredentials {
  const [cert, secret, ca] = [certificate, key, authorities].map((file) => readFileSync(file));
  return credentials.createSsl(ca!, secret!, cert!, {
    checkServerIdentity(_, { raw }) {
      const names = certificateNames(raw);
      if (names.some((name) => matchesPattern(serverName, name))) return undefined;
      return new Error(`its certificate is for ${names.join(' ') || 'nobody'}, not for ${serverName}`);
    },
  });
}
