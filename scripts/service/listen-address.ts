// `[::]:80`, `127.0.0.1:80`, `:80` as people write listen addresses.

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Throws an Error that names the text when it is not `host:port`; an empty host means all addresses. */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^[\]:]*)):(\d{1,5})$/i.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65_535) throw new Error(`not an address to listen on: ${JSON.stringify(text)} (as in [::]:80)`);
  return { host: match[1] ?? (match[2] || '::'), port };
}
