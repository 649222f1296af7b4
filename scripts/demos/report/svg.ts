// The few things every drawing of the report needs: elements as text, escaped, numbers short; and the colours.

export type Attributes = Readonly<Record<string, string | number>>;

export function element(name: string, attributes: Attributes, ...children: readonly string[]): string {
  const text = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${typeof value === 'number' ? short(value) : escapeText(value)}"`)
    .join('');
  return children.length === 0 ? `<${name}${text}/>` : `<${name}${text}>${children.join('')}</${name}>`;
}

/** Text content, escaped. */
export function label(text: string, attributes: Attributes): string {
  return element('text', attributes, escapeText(text));
}

export function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

/** A tenth of a pixel is enough. */
export function short(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** Told apart also without colour vision (Okabe and Ito), and on a projector. */
const INSTANCE_COLOURS = ['#2f6db5', '#e8a02f', '#2c9c78', '#9a5fb8', '#c96a4a', '#5c6b7a'];

export const INK = {
  text: '#1c2733',
  soft: '#5f6f80',
  faint: '#c9d2dc',
  band: '#f3f6f9',
  bad: '#cf3434',
  line: '#33424f',
};

export function colourOf(instances: readonly string[], name: string): string {
  return INSTANCE_COLOURS[Math.max(0, instances.indexOf(name)) % INSTANCE_COLOURS.length]!;
}
