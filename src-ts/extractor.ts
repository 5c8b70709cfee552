import { join } from 'node:path';
import { types } from 'node:util';
import type { CallOptions } from './caller.js';
import { loadConfig } from './config.js';
import { Engine, type EngineHealth } from './engine.js';
import { GuestError, MemoryLimitError, makeError } from './errors.js';
import { type Extractions, type ExtractManyOptions, extractMany, type PageInput } from './extract-many.js';
import { ExtractionError } from './extraction-error.js';
import {
  checkEngineAlone,
  EXTRACTOR_RULES,
  type ExtractorOptions,
  engineOptions,
  poolOptions,
} from './extractor-options.js';
import { type Html, type PageOptions, pageOptions, readHtml } from './html.js';
import { inner } from './internal.js';
import { PACKAGE, running, shippedFile } from './location.js';
import { checkOptions, PAGE_BYTES } from './options.js';
import { Pool, type PoolStats } from './pool.js';

/**
 * Which part of a page to extract.
 *
 * - `article`: the main text, without navigation, advertisements and comments; nothing where a page has none
 * - `full`: everything in the body
 * - `metadata`: what the page says about itself, without text, links and media
 * - `{ tag: 'custom', val }`: what the CSS selectors match, in document order
 */
export type ExtractionMode =
  | 'article'
  | 'full'
  | 'metadata'
  | { readonly tag: 'article' | 'full' | 'metadata' }
  | { readonly tag: 'custom'; readonly val: readonly string[] };

/** A hyperlink. */
export interface Link {
  /** Where it leads: absolute where the page's address or its `base` element allows it, else as written. */
  url: string;
  /** Its text with white space collapsed; empty for a link around a picture. */
  text: string;
  /** Its `rel` attribute, for example `nofollow`. */
  rel?: string | undefined;
}

/** A picture, film or sound the page shows. */
export interface Media {
  /** Which of the three it is. */
  kind: 'image' | 'video' | 'audio';
  /** Where it lies, resolved as for links; `data:` addresses are left out. */
  url: string;
  /** Its alternative text. */
  alt?: string | undefined;
}

/** The result of an extraction. */
export interface Extracted {
  /** The address that was given with the page, unchanged. */
  url: string;
  /** The page's title. */
  title?: string | undefined;
  /** The page's author. */
  byline?: string | undefined;
  /** When it was published: an ISO 8601 date, or date and time; absent where the page gives none that can be read. */
  publishedIso?: string | undefined;
  /** The extracted part as Markdown (CommonMark with tables); empty in mode `metadata`. */
  markdown: string;
  /** The extracted part as plain text, blocks on lines of their own; empty in mode `metadata`. */
  text: string;
  /** The page's links, each address once; in mode `custom` those of the matched part, in mode `metadata` none. */
  links: Link[];
  /** The page's media, by the same rule. */
  media: Media[];
  /** The language as a BCP 47 tag: as the page declares it, else guessed from the text. */
  language?: string | undefined;
  /** Minutes to read the text at 200 words a minute, rounded up. */
  readingTime: number;
  /**
   * How likely the text is the page's main text, whole and without anything else: the expected F1 over words in percent;
   * 0 where there is no text.
   */
  qualityScore: number;
  /** Words in the text; in scripts without spaces each character counts as one. */
  wordCount: number;
  /** The page's sections, keywords and tags, each once. */
  categories: string[];
  /** The name of the site. */
  siteName?: string | undefined;
  /** A short description, from the page's metadata. */
  description?: string | undefined;
}

/** The numbers of an extraction. */
export interface ExtractionStats {
  /** Size of the HTML in bytes (UTF-8). */
  inputBytes: number;
  /** Size of the Markdown and the text in bytes (UTF-8). */
  outputBytes: number;
  /** Nodes in the parsed document. */
  nodes: number;
  /** The instance's linear memory after the call, in pages of 64 KiB; it never shrinks while the instance lives. */
  memoryPages: number;
}

/** An extraction together with its numbers. */
export interface Measured {
  /** The extracted content. */
  content: Extracted;
  /** The numbers of the extraction. */
  stats: ExtractionStats;
}

/** The health of one instance of the extractor. */
export interface HealthStatus {
  /** `healthy`; an instance that is not would have trapped. */
  status: string;
  /** The extractor's version. */
  version: string;
  /** Extractions asked of this instance since it was made or reset. */
  extractions: number;
  /** Those of them that ended in an error. */
  failures: number;
  /** Linear memory now, in pages of 64 KiB. */
  memoryPages: number;
}

/** Name, version and limits of the extractor. */
export interface ComponentInfo {
  /** `riptide-extractor`. */
  name: string;
  /** The extractor's version. */
  version: string;
  /** Features of its build: `simd128` if it has SIMD instructions. */
  features: string[];
  /** The names of the modes it knows. */
  modes: string[];
  /** The largest page it takes, in bytes (UTF-8). */
  maxInputBytes: number;
  /** The deepest nesting of elements; those nested deeper stand side by side, as in browsers. */
  maxDepth: number;
  /** The most nodes it takes. */
  maxNodes: number;
}

