// How the events of a pool find their way to its object, without keeping it.

import { registry } from './registry.js';

/** What to do with an event: `kind` and `detail` as the addon names them. @internal */
export type Tell<T extends object> = (owner: T, kind: string, detail: string) => void;

/** A number to tell events under. @internal */
export function nextId(): number {
  return registry.listeners.next();
}

/** Tells `owner` the events of this number, as long as it lives. @internal */
export function listen<T extends object>(id: number, owner: T, tell: Tell<T>): void {
  const held = new WeakRef(owner);
  registry.listeners.set(id, (kind, detail) => {
    const alive = held.deref();
    if (alive !== undefined) tell(alive, kind, detail);
  });
}

/** @internal */
export function forget(id: number): void {
  registry.listeners.delete(id);
}

/** @internal */
export function tell(id: number, kind: string, detail: string): void {
  registry.listeners.get(id)?.(kind, detail);
}
