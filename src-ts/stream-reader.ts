// Streams and iterables read piece by piece, so that a read that is waiting can be given up.

import { abortListener } from './abort-signals.js';

/** A web stream, as far as it is read: that of `node:stream/web`, of a browser's types or of a polyfill. */
export interface WebStream<T> {
  /** A reader of its pieces, which locks it. */
  getReader(): {
    read(): Promise<{ done: false; value: T } | { done: true; value?: T | undefined }>;
    cancel(reason?: unknown): Promise<unknown>;
  };
}

/** Reads pieces one after another. @internal */
export interface Reader<T> {
  next(): Promise<{ done?: boolean | undefined; value?: T | undefined }>;
  /** Reads no further, and lets the source free what it holds; even while `next` is waiting. */
  stop(): Promise<void>;
}

/** A reader of a web stream or an async iterable; `undefined` for what is neither. @internal */
export function readerOf<T>(source: unknown): Reader<T> | undefined {
  if (typeof source !== 'object' || source === null) return undefined;
  const { getReader, destroy } = source as { getReader?: unknown; destroy?: unknown };
  // The async iterator of a web stream, and that of a Node stream, end only after the read that is waiting.
  if (typeof getReader === 'function') {
    const reader = (source as WebStream<T>).getReader();
    return {
      next: async () => reader.read(),
      stop: async () => void (await reader.cancel()),
    };
  }
  const { [Symbol.asyncIterator]: begin } = source as Partial<AsyncIterable<T>>;
  if (typeof begin !== 'function') return undefined;
  const iterator = begin.call(source);
  return {
    next: async () => iterator.next(),
    stop: async () => {
      if (typeof destroy === 'function') destroy.call(source);
      else await iterator.return?.();
    },
  };
}

/** As {@link readerOf}, and of an iterable too. @internal */
export function readerOfAny<T>(source: unknown): Reader<T> | undefined {
  const reader = readerOf<T>(source);
  if (reader !== undefined || typeof source !== 'object' || source === null) return reader;
  const { [Symbol.iterator]: begin } = source as Partial<Iterable<T>>;
  if (typeof begin !== 'function') return undefined;
  const iterator = begin.call(source);
  return { next: async () => iterator.next(), stop: async () => void iterator.return?.() };
}

/** What `work` gives, or a rejection with the signal's reason as soon as it aborts; `work` then goes on unheard. @internal */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    const listener = abortListener(signal);
    listener.add(signal, abort);
    if (signal.aborted) abort();
    work.then(resolve, reject).finally(() => listener.delete(signal, abort));
  });
}
