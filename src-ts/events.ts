// How the events of a pool find their way to its object, without keeping it.

/** What to do with an event: `kind` and `detail` as the addon names them. @internal */
export type Tell<T extends object> = (owner: T, kind: string, detail: string) => void;

const listening = new Map<number, (kind: string, detail: string) => void>();
let lastId = 0;

/** A number to tell events under. @internal */
export function nextId(): number {
  lastId += 1;
  return lastId;
}

/** Tells `owner` the events of this number, as long as it lives. @internal */
export function listen<T extends object>(id: number, owner: T, tell: Tell<T>): void {
  const held = new WeakRef(owner);
  listening.set(id, (kind, detail) => {
    const alive = held.deref();
    if (alive !== undefined) tell(alive, kind, detail);
  });
}

/** @internal */
export function forget(id: number): void {
  listening.delete(id);
}

/** @internal */
export function tell(id: number, kind: string, detail: string): void {
  listening.get(id)?.(kind, detail);
}