/** The health of an {@link Extractor}, for operators. */
export interface ExtractorHealth extends EngineHealth {
  /** The numbers of the extractor's pool. */
  readonly pool: PoolStats;
}

const INTERFACE = 'riptide:extractor/extract@1.0.0#';

/**
 * A warm pool over the extractor that comes with this package: a WebAssembly component that turns HTML into article
 * text, Markdown, links and metadata. Resolves when the pool's first instances are ready.
 *
 * ```js
 * const extractor = await createExtractor();
 * const { title, markdown } = await extractor.extract(html, 'https://example.com/page', 'article');
 * await extractor.close();
 * ```
 *
 * @throws OptionError `ERR_BAD_OPTION` for an option or an environment variable that cannot be used
 * @throws MemoryLimitError `ERR_MEMORY_LIMIT` where an instance may hold less than the extractor begins with
 */
export async function createExtractor(given: ExtractorOptions = {}): Promise<Extractor> {
  const options = checkOptions(given, EXTRACTOR_RULES);
  const env = options.env === false ? {} : (options.env ?? process.env);
  const config = loadConfig(env);
  const engine = options.engine ?? new Engine(engineOptions(options, config, env));
  checkEngineAlone(options);
  try {
    const component = await engine.loadComponent(extractorFile(engine.simd));
    const pool = new Pool(component, poolOptions(options, config, engine));
    try {
      await pool.ready();
    } catch (error) {
      await pool.destroy();
      throw error;
    }
    return Extractor.wrap(engine, pool);
  } catch (error) {
    throw tooSmall(error) ?? error;
  }
}

const MIB = 2 ** 20;

/** The error of a limit that no instance of the extractor can start within, with the least that will do. */
function tooSmall(error: unknown): MemoryLimitError | undefined {
  if (!(error instanceof MemoryLimitError) || error.details.limitedBy !== 'instance') return undefined;
  const { requestedBytes, heldBytes, limitBytes } = error.details;
  const bytes = Number(requestedBytes) + Number(heldBytes);
  const [least, most] = [bytes, Number(limitBytes)].map((of) => `${of / PAGE_BYTES} pages (${of} bytes)`);
  const message =
    `the extractor begins with ${least} of memory, and an instance may hold ${most}: ` +
    `set RIPTIDE_WASM_MEMORY_LIMIT_MB to ${Math.ceil(bytes / MIB)} or more (maxMemoryPages: ${bytes / PAGE_BYTES}); ` +
    'large pages take more';
  return makeError('ERR_MEMORY_LIMIT', error.details, { message, cause: error }) as MemoryLimitError;
}

/**
 * The shipped extractor for engines with or without SIMD.
 *
 * @throws RiptideError `ERR_UNSUPPORTED` in a bundle that it is not found from
 * @internal
 */
export function extractorFile(simd: boolean): string {
  const name = `extractor.${simd ? 'simd' : 'scalar'}.wasm`;
  const inPackage = join('crates', 'extractor', 'dist', name);
  const file = shippedFile(inPackage);
  if (file !== undefined) return file;
  const details = { feature: 'extractor', reason: 'bundled', bundle: running, needed: name };
  throw makeError('ERR_UNSUPPORTED', details, {
    message:
      `${PACKAGE} is bundled into ${running} without its extractor: copy node_modules/${PACKAGE}/${inPackage} beside the bundle, ` +
      `or mark the package external (esbuild: --external:${PACKAGE}; for the others docs/bundling.md)`,
  });
}

/** A pool of the shipped extractor, typed. Made by {@link createExtractor}. */
export class Extractor {
  /** The pool behind it: its `stats`, its `tracker`. */
  readonly pool: Pool;
  /** The engine behind it. */
  readonly engine: Engine;

  private constructor(engine: Engine, pool: Pool) {
    this.engine = engine;
    this.pool = pool;
  }

  /** @internal */
  static wrap(engine: Engine, pool: Pool): Extractor {
    return new Extractor(engine, pool);
  }

  /**
   * Extracts a page.
   *
   * ```js
   * const response = await fetch('https://example.com/page');
   * const contentType = response.headers.get('content-type');
   * await extractor.extract(response.body, response.url, 'article', { contentType });
   * ```
   *
   * @param html the page: a string, its bytes in whatever encoding, or a stream. A stream is read to its end first, up to
   *   the 32 MiB that the extractor takes; `timeoutMillis` begins once it is read, `signal` holds all the while
   * @param url the page's address, which its links are resolved against; may be empty
   * @param mode which part of the page
   * @throws ExtractionError `ERR_GUEST` if the page has no content to extract, or is too large: `payload.tag` says why.
   * @throws ArgumentError `ERR_BAD_ARGUMENT` for what is neither a string nor bytes nor a stream of them.
   * @throws MemoryLimitError `ERR_MEMORY_LIMIT` if the page needs more memory than an instance may hold.
   * @throws TimeoutError `ERR_TIMEOUT` or `ERR_ACQUIRE_TIMEOUT` if it takes, or waits, too long.
   * @throws RejectedError `ERR_QUEUE_FULL` or `ERR_BREAKER_OPEN` if the pool does not take the call.
   * @throws TrapError `ERR_TRAP` if the extractor traps.
   * @throws ClosedError `ERR_CLOSED` after `close()` or `destroy()`.
   * @throws Error the stream's own, if it fails.
   */
  async extract(html: Html, url = '', mode: ExtractionMode = 'article', options?: PageOptions): Promise<Extracted> {
    return this.#page<Extracted>('extract', html, [url, variant(mode)], options);
  }

