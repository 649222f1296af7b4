// The messages of many routes. Neighbours in a change mostly go to one table and one place, or to nexthop objects: the
// second of such makes a template, from which it and all that follow are copied.
import type { FibRoute, RouteTarget } from '../../lib/fib/fib.ts';
import { encodeRoute } from '../../lib/netlink/rt/route.ts';
import { RouteTemplate } from '../../lib/netlink/rt/route-template.ts';
import type { Writer } from '../../lib/netlink/writer.ts';
import { type KernelContext, routeRemoval, routeSpec } from './kernel-codec.ts';

export class RouteMessages {
  readonly #context: KernelContext;
  #template: RouteTemplate | undefined;
  /** What the last message was, and the template is. */
  #verb: 'install' | 'replace' | 'remove' | undefined;
  #table = 0;
  #target: RouteTarget | undefined;

  constructor(context: KernelContext) {
    this.#context = context;
  }

  /** Begins a batch: devices may have changed since the last one, so only what names none is kept. */
  reset(): void {
    if (this.#verb === 'remove' || (this.#target && 'id' in this.#target)) return;
    this.#verb = undefined;
    this.#template = undefined;
  }

  /** What writes all of a batch that go where this route goes, or to another nexthop object; throws as the encoder does. */
  templateFor(route: FibRoute, verb: 'install' | 'replace', shape: number): RouteTemplate {
    const { table, target } = route;
    if (verb !== this.#verb || table !== this.#table || !isAlike(target, this.#target))
      this.#begin(verb, table, target);
    if (!this.#template?.fits(shape)) this.#template = new RouteTemplate(verb, routeSpec(this.#context, route), shape);
    return this.#template;
  }

  /** As `writePut`; the prefix's words begin at `at`. */
  put(writer: Writer, route: FibRoute, fresh: boolean, words: Uint32Array, at: number, shape: number): void {
    const verb = fresh ? 'install' : 'replace';
    const { table, target } = route;
    if (verb !== this.#verb || table !== this.#table || !isAlike(target, this.#target)) {
      this.#begin(verb, table, target);
      encodeRoute(writer, verb, routeSpec(this.#context, route));
      return;
    }
    if (!this.#template?.fits(shape)) this.#template = new RouteTemplate(verb, routeSpec(this.#context, route), shape);
    if ('id' in target) this.#template.named(target.id);
    this.#template.write(writer, words, at, shape);
  }

  /** As `writeRemoval`. */
  remove(writer: Writer, route: FibRoute, words: Uint32Array, at: number, shape: number): void {
    this.templateToRemove(route, shape).write(writer, words, at, shape);
  }

  /** What removes all routes of the table and family of this one. */
  templateToRemove(route: FibRoute, shape: number): RouteTemplate {
    if (this.#verb !== 'remove' || route.table !== this.#table) this.#begin('remove', route.table, undefined);
    if (!this.#template?.fits(shape))
      this.#template = new RouteTemplate('remove', routeRemoval(this.#context, route), shape);
    return this.#template;
  }

  #begin(verb: 'install' | 'replace' | 'remove', table: number, target: RouteTarget | undefined): void {
    this.#verb = verb;
    this.#table = table;
    this.#target = target;
    this.#template = undefined;
  }
}

/** One message serves both, but for the id. */
function isAlike(one: RouteTarget, other: RouteTarget | undefined): boolean {
  return one === other || ('id' in one && other !== undefined && 'id' in other);
}
