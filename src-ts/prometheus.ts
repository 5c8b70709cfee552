import { isMainThread } from 'node:worker_threads';
import type { Registry } from 'prom-client';
import { Engine } from './engine.js';
import type { Histogram } from './histogram.js';
import { getWasmMemoryMetrics } from './metrics.js';
import { badOption, checkOptions, flag, isRecord, PAGE_BYTES, type Rule, words } from './options.js';
import { Pool } from './pool.js';

/** Options of {@link registerMetrics}: the process, engine and pools to show. */
export interface MetricsOptions {
  /**
   * The six metrics of the process. Its threads share them: where several add up what they show, one has to show these.
   * @default true on the main thread, false on worker threads
   */
  process?: boolean;
  /** Memory, instances, cold starts, compiling and the cache of an engine. */
  engine?: Engine;
  /**
   * The label of the engine's metrics, for a process with several engines.
   * @default 'default'
   */
  engineName?: string;
  /** Instances, calls and breakers of pools, each labelled with its name here. A closed pool is shown no longer. */
  pools?: Readonly<Record<string, Pool>>;
}

/** Labels as one object, with those that others add to them: prom-client writes the text of each object once. */
class Labels {
  readonly all: Readonly<Record<string, string>>;
  readonly #more = new Map<string, Map<string | number, Labels>>();

  constructor(all: Readonly<Record<string, string>> = {}) {
    this.all = all;
  }

  with(name: string, value: string | number): Labels {
    const values = this.#more.get(name) ?? new Map<string | number, Labels>();
    const known = values.get(value);
    if (known !== undefined) return known;
    const text = value === Number.POSITIVE_INFINITY ? '+Inf' : String(value);
    const labels = new Labels({ ...this.all, [name]: text });
    this.#more.set(name, values.set(value, labels));
    return labels;
  }
}

const NO_LABELS = {};

/** A value as prom-client takes it. */
interface Sample {
  readonly labels: object;
  /** All of them. */
  readonly sharedLabels: object;
  readonly value: number;
  readonly metricName?: string;
}

type Type = 'counter' | 'gauge' | 'histogram';

/** How prom-client's `AggregatorRegistry` makes one value of those of several processes. */
type Aggregator = 'sum' | 'max';

/** The sources that one registry shows, by the call that added them. */
interface Sources {
  /** The calls that show the process. */
  readonly processes: Set<object>;
  readonly engines: Set<Source<Engine>>;
  readonly pools: Set<Source<Pool>>;
}

/** The metrics on a registry and their sources. */
interface Shown {
  readonly sources: Sources;
  /** By their first names: prom-client changes them. */
  readonly metrics: ReadonlyMap<string, Scraped>;
}

interface Source<S> {
  readonly name: string;
  readonly source: S;
  readonly labels: Labels;
}

/** A metric in prom-client's eyes: read from the addon's own counters when it is scraped. */
class Scraped {
  /** prom-client writes it, for its other format. */
  name: string;
  readonly help: string;
  readonly type: Type;
  readonly aggregator: Aggregator;
  readonly #samples: () => Sample[];

  constructor(name: string, help: string, type: Type, samples: () => Sample[], aggregator: Aggregator = 'sum') {
    this.name = name;
    this.help = help;
    this.type = type;
    this.aggregator = aggregator;
    this.#samples = samples;
  }

  /** For JSON. */
  async get() {
    const { name, help, type, aggregator } = this;
    const values = this.#samples().map(({ sharedLabels, ...rest }) => ({ ...rest, labels: { ...sharedLabels } }));
    return { name, help, type, aggregator, values };
  }