  /** Extracts a page and returns the numbers of the extraction too; as {@link Extractor.extract}. */
  async extractWithStats(
    html: Html,
    url = '',
    mode: ExtractionMode = 'article',
    options?: PageOptions,
  ): Promise<Measured> {
    return this.#page<Measured>('extract-with-stats', html, [url, variant(mode)], options);
  }

  /**
   * Extracts many pages, several at once. Results come in the order of the pages; a page that fails is a result with
   * `status: 'rejected'`, and the next ones go on.
   *
   * ```js
   * for await (const result of extractor.extractMany(pages)) {
   *   if (result.status === 'fulfilled') console.log(result.value.title);
   *   else console.error(result.reason);
   * }
   * ```
   *
   * `pages` is read as results are taken, never more than `concurrency` ahead. Leaving the loop, or aborting `signal`, ends
   * the reading and aborts the pages that are being extracted. If `pages` itself throws, the loop gets its error after the
   * results of the pages before.
   *
   * Rejections, all at the first result: `OptionError` `ERR_BAD_OPTION` for an option that cannot be used, `ArgumentError`
   * `ERR_BAD_ARGUMENT` if `pages` is not iterable.
   */
  extractMany(pages: Iterable<PageInput> | AsyncIterable<PageInput>, options?: ExtractManyOptions): Extractions {
    return extractMany(this, pages, options);
  }

  /**
   * Whether the input holds markup: `false` for plain text, which can be extracted all the same.
   *
   * @throws ExtractionError `ERR_GUEST` if extraction would refuse the input before parsing it.
   */
  async validateHtml(html: Html, options?: PageOptions): Promise<boolean> {
    return this.#page<boolean>('validate-html', html, [], options);
  }

  /** The health of the one instance that answers; see {@link Extractor.health} for the pool. */
  async healthCheck(options?: CallOptions): Promise<HealthStatus> {
    return this.#call<HealthStatus>('health-check', [], options);
  }

  /** Name, version and limits of the extractor. */
  async getInfo(options?: CallOptions): Promise<ComponentInfo> {
    return this.#call<ComponentInfo>('get-info', [], options);
  }

  /** Sets the counters of the instance that answers to zero, and returns how many extractions they held. */
  async resetState(options?: CallOptions): Promise<number> {
    return this.#call<number>('reset-state', [], options);
  }

  /** The names of the modes: `article`, `full`, `metadata`, `custom`. */
  async getModes(options?: CallOptions): Promise<string[]> {
    return this.#call<string[]>('get-modes', [], options);
  }

  /** The engine's cold starts and memory, and the pool's numbers. */
  health(): ExtractorHealth {
    return { ...this.engine.health(), pool: this.pool.stats };
  }

  /** The six metrics over this extractor's pool; as `getWasmMemoryMetrics(extractor)`. */
  metrics(): Readonly<Record<string, number>> {
    return { ...this.pool[inner].metrics() };
  }

  /** Takes no more pages, finishes those it has, and gives back all memory. May be called again. */
  async close(): Promise<void> {
    await this.pool.close();
  }

  /** Ends every extraction at once (`ERR_ABORTED`). May be called again. */
  async destroy(): Promise<void> {
    await this.pool.destroy();
  }

  /** `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #page<R>(name: string, html: Html, rest: readonly unknown[], options?: PageOptions): Promise<R> {
    const { contentType, ...call } = pageOptions(options) ?? {};
    const page = readHtml(html, contentType, call.signal);
    // Without a turn in between where there is nothing to wait for: the bytes may be the caller's own.
    const read = typeof page === 'string' || types.isUint8Array(page) ? page : await page;
    return this.#call<R>(name, [read, ...rest], options === undefined ? undefined : call);
  }

  async #call<R>(name: string, args: readonly unknown[], options?: CallOptions): Promise<R> {
    try {
      return await this.pool.call<R>(INTERFACE + name, args, options);
    } catch (error) {
      throw error instanceof GuestError ? ExtractionError.from(error) : error;
    }
  }
}

function variant(mode: ExtractionMode): unknown {
  if (typeof mode !== 'string') return mode;
  if (mode !== 'article' && mode !== 'full' && mode !== 'metadata') {
    throw makeError('ERR_BAD_ARGUMENT', {
      path: 'mode',
      expected: "'article', 'full', 'metadata' or { tag: 'custom', val: [selectors] }",
      received: JSON.stringify(mode),
    });
  }
  return { tag: mode };
}
