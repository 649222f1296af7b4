// Remembers short ASCII texts by their bytes: sites, names and classes repeat in every attribute set, and a text that is
// recognised is neither decoded nor stored twice. A fixed table; what it holds changes only how soon a text comes.
const SLOTS = 1024;
const MAX_LENGTH = 63;
const texts: string[] = new Array<string>(SLOTS).fill('');

/** FNV-1a. */
function slotOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return (hash ^ (hash >>> 15)) & (SLOTS - 1);
}

/** The text of these bytes if it was decoded lately. */
export function recentText(bytes: Uint8Array): string | undefined {
  const { length } = bytes;
  if (length === 0) return '';
  if (length > MAX_LENGTH) return undefined;
  const text = texts[slotOf(bytes)]!;
  if (text.length !== length) return undefined;
  // Only ASCII is remembered, so equal units are equal bytes.
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) !== bytes[i]) return undefined;
  return text;
}

export function rememberText(bytes: Uint8Array, text: string): void {
  if (bytes.length > MAX_LENGTH || text.length !== bytes.length) return;
  texts[slotOf(bytes)] = text;
}
