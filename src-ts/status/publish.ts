import { Engine } from '../engine.js';
import { reasonOf } from '../errors.js';
import { badOption, checkOptions, isRecord, type Rule, whole, words } from '../options.js';
import { Pool } from '../pool.js';
import { registry } from '../registry.js';
import { Collector, fieldOf, type Shown } from './collect.js';
import type { PublishingStats } from './document.js';
import { DEFAULT_KEY, type StatusStore, storeRule } from './store.js';

/** Options of {@link publishStatus}. */
export interface PublishOptions {
  /**
   * The key that all processes of the fleet publish under.
   * @default 'hive/memory/wasm-tracker'
   */
  key?: string;
  /**
   * How often the status is written, in milliseconds: 100 to 3,600,000.
   * @default 1_000
   */
  intervalMillis?: number;
  /**
   * How long the store keeps a status, in milliseconds: up to 86,400,000. A process that died is shown for that long.
   * @default five intervals
   */
  ttlMillis?: number;
  /**
   * The engines to show, by name.
   * @default all of this thread: `engine-1`, `engine-2`, …
   */
  engines?: Readonly<Record<string, Engine>>;
  /**
   * The pools to show, by name. A closed pool is shown no longer.
   * @default all open ones of this thread: `pool-1`, `pool-2`, …
   */
  pools?: Readonly<Record<string, Pool>>;
}

/** A publisher that {@link publishStatus} began. */
export interface StatusPublisher {
  /** The field that this thread's status is under. */
  readonly field: string;
  /** A copy of how publishing goes. */
  readonly stats: PublishingStats;
  /**
   * Writes no more, and removes the field. Waits up to two seconds for the store; where it takes longer, the field goes by
   * its time. Never rejects, and may be called again.
   */
  close(): Promise<void>;
  /** `close()`. */
  [Symbol.asyncDispose](): Promise<void>;
}

const MAX_INTERVAL_MILLIS = 3_600_000;
const MAX_TTL_MILLIS = 86_400_000;

/** How long `close` waits for the store, in milliseconds: a process that ends must not wait for one that is away. */
const CLOSE_MILLIS = 2_000;

/** One interval may be missed, and the next be late, before a living process is taken for a dead one. */
const INTERVALS_KEPT = 5;

const RULES: Readonly<Record<string, Rule>> = {
  key: words,
  intervalMillis: whole(100, MAX_INTERVAL_MILLIS, 'milliseconds'),
  ttlMillis: whole(100, MAX_TTL_MILLIS, 'milliseconds'),
  engines: {
    allowed: 'an object of Engines by name',
    accepts: (value) => isRecord(value) && Object.values(value).every((engine) => engine instanceof Engine),
  },
  pools: {
    allowed: 'an object of Pools by name',
    accepts: (value) => isRecord(value) && Object.values(value).every((pool) => pool instanceof Pool),
  },
};

/**
 * Publishes the status of this thread's engines and pools in a store, at once and then in every interval: versions,
 * configuration, memory, pools, breakers, cache, rates and errors by code, as JSON (`STATUS_SCHEMA`). `readStatus` and
 * `riptide-wasm status` show what all processes publish.
 *
 * ```js
 * const client = await createClient({ url }).connect();
 * await using status = publishStatus(new RedisStatusStore(client));
 * ```
 *
 * It never has more than one write under way, and nothing that the store does fails anything: it is counted, and the first
 * time there is a process warning. It does not keep the process alive.
 *
 * @throws OptionError `ERR_BAD_OPTION` for what is no store, for an unknown option or a value out of range
 */
export function publishStatus(store: StatusStore, options: PublishOptions = {}): StatusPublisher {
  if (!storeRule.accepts(store)) throw badOption('store', store, storeRule.allowed);
  const checked = checkOptions(options, RULES);
  const { key = DEFAULT_KEY, intervalMillis = 1_000, engines, pools } = checked;
  const { ttlMillis = Math.min(INTERVALS_KEPT * intervalMillis, MAX_TTL_MILLIS) } = checked;
  if (ttlMillis <= intervalMillis)
    throw badOption('ttlMillis', ttlMillis, `more than intervalMillis, which is ${intervalMillis}`);
  return new Publisher(store, { key, intervalMillis, ttlMillis }, { engines, pools });
}

type Timing = Required<Pick<PublishOptions, 'key' | 'intervalMillis' | 'ttlMillis'>>;

class Publisher implements StatusPublisher {
  readonly field: string;
  readonly #store: StatusStore;
  readonly #options: Timing;
  readonly #collector: Collector;
  readonly #timer: NodeJS.Timeout;
  readonly #number: number;
  #stats: PublishingStats = { written: 0, failed: 0, late: 0 };
  #warned = false;
  #writing: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(store: StatusStore, options: Timing, shown: Shown) {
    this.#store = store;
    this.#options = options;
    this.#number = nextNumber();
    this.field = fieldOf(this.#number);
    this.#collector = new Collector(this.field, shown, options.intervalMillis);
    this.#timer = setInterval(() => this.#publish(), options.intervalMillis);
    this.#timer.unref();
    this.#publish();
  }

  get stats(): PublishingStats {
    return { ...this.#stats };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #publish(): void {
    if (this.#writing !== undefined) {
      this.#count('late');
      this.#warn(`the store takes longer than ${this.#options.intervalMillis} ms`);
      return;
    }
    this.#writing = this.#write().finally(() => {
      this.#writing = undefined;
    });
  }

  /** Never rejects. */
  async #write(): Promise<void> {
    const { key, ttlMillis } = this.#options;
    try {
      const text = JSON.stringify(this.#collector.collect(this.#stats));
      await this.#store.set(key, this.field, text, ttlMillis);
      this.#count('written');
    } catch (error) {
      this.#count('failed');
      this.#warn(reasonOf(error));
    }
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer);
    const late = within(CLOSE_MILLIS);
    // Removed after the last write, or that would bring it back.
    const written = await Promise.race([this.#writing, late.passed]);
    if (written !== 'passed') await Promise.race([this.#remove(), late.passed]);
    late.cancel();
    registry.publishers.delete(this.#number);
  }

  /** Never rejects. */
  async #remove(): Promise<void> {
    try {
      await this.#store.delete?.(this.#options.key, this.field);
    } catch (error) {
      this.#count('failed');
      this.#warn(reasonOf(error));
    }
  }

  #count(name: keyof PublishingStats): void {
    this.#stats = { ...this.#stats, [name]: this.#stats[name] + 1 };
  }

  #warn(reason: string): void {
    if (this.#warned) return;
    this.#warned = true;
    process.emitWarning(`the status could not be published: ${reason}`, 'RiptideWarning');
  }
}

/** The lowest number that no open publisher of this thread has. */
function nextNumber(): number {
  let number = 1;
  while (registry.publishers.has(number)) number += 1;
  registry.publishers.add(number);
  return number;
}

function within(millis: number): { readonly passed: Promise<'passed'>; cancel(): void } {
  let timer: NodeJS.Timeout | undefined;
  const passed = new Promise<'passed'>((resolve) => {
    timer = setTimeout(() => resolve('passed'), millis);
  });
  return { passed, cancel: () => clearTimeout(timer) };
}
