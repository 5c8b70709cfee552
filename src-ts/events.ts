// Passes the addon's pool events to the pool's object, without keeping that object alive.

import { registry } from './registry.js';

/** The bits that `listen` of the addon takes, by the events of a pool. @internal */
export const EVENT_BITS: Readonly<Record<string, number>> = {
  growthDenied: 1,
  instanceCreated: 2,
  instanceDestroyed: 4,
  breaker: 8,
};

/** Handles an event: `kind` and `detail` as the addon names them. @internal */
export type Dispatch<T extends object> = (owner: T, kind: string, detail: string) => void;

/** A new number for a pool's events. @internal */
export function nextId(): number {
  return registry.listeners.next();
}

/** Calls `dispatch` with each event of this number until `owner` is collected. @internal */
export function listen<T extends object>(id: number, owner: T, dispatch: Dispatch<T>): void {
  const held = new WeakRef(owner);
  registry.listeners.set(id, (kind, detail) => {
    const alive = held.deref();
    if (alive !== undefined) dispatch(alive, kind, detail);
  });
}

/** @internal */
export function forget(id: number): void {
  registry.listeners.delete(id);
}

/** @internal */
export function dispatch(id: number, kind: string, detail: string): void {
  registry.listeners.get(id)?.(kind, detail);
}
