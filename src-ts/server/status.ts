import type { Extractor } from '../extractor.js';
import { nearMemoryLimit } from '../memory-pressure.js';
import type { BreakerStats, PoolStats } from '../pool.js';
import type { ResourceSnapshot } from '../resource-tracker.js';
import { inSeconds, SOON_SECONDS } from './failures.js';

/** A reason for which the server takes no pages now. */
export interface Unreadiness {
  /** The error code that a page would be refused with. */
  readonly code: 'ERR_CLOSED' | 'ERR_BREAKER_OPEN' | 'ERR_QUEUE_FULL' | 'ERR_MEMORY_LIMIT';
  /** The reason as a sentence for a person. */
  readonly message: string;
  /** When to ask again, in seconds. */
  readonly retryAfter: number;
}

/** `GET /health`: the process answers. */
export interface HealthReport {
  /** `'ok'`, always: a process that cannot answer has no report. */
  readonly status: 'ok';
  /** How long the process has run, in seconds. */
  readonly uptimeSeconds: number;
  /** Memory of the engine's instances and of the process. */
  readonly memory: MemoryReport;
}

/** Linear memory of all the engine's instances, and resident memory of the process. */
export interface MemoryReport
  extends Pick<
    ResourceSnapshot,
    'currentBytes' | 'currentPages' | 'peakPages' | 'maxPages' | 'growRequests' | 'growFailures'
  > {
  /** Resident memory of the process, in bytes. */
  readonly residentBytes: number;
}

/** `GET /ready`: whether pages are taken now, and what that depends on. */
export interface ReadyReport {
  /** Whether the server takes pages now. */
  readonly status: 'ready' | 'unready';
  /** Why it does not; empty where it does. */
  readonly reasons: readonly Pick<Unreadiness, 'code' | 'message'>[];
  /** Memory of the engine's instances and of the process. */
  readonly memory: MemoryReport;
  /** The extractor's pool. */
  readonly pool: Pick<PoolStats, 'size' | 'idle' | 'active' | 'waiting' | 'max'> & {
    /** The most calls that may wait for an instance; `null` where any number may. */
    readonly maxQueue: number | null;
  };
  /** The pool's breaker; `null` where it has none. */
  readonly breaker: BreakerStats | null;
  /** The engine's cache of compiled code. */
  readonly cache: {
    /** Whether compiled code is kept. */
    readonly enabled: boolean;
    /** Loads answered without compiling. */
    readonly hits: number;
    /** Loads that compiled. */
    readonly misses: number;
    /** Artefacts on the disk, of all engines. */
    readonly entries: number;
    /** Bytes of those artefacts. */
    readonly bytes: number;
  };
  /** How long cold starts take. */
  readonly coldStart: {
    /** A start from the cache that takes longer counts as slow; in milliseconds. */
    readonly targetMillis: number;
    /** The last cold start, in milliseconds; `null` before the first. */
    readonly lastMillis: number | null;
    /** Starts from the cache that took longer than the target. */
    readonly slowStarts: number;
  };
}

/** Why the extractor takes no page now; empty if it does. `draining`: whether the server is about to close. */
export function unreadiness(extractor: Extractor, draining = false): Unreadiness[] {
  const { stats, closed } = extractor.pool;
  const found: Unreadiness[] = [];
  if (closed || draining)
    found.push({ code: 'ERR_CLOSED', message: 'the server is shutting down', retryAfter: SOON_SECONDS });
  if (stats.breaker?.state === 'open') {
    const retryAfter = inSeconds(stats.breaker.resetMillis);
    found.push({ code: 'ERR_BREAKER_OPEN', message: 'too many pages failed of late', retryAfter });
  }
  if (stats.active >= stats.max && stats.waiting >= (stats.maxQueue ?? Number.POSITIVE_INFINITY)) {
    const message = `${stats.active} calls run and ${stats.waiting} wait, which is as many as may`;
    found.push({ code: 'ERR_QUEUE_FULL', message, retryAfter: SOON_SECONDS });
  }
  if (nearMemoryLimit(extractor.pool)) {
    const message = `instances hold ${extractor.engine.tracker.currentBytes} bytes, which is near what they may`;
    found.push({ code: 'ERR_MEMORY_LIMIT', message, retryAfter: SOON_SECONDS });
  }
  return found;
}

export function healthReport(extractor: Extractor): HealthReport {
  return { status: 'ok', uptimeSeconds: process.uptime(), memory: memoryReport(extractor) };
}

export function readyReport(extractor: Extractor, reasons: readonly Unreadiness[]): ReadyReport {
  const { size, idle, active, waiting, max, maxQueue, breaker } = extractor.pool.stats;
  const { enabled, hits, misses, entries, bytes } = extractor.engine.cache.snapshot();
  const { targetMillis, lastMillis, slowStarts } = extractor.engine.health().coldStart;
  return {
    status: reasons.length === 0 ? 'ready' : 'unready',
    reasons: reasons.map(({ code, message }) => ({ code, message })),
    memory: memoryReport(extractor),
    pool: { size, idle, active, waiting, max, maxQueue: maxQueue ?? null },
    breaker: breaker ?? null,
    cache: { enabled, hits, misses, entries, bytes },
    coldStart: { targetMillis, lastMillis: lastMillis ?? null, slowStarts },
  };
}

function memoryReport(extractor: Extractor): MemoryReport {
  const snapshot = extractor.engine.tracker.snapshot();
  const { currentBytes, currentPages, peakPages, maxPages, growRequests, growFailures } = snapshot;
  const residentBytes = process.memoryUsage.rss();
  return { currentBytes, currentPages, peakPages, maxPages, growRequests, growFailures, residentBytes };
}
