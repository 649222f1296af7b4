// Looking into what nft prints as JSON: nothing in it is trusted to have a shape.

export type Json = Readonly<Record<string, unknown>>;

/** Undefined: no object. */
export function asObject(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}

/** Empty: no array. */
export function asArray(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The first `add @set {...}`, `update @set {...}` or `delete @set {...}` of a rule; a timeout of 0: none is said. */
export function setStatement(
  expressions: readonly unknown[],
  op: string,
): { set: string; timeoutMs: number } | undefined {
  for (const expression of expressions) {
    const statement = asObject(asObject(expression)?.set);
    if (!statement || statement.op !== op) continue;
    const seconds = asObject(asObject(statement.elem)?.elem)?.timeout;
    const timeoutMs = typeof seconds === 'number' ? seconds * 1000 : 0;
    return { set: String(statement.set).replace(/^@/, ''), timeoutMs };
  }
  return undefined;
}

/** The mark a rule sets, whether plain or under a mask; undefined when it sets none. */
export function markOf(expressions: readonly unknown[]): number | undefined {
  for (const expression of expressions) {
    const value = asObject(asObject(expression)?.mangle)?.value;
    if (typeof value === 'number') return value;
    const operands = asArray(asObject(value)?.['|'] ?? asObject(value)?.['^']);
    if (typeof operands[1] === 'number') return operands[1];
  }
  return undefined;
}

/** The chain that a rule goes to at its end. */
export function targetOf(rule: readonly unknown[]): string | undefined {
  const target = asObject(asObject(rule.at(-1))?.goto)?.target;
  return typeof target === 'string' ? target : undefined;
}
