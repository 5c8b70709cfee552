import { isIP } from 'node:net';
import { Registry } from 'prom-client';
import { flagOf } from '../config.js';
import { Extractor } from '../extractor.js';
import type { ExtractorOptions } from '../extractor-options.js';
import { callback, checkOptions, flag, isRecord, millis, type Rule, whole, words } from '../options.js';
import { readStatus } from '../status/read.js';
import { DEFAULT_KEY, readerRule, type StatusReader, type StatusStore, storeRule } from '../status/store.js';
import type { FleetMember } from './live-fleet.js';

/** Options of {@link createServer}. */
export interface ServerOptions {
  /**
   * The extractor that answers: one that is there, which stays its caller's to close, or options for
   * `createExtractor`.
   * @default createExtractor() with a breaker, a queue of 64 calls, results of up to 8 MiB, and instances recycled above
   *   1,024 pages
   */
  extractor?: Extractor | ExtractorOptions;
  /**
   * The names by which the server may be called (`Host`), beside `localhost` and IP addresses; any port. Another name is
   * refused, so that no web page can reach the server under a name of its own.
   * @default none
   */
  allowedHosts?: readonly string[];
  /**
   * The largest body of a request, and the largest page that is fetched, in bytes: 1 to 33,554,432, which is what the
   * extractor takes.
   * @default 8 MiB
   */
  maxBodyBytes?: number;
  /**
   * How long a request may take, its body's arrival included, in milliseconds.
   * @default 30_000
   */
  timeoutMillis?: number;
  /**
   * Whether pages may be fetched by their URL: from public addresses only.
   * @default false
   */
  fetch?: boolean;
  /**
   * Whether `GET /` is a page with live charts and a form that extracts a page.
   * @default as `RIPTIDE_WASM_ENABLE_LIVE_PAGE` says, else true unless `NODE_ENV` is `production`
   */
  livePage?: boolean;
  /**
   * Reads the processes of a fleet, for a table on the live page: every two seconds at most, and only while somebody looks.
   * @default those that publish in `statusStore`, where that can be read (`all`)
   */
  fleet?: () => Promise<readonly FleetMember[]>;
  /**
   * Where its metrics are shown; `GET /metrics` shows all of it.
   * @default a registry of its own
   */
  registry?: Registry;
  /**
   * Where it publishes its status every second while it is open, as `publishStatus` does: such as a `RedisStatusStore` of
   * `riptide-wasm/redis`, which stays its caller's to close.
   * @default none
   */
  statusStore?: StatusStore;
  /**
   * The key there.
   * @default 'hive/memory/wasm-tracker'
   */
  statusKey?: string;
  /**
   * Fastify's `logger`: `true`, or options of pino.
   * @default false
   */
  logger?: boolean | object;
}

/** The options of a server, complete. @internal */
export interface Settings {
  readonly extractor: Extractor | ExtractorOptions;
  readonly allowedHosts: ReadonlySet<string>;
  readonly maxBodyBytes: number;
  readonly timeoutMillis: number;
  readonly fetch: boolean;
  /** `undefined`: where its files are found. */
  readonly livePage: boolean | undefined;
  readonly fleet: (() => Promise<readonly FleetMember[]>) | undefined;
  readonly registry: Registry;
  readonly statusStore: StatusStore | undefined;
  readonly statusKey: string;
  readonly logger: boolean | object;
}

/** The extractor's own limit. */
const MAX_BODY_BYTES = 32 * 1024 * 1024;

/** Pages come from strangers: a small page can be made to give hundreds of times its own bytes. */
const EXTRACTOR: ExtractorOptions = {
  maxQueue: 64,
  breaker: {},
  recycleAbovePages: 1_024,
  maxResultBytes: 8 * 1024 * 1024,
};

/** @internal */
export const SERVER_RULES: Readonly<Record<string, Rule>> = {
  extractor: {
    allowed: 'an Extractor, or options of createExtractor',
    accepts: (value) => value instanceof Extractor || isRecord(value),
  },
  allowedHosts: {
    allowed: 'an array of host names without ports',
    accepts: (value) => Array.isArray(value) && value.every((name) => typeof name === 'string' && isHostName(name)),
  },
  maxBodyBytes: whole(1, MAX_BODY_BYTES, 'bytes'),
  timeoutMillis: millis,
  fetch: flag,
  livePage: flag,
  fleet: callback,
  registry: { allowed: 'a Registry of prom-client', accepts: (value) => value instanceof Registry },
  statusStore: storeRule,
  statusKey: words,
  logger: {
    allowed: 'true, false, or options of pino',
    accepts: (value) => typeof value === 'boolean' || isRecord(value),
  },
};

/** @internal */
export function settingsOf(given: ServerOptions): Settings {
  const options = checkOptions(given, SERVER_RULES);
  const { extractor = {} } = options;
  return {
    extractor: extractor instanceof Extractor ? extractor : { ...EXTRACTOR, ...extractor },
    allowedHosts: new Set(options.allowedHosts?.map((name) => name.toLowerCase())),
    maxBodyBytes: options.maxBodyBytes ?? 8 * 1024 * 1024,
    timeoutMillis: options.timeoutMillis ?? 30_000,
    fetch: options.fetch ?? false,
    fleet: options.fleet ?? fleetOf(options.statusStore, options.statusKey),
    livePage: options.livePage ?? livePageOf(process.env),
    registry: options.registry ?? new Registry(),
    statusStore: options.statusStore,
    statusKey: options.statusKey ?? DEFAULT_KEY,
    logger: options.logger ?? false,
  };
}

/** Reads who publishes in a store, if it can be read. */
function fleetOf(store: StatusStore | undefined, key?: string): Settings['fleet'] {
  if (!isReader(store)) return undefined;
  return async () => (await readStatus(store, key)).processes;
}

function isReader(store: unknown): store is StatusReader {
  return readerRule.accepts(store);
}

/** What the environment says: `undefined` where it neither asks for the page nor speaks against it. */
function livePageOf(env: NodeJS.ProcessEnv): boolean | undefined {
  return flagOf(env, 'RIPTIDE_WASM_ENABLE_LIVE_PAGE') ?? (env.NODE_ENV === 'production' ? false : undefined);
}

function isHostName(name: string): boolean {
  return isIP(name) === 0 && /^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$/i.test(name);
}
