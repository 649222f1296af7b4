// The border of the domain as this router draws it: its links are inside, every other interface is outside, and SIDs are
// where the domain's locators say.
import type { Border } from '../fib/fib.ts';
import { formatPrefix, parsePrefix } from '../net/address.ts';
import { holdersOf, outermost } from '../net/prefix-order.ts';
import { want } from './fib-plan.ts';
import type { RouterState } from './state.ts';

/** A block of fewer bits is not believed: it would take half the address space for SIDs. */
const MIN_BLOCK_BITS = 16;

/** Wants the border that the link state of now asks for, if locators or prefixes changed since the last time. */
export function planBorder(state: RouterState): void {
  const { config } = state;
  if (!state.addressesChanged || config.border === undefined || !config.roles.includes('forwarder')) return;
  state.addressesChanged = false;
  const inside = [...new Set([...config.links.map((link) => link.name), ...config.border.inside])];
  const border: Border = { kind: 'border', inside, sidSpace: sidSpace(state) };
  want(state, 'border', [border], state.fib.cause);
}

/**
 * The locators' blocks, each once. A block that also holds addresses that are no SIDs (attached prefixes, services) gives
 * way to its locators: traffic to those must pass.
 */
function sidSpace(state: RouterState): string[] {
  const { config, lsdb } = state;
  const nodes = [...lsdb.nodes.values()];
  const own = { prefix: config.srv6.locator, structure: config.srv6.structure };
  const others = [
    ...config.prefixes,
    ...nodes.flatMap((node) => node.prefixes),
    ...state.classes.keys(),
    ...config.instances.map((instance) => instance.service),
  ]
    .filter((text) => text.includes(':'))
    .map((text) => parsePrefix(text.includes('/') ? text : `${text}/128`).address);
  const holds = holdersOf(others);
  const holdsOthers = (text: string) => holds(parsePrefix(text));
  const chosen = new Set<string>();
  const further = config.srv6.locators.map(({ prefix, block }) => ({ prefix, structure: { block } }));
  for (const { prefix, structure } of [own, ...further, ...nodes.flatMap((node) => node.locators)]) {
    const locator = parsePrefix(prefix);
    const bits = Math.min(structure.block, locator.length);
    const block = formatPrefix(parsePrefix(`${locator.address}/${bits}`));
    const isBlock = bits >= MIN_BLOCK_BITS && !holdsOthers(block);
    // A peer's locator around somebody's prefix would cut that off.
    if (!isBlock && prefix !== own.prefix && holdsOthers(prefix)) continue;
    chosen.add(isBlock ? block : prefix);
  }
  return outermost(chosen);
}
