import type { Extractor } from '../extractor.js';
import type { PoolStats } from '../pool.js';
import { VERSION } from '../version.js';
import type { Settings } from './options.js';
import { type ReadyReport, readyReport, unreadiness } from './status.js';

/** What the live page is told once, when it connects. */
export interface LiveGreeting {
  readonly version: string;
  /** Whether the server fetches pages by their address. */
  readonly fetch: boolean;
  readonly maxBodyBytes: number;
}

/** What the live page is told each second. Counts run on from the start of the process: the page subtracts. */
export interface LiveSample {
  /** When it was taken, in milliseconds since 1970. */
  readonly time: number;
  readonly uptimeSeconds: number;
  readonly ready: ReadyReport;
  readonly outcomes: PoolStats['outcomes'];
  /** How long calls took; `null` where the engine's metrics are off. */
  readonly durations: {
    /** Upper bounds of the buckets, in seconds. */
    readonly bounds: readonly number[];
    /** Calls by bucket; the last has no bound. */
    readonly buckets: readonly number[];
  } | null;
}

export function liveGreeting({ fetch, maxBodyBytes }: Settings): LiveGreeting {
  return { version: VERSION, fetch, maxBodyBytes };
}

export function liveSample(extractor: Extractor, draining: boolean): LiveSample {
  const { outcomes, callDuration } = extractor.pool.stats;
  return {
    time: Date.now(),
    uptimeSeconds: process.uptime(),
    ready: readyReport(extractor, unreadiness(extractor, draining)),
    outcomes,
    durations: callDuration === undefined ? null : { bounds: callDuration.bounds, buckets: callDuration.buckets },
  };
}
