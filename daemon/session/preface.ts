// What the first bytes of an inbound TCP connection are: HTTP/2's connection preface (RFC 9113 3.4), or something that an
// operator recognises when the log names it. Pure.

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
const TLS_HANDSHAKE = 0x16;
const BGP_MARKER = 0xff;

/** The first bytes where mutual TLS is asked for; `'tls'`: the beginning of a handshake. */
export function classifyHello(bytes: Uint8Array): 'more' | 'tls' | { readonly instead: string } {
  if (bytes[0] === TLS_HANDSHAKE) {
    if (bytes.length < 2) return 'more';
    if (bytes[1] === 3) return 'tls';
  }
  const plain = classifyPreface(bytes);
  if (plain === 'more') return 'more';
  return plain === 'http2' ? { instead: 'plaintext, but this side is configured for mutual TLS' } : plain;
}

/** `'more'`: matches so far; `'http2'`: complete; otherwise what it is instead. */
export function classifyPreface(bytes: Uint8Array): 'more' | 'http2' | { readonly instead: string } {
  const length = Math.min(bytes.length, PREFACE.length);
  if (PREFACE.subarray(0, length).equals(bytes.subarray(0, length)))
    return length === PREFACE.length ? 'http2' : 'more';
  if (bytes[0] === TLS_HANDSHAKE && (bytes.length < 2 || bytes[1] === 3)) {
    return { instead: 'TLS, but this side is configured for plaintext' };
  }
  const text = Buffer.from(bytes.subarray(0, 8)).toString('latin1');
  if (/^(GET|POST|PUT|HEAD|OPTIONS|CONNECT|DELETE) /.test(text)) return { instead: 'HTTP/1' };
  if (text.startsWith('SSH-')) return { instead: 'SSH' };
  if (bytes[0] === BGP_MARKER && bytes.subarray(0, 8).every((byte) => byte === BGP_MARKER)) return { instead: 'BGP' };
  return { instead: 'neither HTTP/2 nor anything known' };
}
