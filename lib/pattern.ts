// Names with wildcards: `edge-*` matches every name that begins so. No regular expressions: a peer's text never meets one.

/** True when `text` is `pattern`, in which `*` stands for any run of characters, also none. */
export function matchesPattern(pattern: string, text: string): boolean {
  const [head, ...parts] = pattern.split('*');
  if (parts.length === 0) return pattern === text;
  const tail = parts.pop()!;
  if (text.length < head!.length + tail.length || !text.startsWith(head!) || !text.endsWith(tail)) return false;
  let at = head!.length;
  const end = text.length - tail.length;
  for (const part of parts) {
    const found = text.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}
