// What the operator says to one session. A reset is a stop and a start; what the peer then does with our routes is in the
// subcode (RFC 4486, RFC 8538), and why in the text (RFC 9003).
import { CEASE_SUBCODE } from '../session/message.ts';
import type { PeerCommand } from './event.ts';
import { requestRefresh } from './refresh.ts';
import { peerStep } from './sessions.ts';
import type { Peer, RouterState } from './state.ts';
import { log } from './turn.ts';

const SUBCODE: Readonly<Record<'reset' | 'hard-reset' | 'shutdown', number>> = {
  reset: CEASE_SUBCODE.administrativeReset,
  'hard-reset': CEASE_SUBCODE.hardReset,
  shutdown: CEASE_SUBCODE.administrativeShutdown,
};

export function peerCommand(state: RouterState, peer: Peer, command: PeerCommand, text: string): void {
  log(state, 'info', 'command to a session', { peer: peer.config.name, command, text });
  switch (command) {
    case 'start':
      return peerStep(state, peer, { type: 'start' });
    case 'refresh':
      for (const family of peer.session?.negotiated.families ?? []) requestRefresh(state, peer, family);
      return;
    case 'shutdown':
    case 'reset':
    case 'hard-reset':
      peerStep(state, peer, { type: 'stop', subcode: SUBCODE[command], text });
      if (command !== 'shutdown') peerStep(state, peer, { type: 'start' });
      return;
    default:
      command satisfies never;
  }
}
