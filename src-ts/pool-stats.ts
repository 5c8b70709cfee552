import type { Histogram } from './histogram.js';

/** Whether calls pass a breaker: `closed`, they do; `open`, they do not; `halfOpen`, one tries. */
export type BreakerState = 'closed' | 'open' | 'halfOpen';

/** The numbers of a breaker at one moment. */
export interface BreakerStats {
  /** Whether calls pass it. */
  readonly state: BreakerState;
  /** Until a call may try again, in milliseconds; 0 where it is not open. */
  readonly resetMillis: number;
  /** Calls in the window that did not fail. */
  readonly successes: number;
  /** Calls in the window that failed. */
  readonly failures: number;
  /** Calls refused so far. */
  readonly rejected: number;
  /** How often it opened. */
  readonly opened: number;
}

/**
 * How a call ended: `ok`; the guest's own `err`, or its exit (`guest_error`); a trap, an overflowed stack or used up fuel (`trap`); too
 * late (`timeout`); after a refused growth (`memory_limit`); by its signal or with its pool (`aborted`); not taken
 * (`rejected`); or in another way, such as by a host function that failed (`error`).
 */
export type CallOutcome = 'ok' | 'guest_error' | 'trap' | 'timeout' | 'memory_limit' | 'aborted' | 'rejected' | 'error';

/** The numbers of a {@link Pool} at one moment. */
export interface PoolStats {
  /** Instances alive. */
  readonly size: number;
  /** Instances that wait for a call. */
  readonly idle: number;
  /** Instances in a call, or checked out by `use`. */
  readonly active: number;
  /** Calls that wait for an instance. */
  readonly waiting: number;
  /** The most instances there may be. */
  readonly max: number;
  /** The most calls that may wait; none where any number may. */
  readonly maxQueue?: number;
  /** Instances made so far. */
  readonly created: number;
  /** Instances discarded so far. */
  readonly destroyed: number;
  /** Instances discarded so far, by reason. */
  readonly destroyedBy: Readonly<Record<DestroyReason, number>>;
  /** Calls that ended well. */
  readonly completed: number;
  /** Calls that failed, other than in the ways below. */
  readonly failed: number;
  /** Calls that took longer than their `timeoutMillis`, or waited longer than `acquireTimeoutMillis`. */
  readonly timedOut: number;
  /** Calls ended by their signal, or with the pool. */
  readonly aborted: number;
  /** Calls that were refused: the queue was full, the breaker open, the pool closed, the call re-entrant. */
  readonly rejected: number;
  /** Calls by how they ended: the sum of the five above, `failed` in its parts. */
  readonly outcomes: Readonly<Record<CallOutcome, number>>;
  /** How long calls took, from their submission to their answer, without those that were not taken; none where the engine's `metrics` are off. */
  readonly callDuration?: Histogram;
  /** How long calls, and the checkouts of `use`, waited for an instance; none where the engine's `metrics` are off. */
  readonly queueWait?: Histogram;
  /** The breaker, where the pool has one. */
  readonly breaker?: BreakerStats;
}

/** A growth of memory or of a table that was denied. */
export interface DeniedGrowth {
  /** The growth asked for, in bytes; for tables in elements. */
  readonly requested: number;
  /** The memory or elements held at that limit. */
  readonly held: number;
  /** The limit, in the same unit. */
  readonly limit: number;
  /** Whose limit: `instance`, `pool`, `engine` (its `memoryBudgetBytes`), `memory type`, `system` or `tables`. */
  readonly limitedBy: string;
  /** How many growths were denied since the last event; the numbers are the last one's. */
  readonly count: number;
}

/**
 * Why an instance is gone: each call gets a `fresh` one; it had served `maxUses` calls; it was `recycled` for its size,
 * `idle` too long; its program `exited`; its call `failed` or was ended; its pool was `closed`.
 */
export type DestroyReason = 'fresh' | 'maxUses' | 'recycled' | 'idle' | 'exited' | 'failed' | 'closed';

/** The events of a {@link Pool}, with what their listeners are given. */
export interface PoolEvents {
  /** Growths were denied. Many at once come as one event. */
  growthDenied: [growth: DeniedGrowth];
  /** An instance was made. */
  instanceCreated: [];
  /** An instance is gone. */
  instanceDestroyed: [reason: DestroyReason];
  /** The breaker changed its state. */
  breaker: [state: BreakerState];
}
