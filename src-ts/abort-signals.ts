// One listener on each AbortSignal, however many calls it may end: Node warns where there are more than ten.

/** The calls in flight that one signal ends. */
class AbortListener {
  readonly #aborts = new Set<() => void>();

  /** The signal aborts: its calls end in the order they began. */
  handleEvent(): void {
    for (const abort of this.#aborts) abort();
  }

  add(signal: AbortSignal, abort: () => void): void {
    if (this.#aborts.size === 0) signal.addEventListener('abort', this);
    this.#aborts.add(abort);
  }

  /** With its last call the listener goes: Node keeps a signal with a time-out alive while it has one. */
  delete(signal: AbortSignal, abort: () => void): void {
    this.#aborts.delete(abort);
    if (this.#aborts.size === 0) signal.removeEventListener('abort', this);
  }
}

const listeners = new WeakMap<AbortSignal, AbortListener>();

/**
 * The listener of a signal, which has it for as long as a call was added and not deleted again.
 * @internal
 */
export function abortListener(signal: AbortSignal): AbortListener {
  let listener = listeners.get(signal);
  if (listener === undefined) {
    listener = new AbortListener();
    listeners.set(signal, listener);
  }
  return listener;
}