  /** For Prometheus's page. */
  async getForPromString() {
    const { name, help, type } = this;
    return { name, help, type, values: this.#samples() };
  }

  /** The addon's counters are not the registry's to reset. */
  reset(): void {}
}

const SIX: Readonly<Record<string, readonly [string, Type, Aggregator]>> = {
  riptide_wasm_memory_pages: ['Pages of 64 KiB held now, over all live instances.', 'gauge', 'sum'],
  // Summed although the processes' peaks need not fall together: an upper bound, and never less than what is held.
  riptide_wasm_peak_memory_pages: ['The highest that the sum of held pages has been.', 'gauge', 'sum'],
  riptide_wasm_grow_failed_total: ['Growths of memory refused by a limit, or failed by the system.', 'counter', 'sum'],
  riptide_wasm_cold_start_time_ms: ['The last time from asking for code to its first instance.', 'gauge', 'max'],
  riptide_wasm_aot_cache_hits: ['Loads answered without compiling.', 'counter', 'sum'],
  riptide_wasm_aot_cache_misses: ['Loads that compiled.', 'counter', 'sum'],
};

const registered = new WeakMap<Registry, Shown>();

const RULES: Readonly<Record<string, Rule>> = {
  process: flag,
  engine: { allowed: 'an Engine', accepts: (value) => value instanceof Engine },
  engineName: words,
  pools: {
    allowed: 'an object of Pools by name',
    accepts: (value) => isRecord(value) && Object.values(value).every((pool) => pool instanceof Pool),
  },
};

/**
 * Shows metrics on a registry of `prom-client`: the six of the process, and those of an engine and of pools. They are read
 * from native counters when the registry is scraped; nothing is recorded twice. May be called again for further engines
 * and pools.
 *
 * In a cluster, prom-client's `AggregatorRegistry` makes one page of all processes: a sum, and the highest value of the
 * last cold start, of what the cache's directory holds, which they share, and of the breaker's states. It does over
 * worker threads, too, by `AggregatorRegistry.aggregate` of what their registries give by `getMetricsAsJSON`: each thread
 * shows its own engine and pools, and one of them the process.
 *
 * @returns takes away what this call showed
 * @throws OptionError `ERR_BAD_OPTION` for an unknown option, for what is no engine or pool, and for a name that is taken
 */
export function registerMetrics(registry: Registry, given: MetricsOptions = {}): () => void {
  const { process = isMainThread, engine, engineName = 'default', pools = {} } = checkOptions(given, RULES);
  const { sources, metrics } = shownOn(registry);
  const engines =
    engine === undefined ? [] : [{ name: engineName, source: engine, labels: new Labels({ engine: engineName }) }];
  const named = Object.entries(pools).map(([name, pool]) => ({
    name,
    source: pool,
    labels: new Labels({ pool: name }),
  }));
  if ([...sources.engines].some(({ name }) => engines.length > 0 && name === engineName))
    throw badOption('engineName', engineName, 'a name that no other engine of this registry has');
  for (const { name, source } of sources.pools) {
    if (Object.hasOwn(pools, name) && !source.closed)
      throw badOption('pools', name, 'names that no other pool of this registry has');
  }
  if (!isOn(registry, metrics)) {
    for (const name of metrics.keys()) {
      if (registry.getSingleMetric(name) !== undefined)
        throw badOption('registry', name, 'a registry without metrics of these names');
    }
    for (const metric of metrics.values()) registry.registerMetric(metric as never);
    registered.set(registry, { sources, metrics });
  }
  const call = {};
  if (process) sources.processes.add(call);
  for (const source of engines) sources.engines.add(source);
  for (const source of named) sources.pools.add(source);
  return () => {
    sources.processes.delete(call);
    for (const source of engines) sources.engines.delete(source);
    for (const source of named) sources.pools.delete(source);
    if (sources.processes.size + sources.engines.size + live(sources.pools).length > 0) return;
    for (const name of isOn(registry, metrics) ? metrics.keys() : []) registry.removeSingleMetric(name);
  };
}

/** What a registry shows already, unless it was cleared since. */
function shownOn(registry: Registry): Shown {
  const shown = registered.get(registry);
  if (shown !== undefined && isOn(registry, shown.metrics)) return shown;
  const sources: Sources = { processes: new Set(), engines: new Set(), pools: new Set() };
  return { sources, metrics: new Map(metricsOver(sources).map((metric) => [metric.name, metric])) };
}

function isOn(registry: Registry, metrics: Shown['metrics']): boolean {
  const [first] = metrics;
  return first !== undefined && registry.getSingleMetric(first[0]) === (first[1] as never);
}

/** Numbers that are read once a scrape: its metrics are all asked in one turn. */
function onceATurn<S extends object, N>(read: (source: S) => N): (source: S) => N {
  let seen: Map<S, N> | undefined;
  return (source) => {
    if (seen === undefined) {
      seen = new Map();
      queueMicrotask(() => {
        seen = undefined;
      });
    }
    const known = seen.get(source);
    if (known !== undefined) return known;
    const numbers = read(source);
    seen.set(source, numbers);
    return numbers;
  };
}

function metricsOver(sources: Sources): Scraped[] {
  const ofEngine = onceATurn((engine: Engine) => ({
    stats: engine.stats,
    tracker: engine.tracker.snapshot(),
    cache: engine.cache.snapshot(),
  }));
  const ofPool = onceATurn((pool: Pool) => ({ stats: pool.stats, tracker: pool.tracker.snapshot() }));
  const ofProcess = onceATurn((_: Sources) => getWasmMemoryMetrics());
  type Read<N> = (numbers: N) => Reading;
  const per =
    <S extends object, N>(shown: () => Source<S>[], numbersOf: (source: S) => N) =>
    (name: string, help: string, type: Type, read: Read<N>, aggregator?: Aggregator) => {
      const metric = `riptide_wasm_${name}`;
      const all = () => shown().flatMap(({ source, labels }) => samples(metric, labels, read(numbersOf(source))));
      return new Scraped(metric, help, type, all, aggregator);
    };
  const perEngine = per(() => [...sources.engines], ofEngine);
  const perPool = per(() => live(sources.pools), ofPool);
  const none = new Labels();
  const six = Object.entries(SIX).map(
    ([name, [help, type, aggregator]]) =>
      new Scraped(
        name,
        help,
        type,
        () => (sources.processes.size > 0 ? samples(name, none, ofProcess(sources)[name] ?? 0) : []),
        aggregator,
      ),
  );
  return [
    ...six,
    perEngine('memory_bytes', 'Linear memory held now.', 'gauge', ({ tracker }) => tracker.currentBytes),
    perEngine(
      'memory_limit_bytes',
      'The most that it may be.',
      'gauge',
      ({ tracker }) => tracker.maxPages * PAGE_BYTES,
    ),
    perEngine('grow_requests_total', 'Growths asked for.', 'counter', ({ tracker }) => tracker.growRequests),
    perEngine(
      'budget_refusals_total',
      'Growths refused by the memory budget.',
      'counter',
      ({ tracker }) => tracker.budgetRefusals,
    ),
    perEngine('instances', 'Instances alive.', 'gauge', ({ stats }) => stats.instances),
    perEngine('instance_slots', 'Instances that may live at once.', 'gauge', ({ stats }) => stats.slots),
    perEngine('cold_start_seconds', 'From asking for code to its first instance.', 'histogram', ({ stats }) => ({
      by: 'cache',
      values: stats.coldStarts,
    })),
    perEngine('compile_seconds', 'Compiling a module or component.', 'histogram', ({ stats }) => stats.compile),
    perEngine(
      'cache_load_seconds',
      'Loading from the disk or the shared tier.',
      'histogram',
      ({ cache }) => cache.load,
    ),
    perEngine('cache_hits_total', 'Loads answered without compiling.', 'counter', ({ stats }) => ({
      by: 'tier',
      values: { memory: stats.memoryHits, disk: stats.diskHits, shared: stats.sharedHits },
    })),
    perEngine('cache_misses_total', 'Loads that compiled.', 'counter', ({ stats }) => stats.cacheMisses),
    // Processes share the directory, and each shows all that it counted there: their sum would count it again and again.
    perEngine('cache_bytes', 'Bytes of the artefacts on the disk.', 'gauge', ({ cache }) => cache.bytes, 'max'),
    perEngine('cache_entries', 'Artefacts on the disk.', 'gauge', ({ cache }) => cache.entries, 'max'),
    perEngine('cache_evictions_total', 'Artefacts removed from the disk.', 'counter', ({ cache }) => cache.evictions),
    perEngine('cache_rejected_total', 'Artefacts that were not used.', 'counter', ({ cache }) => ({
      by: 'reason',
      values: cache.rejected,
    })),
    perEngine('cache_failures_total', 'Artefacts that could not be kept or fetched.', 'counter', ({ cache }) => {
      const { writeFailures, sharedFailures } = cache;
      return { by: 'tier', values: { disk: writeFailures, shared: sharedFailures } };
    }),
    perPool('pool_size', 'Instances alive.', 'gauge', ({ stats }) => stats.size),
    perPool('pool_max', 'Instances that there may be.', 'gauge', ({ stats }) => stats.max),
    perPool('pool_queue_limit', 'Calls that may wait for an instance.', 'gauge', ({ stats }) => stats.maxQueue),
    perPool('pool_idle', 'Instances that wait for a call.', 'gauge', ({ stats }) => stats.idle),
    perPool('pool_active', 'Instances in a call.', 'gauge', ({ stats }) => stats.active),
    perPool('pool_waiting', 'Calls that wait for an instance.', 'gauge', ({ stats }) => stats.waiting),
    perPool('pool_memory_bytes', 'Linear memory held now.', 'gauge', ({ tracker }) => tracker.currentBytes),
    perPool('calls_total', 'Calls by how they ended.', 'counter', ({ stats }) => ({
      by: 'outcome',
      values: stats.outcomes,
    })),
    perPool(
      'call_duration_seconds',
      'Calls, from submission to answer.',
      'histogram',
      ({ stats }) => stats.callDuration,
    ),
    perPool(
      'queue_wait_seconds',
      'Waiting for an instance, by calls and by `use`.',
      'histogram',
      ({ stats }) => stats.queueWait,
    ),
    perPool('instances_created_total', 'Instances made.', 'counter', ({ stats }) => stats.created),
    perPool('instances_destroyed_total', 'Instances discarded.', 'counter', ({ stats }) => ({
      by: 'reason',
      values: stats.destroyedBy,
    })),
    perPool(
      'breaker_state',
      'The state the breaker is in has 1.',
      'gauge',
      ({ stats: { breaker } }) => breaker && { by: 'state', values: stateOf(breaker.state) },
      // 1 for each state that the breaker of one of the processes is in.
      'max',
    ),
    perPool('breaker_opened_total', 'How often the breaker opened.', 'counter', ({ stats }) => stats.breaker?.opened),
  ];
}

function stateOf(state: string): Record<string, number> {
  return Object.fromEntries(['closed', 'open', 'halfOpen'].map((name) => [name, name === state ? 1 : 0]));
}

/** A value, a histogram, or several of either by a label; nothing where there is none. */
type Reading = undefined | number | Histogram | { by: string; values: Readonly<Record<string, number | Histogram>> };

function samples(name: string, labels: Labels, reading: Reading): Sample[] {
  if (reading === undefined) return [];
  if (typeof reading === 'number') return [{ labels: NO_LABELS, sharedLabels: labels.all, value: reading }];
  if ('by' in reading) {
    return Object.entries(reading.values).flatMap(([value, each]) =>
      samples(name, labels.with(reading.by, value), each),
    );
  }
  const { bounds, buckets, count, sum } = reading;
  const part = (suffix: string) => {
    const metricName = `${name}_${suffix}`;
    return (value: number, { all }: Labels) => ({ metricName, labels: NO_LABELS, sharedLabels: all, value });
  };
  const bucket = part('bucket');
  const found: Sample[] = [];
  let below = 0;
  for (const [index, bound] of bounds.entries()) {
    below += buckets[index] ?? 0;
    found.push(bucket(below, labels.with('le', bound)));
  }
  found.push(
    bucket(count, labels.with('le', Number.POSITIVE_INFINITY)),
    part('sum')(sum, labels),
    part('count')(count, labels),
  );
  return found;
}

/** Pools that are open; the others are forgotten. */
function live(pools: Sources['pools']): Source<Pool>[] {
  for (const pool of pools) if (pool.source.closed) pools.delete(pool);
  return [...pools];
}
