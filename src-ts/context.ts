// Which pool calls the running JavaScript belongs to, and the asynchronous context that host functions run in.

import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';

/** A call or checkout of a pool whose end depends on the running code. @internal */
export interface EnclosingCall {
  readonly pool: object;
  /** Set when the call settles. Code that it started, such as a timer, may outlive it. */
  ended: boolean;
}

/** The calls that the running code is part of, innermost last. Created on first use: it slows promises down. */
let enclosingCalls: AsyncLocalStorage<readonly EnclosingCall[]> | undefined;

/** Runs code as part of a call or checkout of a pool. @internal */
export function runInsidePool<T>(call: EnclosingCall, run: () => T): T {
  enclosingCalls ??= new AsyncLocalStorage();
  const outer = enclosingCalls.getStore()?.filter(({ ended }) => !ended) ?? [];
  return enclosingCalls.run([...outer, call], run);
}

/** Whether the running code is part of a call or checkout of the pool. @internal */
export function isInsidePool(pool: object): boolean {
  return enclosingCalls?.getStore()?.some((call) => call.pool === pool && !call.ended) ?? false;
}

/** A call whose guest may call host functions. */
class TrackedCall extends AsyncResource {
  /** Keeps the owner of the host functions alive: an `await` alone does not keep `this`. */
  readonly owner: object;
  readonly enclosing: EnclosingCall;

  constructor(owner: object, pool: object) {
    super('RiptideCall', { requireManualDestroy: true });
    this.owner = owner;
    this.enclosing = { pool, ended: false };
  }
}

/** Calls in flight, by the number (`context`) that the addon passes to their host functions. */
const trackedCalls = new Map<number, TrackedCall>();
let lastContext = 0;

/** A new number for a call: `abort` takes it, and the addon passes it to the call's host functions. @internal */
export function nextContext(): number {
  lastContext += 1;
  return lastContext;
}

/** Tracks the instances that a pool makes for no call (`min`) under one number, until `untrackWarmUps`. @internal */
export function trackWarmUps(context: number, pool: object): void {
  trackedCalls.set(context, new TrackedCall(pool, pool));
}

/** @internal */
export function untrackWarmUps(context: number): void {
  trackedCalls.get(context)?.emitDestroy();
  trackedCalls.delete(context);
}

/** Runs `begin` as a call of `owner` in `pool`: its host functions get the present asynchronous context. @internal */
export async function trackCall<T>(context: number, owner: object, pool: object, begin: () => Promise<T>): Promise<T> {
  const call = new TrackedCall(owner, pool);
  trackedCalls.set(context, call);
  try {
    return await begin();
  } finally {
    call.enclosing.ended = true;
    trackedCalls.delete(context);
    call.emitDestroy();
  }
}

/** Runs a host function in the asynchronous context of its call. @internal */
export function runInCallContext<T>(context: number, run: () => T): T {
  const call = trackedCalls.get(context);
  if (call === undefined) return run();
  return call.runInAsyncScope(() => runInsidePool(call.enclosing, run));
}
