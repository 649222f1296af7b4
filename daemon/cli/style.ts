// Colours, on a terminal only: the words carry the meaning, colour only helps the eye.

export type Tone = 'good' | 'bad' | 'warn' | 'dim' | 'head';
/** Paints text; leaves it as it is where colours are off. */
export type Paint = (tone: Tone | undefined, text: string) => string;

const CODES: Readonly<Record<Tone, string>> = { good: '32', bad: '31', warn: '33', dim: '2', head: '1' };

export function createPaint(enabled: boolean): Paint {
  return (tone, text) => (enabled && tone !== undefined ? `\x1b[${CODES[tone]}m${text}\x1b[0m` : text);
}

/** True on a terminal that wants colour (https://no-color.org). */
export function wantsColour(isTerminal: boolean, environment: Readonly<Record<string, string | undefined>>): boolean {
  return isTerminal && !environment.NO_COLOR && environment.TERM !== 'dumb';
}
