// The rtnetlink half of the forwarding plane: performs puts and removals in order, synchronously, and keeps the set of
// what is in force. Decides what counts as success; when to call it is kernel-fib.ts's concern.
import { sameObject } from '../../lib/fib/equality.ts';
import { type FibFailure, type FibKey, type FibObject, fibKey } from '../../lib/fib/fib.ts';
import { FibObjectSet } from '../../lib/fib/object-set.ts';
import { orderPuts, orderRemovals } from '../../lib/fib/order.ts';
import type { NetlinkError } from '../../lib/netlink/errors.ts';
import type { RequestSocket } from '../netlink/request-socket.ts';
import { encodePut, encodeRemoval, isNetlinkObject, type KernelContext, type NetlinkObject } from './kernel-codec.ts';

/** A route through a link that is down or has lost its address: worth another try when the link comes back. */
const LINK_TROUBLE = new Set(['ENODEV', 'ENETDOWN', 'EHOSTUNREACH', 'ENETUNREACH']);
/** What is to be removed is not there: somebody, or a link that went down, was faster. */
const GONE = new Set(['ESRCH', 'ENOENT', 'ENODEV', 'EADDRNOTAVAIL']);

const NONE: ReadonlySet<FibKey> = new Set();

export class KernelProgrammer {
  /** What is in force, as far as this process knows; what nftables holds included. */
  readonly held = new FibObjectSet();
  readonly #requests: RequestSocket;
  readonly #context: KernelContext;
  /** Routes that wait for their link; a subset of what was asked for, disjoint from `held`'s equal objects. */
  readonly #waiting = new Map<FibKey, NetlinkObject>();

  constructor(requests: RequestSocket, context: KernelContext) {
    this.#requests = requests;
    this.#context = context;
  }

  /** Puts objects; a failure leaves the key as it was. `lost`: held, but no longer in the kernel. */
  put(objects: readonly NetlinkObject[], lost: ReadonlySet<FibKey> = NONE): FibFailure[] {
    const failures: FibFailure[] = [];
    // One batch a kind: a batch retries what ran out of memory last, after what may depend on it.
    for (const group of byKind(orderPuts(objects) as NetlinkObject[])) failures.push(...this.#putAlike(group, lost));
    return failures;
  }

  /** Removes what netlink holds; unknown keys are done already. */
  remove(keys: readonly FibKey[]): { failures: FibFailure[]; removed: number } {
    const failures: FibFailure[] = [];
    let removed = 0;
    const known: NetlinkObject[] = [];
    for (const key of orderRemovals(keys)) {
      this.#waiting.delete(key);
      const object = this.held.get(key);
      if (object && isNetlinkObject(object)) known.push(object);
    }
    for (const group of byKind(known)) {
      const allowed: NetlinkObject[] = [];
      for (const object of group) {
        // The kernel would take the routes of a nexthop with it, without a word.
        const refusal = this.held.removalRefusal(fibKey(object));
        if (refusal) failures.push(refusal);
        else allowed.push(object);
      }
      const outcomes = this.#requests.batch(allowed.map((object) => encodeRemoval(this.#context, object)));
      for (const [i, object] of allowed.entries()) {
        const error = outcomes[i];
        if (error && !GONE.has(error.code)) {
          failures.push(failure(object, error));
          continue;
        }
        this.held.remove(fibKey(object));
        removed++;
      }
    }
    return { failures, removed };
  }

  /** Puts again what uses `device`: while the link was down the kernel dropped it, or would not take it. */
  restore(device: string): FibFailure[] {
    const lost: NetlinkObject[] = [...this.#waiting.values()].filter((object) => uses(object, device));
    for (const object of this.held.values())
      if (isNetlinkObject(object) && uses(object, device) && !this.#waiting.has(fibKey(object))) lost.push(object);
    return this.put(lost);
  }

  /** True while the object waits for its link. */
  isWaiting(key: FibKey): boolean {
    return this.#waiting.has(key);
  }

  #putAlike(objects: readonly NetlinkObject[], lost: ReadonlySet<FibKey>): FibFailure[] {
    const failures: FibFailure[] = [];
    const sent: { object: NetlinkObject; old: FibObject | undefined }[] = [];
    for (const object of objects) {
      this.#waiting.delete(fibKey(object));
      const refusal = this.held.refusal(object);
      if (refusal) failures.push(refusal);
      else sent.push({ object, old: this.held.get(fibKey(object)) });
    }
    const messages = sent.map(({ object, old }) =>
      encodePut(this.#context, object, old === undefined || lost.has(fibKey(object))),
    );
    const outcomes = messages.length === 1 ? [this.#requests.request(messages[0]!)] : this.#requests.batch(messages);
    const superseded: NetlinkObject[] = [];
    for (const [i, { object, old }] of sent.entries()) {
      const error = outcomes[i];
      // A rule that is there already: rules have no replace.
      if (error && !(error.code === 'EEXIST' && object.kind === 'rule' && old && sameObject(old, object))) {
        failures.push(failure(object, error));
        if (LINK_TROUBLE.has(error.code) && dependsOnLink(object)) this.#waiting.set(fibKey(object), object);
        continue;
      }
      this.held.put(object);
      if (object.kind === 'rule' && old?.kind === 'rule' && !sameObject(old, object)) superseded.push(old);
    }
    // The new rule is in force before the old one of the same priority goes.
    if (superseded.length > 0) this.#requests.batch(superseded.map((object) => encodeRemoval(this.#context, object)));
    return failures;
  }
}

function failure(object: NetlinkObject, error: NetlinkError): FibFailure {
  return { key: fibKey(object), code: error.code, text: failureText(object, error) };
}

/** The kernel answers most of these with a bare EINVAL. */
function failureText(object: NetlinkObject, { code, text }: NetlinkError): string {
  if (code === 'EEXIST') return 'somebody else holds this key in the kernel, and it is left alone';
  if (object.kind !== 'local-sid' || !('vrfTable' in object.behaviour)) return text;
  const { action, vrfTable } = object.behaviour;
  return `${action} needs a kernel with VRF, a VRF device for table ${vrfTable} and net.vrf.strict_mode=1 (${text})`;
}

function byKind(ordered: readonly NetlinkObject[]): NetlinkObject[][] {
  const groups: NetlinkObject[][] = [];
  for (const object of ordered) {
    const last = groups.at(-1);
    if (last?.[0]?.kind === object.kind) last.push(object);
    else groups.push([object]);
  }
  return groups;
}

function uses(object: NetlinkObject, device: string): boolean {
  if (object.kind === 'route')
    return object.target.kind === 'gateways' && object.target.hops.some((hop) => hop.device === device);
  return object.kind === 'local-sid' && object.behaviour.action === 'End.X' && object.behaviour.device === device;
}

function dependsOnLink(object: NetlinkObject): boolean {
  return (object.kind === 'route' && object.target.kind === 'gateways') || object.kind === 'local-sid';
}
