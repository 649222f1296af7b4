// Reads from the configuration file again what may change while sessions stay: policies, and what to hear of each peer.
import type { RouterConfig } from '../lib/config/config.ts';
import { formatConfigError, parseConfig } from '../lib/config/parse.ts';
import type { RouterEventBody } from '../lib/router/event.ts';
import { readConfigText } from './config-file.ts';

type PoliciesEvent = Extract<RouterEventBody, { type: 'policies' }>;

export type PoliciesRead =
  | { readonly ok: true; readonly config: RouterConfig; readonly event: PoliciesEvent }
  | { readonly ok: false; readonly text: string };

/** The file and the event to post, or why there is none: the first fault of the file, or that it cannot be read. */
export async function readPolicies(file: string): Promise<PoliciesRead> {
  let text: string;
  try {
    text = await readConfigText(file);
  } catch (error) {
    return { ok: false, text: (error as Error).message };
  }
  const parsed = parseConfig(text);
  if (!parsed.ok) return { ok: false, text: formatConfigError(file, parsed.errors[0]!) };
  const { policies, peers } = parsed.config;
  return { ok: true, config: parsed.config, event: { type: 'policies', policies, peers: peers.map(attachment) } };
}

function attachment({ name, importPolicy, exportPolicy, subscription }: PoliciesEvent['peers'][number]) {
  return { name, importPolicy, exportPolicy, subscription };
}
