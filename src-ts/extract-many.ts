import { abortListener } from './abort-signals.js';
import { describe, makeError } from './errors.js';
import type { Extracted, ExtractionMode, Extractor } from './extractor.js';
import type { Html, PageOptions } from './html.js';
import { abortSignal, anything, checkOptions, isRecord, MAX_INSTANCES, millis, whole } from './options.js';
import { type Reader, readerOfAny } from './stream-reader.js';

/** A page of {@link Extractor.extractMany}: its HTML alone, or with more. */
export type PageInput = Html | PageWithOptions;

/** A page of {@link Extractor.extractMany} with its address and options of its own. */
export interface PageWithOptions extends PageOptions {
  /** The page. */
  html: Html;
  /**
   * Its address, which its links are resolved against.
   * @default ''
   */
  url?: string | undefined;
  /**
   * Which part of it to extract.
   * @default the `mode` of the options
   */
  mode?: ExtractionMode | undefined;
}

/** Options of {@link Extractor.extractMany}. */
export interface ExtractManyOptions {
  /**
   * The most pages that are read and not yet taken as results: 1 to 4096. With more than the pool has instances, and
   * `maxQueue` lets wait, pages fail with `ERR_QUEUE_FULL`.
   * @default the pool's `max`
   */
  concurrency?: number | undefined;
  /**
   * Which part of each page to extract.
   * @default 'article'
   */
  mode?: ExtractionMode | undefined;
  /**
   * How long each page may take, in milliseconds, as in {@link PageOptions}.
   * @default the pool's `timeoutMillis`
   */
  timeoutMillis?: number | undefined;
  /** Ends all of it at once: the next result rejects with the signal's reason, whatever is there already. */
  signal?: AbortSignal | undefined;
}

/** The results of {@link Extractor.extractMany}, in the order of the pages. */
export interface Extractions extends AsyncIterableIterator<PromiseSettledResult<Extracted>> {
  /** Ends it: reads no further page, and aborts those that are being extracted. Resolves once they have ended. */
  return(): Promise<IteratorResult<PromiseSettledResult<Extracted>, undefined>>;
  /** Itself. */
  [Symbol.asyncIterator](): Extractions;
  /** `return()`. */
  [Symbol.asyncDispose](): Promise<void>;
}

type Result = PromiseSettledResult<Extracted>;
type Extract = (page: PageInput, signal: AbortSignal) => Promise<Extracted>;

const MANY_RULES = {
  concurrency: whole(1, MAX_INSTANCES),
  mode: anything, // checked with each page, as without options
  timeoutMillis: millis,
  signal: abortSignal,
};

/** As {@link Extractor.extractMany}. @internal */
export function extractMany(extractor: Extractor, pages: unknown, given: ExtractManyOptions | undefined): Extractions {
  let run: Run | undefined;
  // Read at the first result, and no earlier: an iteration that is never begun leaves nothing open.
  const generator = (async function* (): AsyncGenerator<Result, undefined, undefined> {
    const options = checkOptions(given, MANY_RULES);
    options.signal?.throwIfAborted();
    // The bytes of one page are iterable too.
    const reader = ArrayBuffer.isView(pages) ? undefined : readerOfAny<PageInput>(pages);
    if (reader === undefined) {
      const expected = 'an iterable or async iterable of pages';
      throw makeError('ERR_BAD_ARGUMENT', { path: 'pages', expected, received: describe(pages) });
    }
    run = new Run(reader, options.concurrency ?? extractor.pool.stats.max, extractOne(extractor, options));
    return yield* run.results(options.signal);
  })();
  const end = () => {
    run?.stop();
    return generator.return(undefined);
  };
  return {
    next: () => generator.next(),
    return: end,
    [Symbol.asyncIterator]() {
      return this;
    },
    [Symbol.asyncDispose]: async () => void (await end()),
  };
}

function extractOne(extractor: Extractor, options: ExtractManyOptions): Extract {
  return async (page, signal) => {
    const asked = isRecord(page) && 'html' in page ? (page as PageWithOptions) : { html: page as Html };
    const { html, url, mode, ...own }: PageWithOptions = asked;
    const both = own.signal === undefined ? signal : AbortSignal.any([own.signal, signal]);
    const timeoutMillis = own.timeoutMillis ?? options.timeoutMillis;
    return extractor.extract(html, url, mode ?? options.mode, { ...own, timeoutMillis, signal: both });
  };
}

/** One iteration: pages that are read, their extractions, and the one that takes results. */
class Run {
  readonly #reader: Reader<PageInput>;
  readonly #concurrency: number;
  readonly #extract: Extract;
  /** Aborts what is being extracted. */
  readonly #controller = new AbortController();
  /** The pages that are read and not yet done with, in their order. None rejects. */
  readonly #started: Promise<Result>[] = [];
  #reading = false;
  /** Whether there are no more pages. */
  #ended = false;
  /** What reading the pages threw, for after the results of those before. */
  #failure: { readonly error: unknown } | undefined;
  #stopped = false;
  /** Ends the source; resolves with what that threw. */
  #closing: Promise<{ readonly error: unknown } | undefined> | undefined;
  #wake = () => {};

  constructor(reader: Reader<PageInput>, concurrency: number, extract: Extract) {
    this.#reader = reader;
    this.#concurrency = concurrency;
    this.#extract = extract;
  }

  async *results(signal: AbortSignal | undefined): AsyncGenerator<Result, undefined, undefined> {
    const abort = () => this.stop();
    const listener = signal && abortListener(signal);
    if (signal) listener?.add(signal, abort);
    try {
      for (;;) {
        const result = await this.#first();
        signal?.throwIfAborted();
        if (result === undefined) return undefined;
        yield result;
        // Only now: the one that its taker still works on counts as read ahead.
        this.#started.shift();
      }
    } finally {
      this.stop();
      if (signal) listener?.delete(signal, abort);
      await Promise.all(this.#started);
      // A read that still waits may keep its source from ending for as long as it likes.
      const closed = this.#reading ? undefined : await this.#closing;
      // biome-ignore lint/correctness/noUnsafeFinally: as a `for` loop throws what its iterator's return() throws
      if (closed !== undefined && !signal?.aborted) throw closed.error;
    }
  }

  /** Reads no further, and aborts what is being extracted. May be called again. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#controller.abort();
    if (!this.#ended) {
      this.#closing = this.#reader.stop().then(
        () => undefined,
        (error: unknown) => ({ error }),
      );
    }
    this.#wake();
  }

  /** The first result that is not taken; `undefined` at the end. */
  async #first(): Promise<Result | undefined> {
    void this.#fill();
    while (this.#started.length === 0 && !this.#stopped) {
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const result = await this.#started[0];
    // What was in flight then was aborted: its result is no result.
    return this.#stopped ? undefined : result;
  }

  /** Reads pages, and begins their extractions, as long as there is room. Never rejects. */
  async #fill(): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    try {
      while (!this.#ended && !this.#stopped && this.#started.length < this.#concurrency) {
        const { done, value } = await this.#reader.next();
        if (done) this.#ended = true;
        else if (!this.#stopped) this.#started.push(this.#settled(value as PageInput));
        this.#wake();
      }
    } catch (error) {
      this.#failure = { error };
      this.#ended = true;
      this.#wake();
    } finally {
      this.#reading = false;
    }
  }

  async #settled(page: PageInput): Promise<Result> {
    try {
      return { status: 'fulfilled', value: await this.#extract(page, this.#controller.signal) };
    } catch (reason) {
      return { status: 'rejected', reason };
    }
  }
}
