// Which pools a piece of JavaScript runs for, and in whose asynchronous context a host function runs.

import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';

/** A call or checkout of a pool that waits for the code that runs. @internal */
export interface Waiting {
  readonly pool: object;
  /** It waits no more; what was begun meanwhile may go on for ever. */
  over: boolean;
}

/** What waits for the code that runs, the innermost last. Made when first needed: it slows promises. */
let chain: AsyncLocalStorage<readonly Waiting[]> | undefined;

/** Runs code that a call or checkout waits for. @internal */
export function within<T>(waiting: Waiting, run: () => T): T {
  chain ??= new AsyncLocalStorage();
  const outer = chain.getStore()?.filter(({ over }) => !over) ?? [];
  return chain.run([...outer, waiting], run);
}

/** Whether a call or checkout of the pool waits for the code that runs. @internal */
export function isWithin(pool: object): boolean {
  return chain?.getStore()?.some((waiting) => waiting.pool === pool && !waiting.over) ?? false;
}

/** A call whose guest may call host functions. */
class HostedCall extends AsyncResource {
  /** Keeps the owner of the host functions: an `await` alone does not keep `this`. */
  readonly owner: object;
  readonly waiting: Waiting;

  constructor(owner: object, pool: object) {
    super('RiptideCall', { requireManualDestroy: true });
    this.owner = owner;
    this.waiting = { pool, over: false };
  }
}

/** Calls in flight by their tickets. */
const hosted = new Map<number, HostedCall>();
let lastTicket = 0;

/** A number for a call, that it can be told apart by. @internal */
export function nextTicket(): number {
  lastTicket += 1;
  return lastTicket;
}

/** Stands for a pool's own making of instances, which no call waits for, until it is forgotten. @internal */
export function hostWarmUps(ticket: number, pool: object): void {
  hosted.set(ticket, new HostedCall(pool, pool));
}

/** @internal */
export function forgetWarmUps(ticket: number): void {
  hosted.get(ticket)?.emitDestroy();
  hosted.delete(ticket);
}

/** Runs `ended` as a call of `owner` in `pool`, whose host functions see the context of this moment. @internal */
export async function hosting<T>(ticket: number, owner: object, pool: object, ended: () => Promise<T>): Promise<T> {
  const call = new HostedCall(owner, pool);
  hosted.set(ticket, call);
  try {
    return await ended();
  } finally {
    call.waiting.over = true;
    hosted.delete(ticket);
    call.emitDestroy();
  }
}

/** Runs a host function for the call of a ticket. @internal */
export function inContextOf<T>(ticket: number, run: () => T): T {
  const call = hosted.get(ticket);
  if (call === undefined) return run();
  return call.runInAsyncScope(() => within(call.waiting, run));
}
