import type { BindingBreakerOptions, BindingPoolOptions } from './binding.js';
import { ERROR_CODES, type ErrorCode, type RejectedError } from './errors.js';
import { INSTANCE_RULES, type InstanceOptions } from './instance-options.js';
import {
  badOption,
  callback,
  checkOptions,
  flag,
  isRecord,
  MAX_INSTANCES,
  MAX_PAGES,
  millis,
  type Rule,
  whole,
} from './options.js';

/**
 * When a pool refuses calls because too many failed. Traps, time-outs, exceeded limits and failed host functions are
 * failures; a guest's own `err` and exits are not, unless `errorFilter` says so; bad arguments, aborted and refused calls
 * are neither failures nor successes. The names are opossum's; `errorFilter` has codes, and no
 * function.
 */
export interface BreakerOptions {
  /**
   * It opens where more than this share of the calls in the window failed: 0 to 100.
   * @default 50
   */
  errorThresholdPercentage?: number;
  /**
   * The calls that must have ended in the window before it opens: 1 to 1,000,000.
   * @default 5
   */
  volumeThreshold?: number;
  /**
   * How long it stays open; then one call tries whether the guest works again. In milliseconds.
   * @default 30_000
   */
  resetTimeoutMillis?: number;
  /**
   * The window that calls are counted over, in milliseconds.
   * @default 10_000
   */
  rollingCountTimeoutMillis?: number;
  /**
   * The steps in which the window moves on: 1 to 1,000.
   * @default 10
   */
  rollingCountBuckets?: number;
  /**
   * The codes of errors that are no failures: calls that end with them count as successes, and reject all the same. Codes,
   * where opossum has a function: calls are counted off the event loop. `ERR_ABORTED`, `ERR_ACQUIRE_TIMEOUT`,
   * `ERR_BAD_ARGUMENT`, `ERR_BREAKER_OPEN`, `ERR_BUSY`, `ERR_CLOSED`, `ERR_QUEUE_FULL` and `ERR_REENTRANT` are counted as
   * neither, here or not.
   * @default ['ERR_GUEST', 'ERR_EXIT']
   */
  errorFilter?: readonly ErrorCode[];
  /**
   * Answers a call that the breaker refuses, in its place; it is given the error, the function's name and the arguments.
   * @default none: the call rejects with `ERR_BREAKER_OPEN`
   */
  fallback?: (error: RejectedError, name: string, args: readonly unknown[]) => unknown;
}

/** Options of a `Pool`. */
export interface PoolOptions extends InstanceOptions {
  /**
   * Instances kept warm: 0 to `max`.
   * @default 0
   */
  min?: number;
  /**
   * The most instances at once; further calls wait for one: 1 to the engine's `maxInstances`.
   * @default the number of cores, or `min` where that is more; no more than the engine's `maxInstances`
   */
  max?: number;
  /**
   * The most calls that may wait for an instance: 0 to 4,294,967,295. One more is refused (`ERR_QUEUE_FULL`).
   * @default none: any number may wait
   */
  maxQueue?: number;
  /**
   * How long a call may wait for an instance, in milliseconds; after that it is `ERR_ACQUIRE_TIMEOUT`.
   * @default none: as long as its `timeoutMillis`
   */
  acquireTimeoutMillis?: number;
  /**
   * How long an instance above `min` is kept without a call, in milliseconds.
   * @default 30_000
   */
  idleTimeoutMillis?: number;
  /**
   * The most calls that one instance serves: 1 to 4,294,967,295.
   * @default none: any number
   */
  maxUses?: number;
  /**
   * An instance that holds more pages of 64 KiB than this after a call serves no further one: 0 to 65,536. Linear memory
   * never shrinks; this gives back what a large call took.
   * @default none
   */
  recycleAbovePages?: number;
  /**
   * Whether an instance, with its state, serves further calls after a good one. With `false` each call gets a fresh
   * instance. An instance that failed is never used again, either way.
   * @default false
   */
  reuse?: boolean;
  /**
   * Whether, and when, calls are refused because too many failed.
   * @default false
   */
  breaker?: boolean | BreakerOptions;
}

const U32 = 4_294_967_295;
const DEFAULT_IDLE_MILLIS = 30_000;

/** Options that are not used here belong to the rules, so that they are refused by name. @internal */
export const POOL_RULES = {
  ...INSTANCE_RULES,
  min: whole(0, MAX_INSTANCES, 'instances'),
  max: whole(1, MAX_INSTANCES, 'instances'),
  maxQueue: whole(0, U32, 'calls'),
  acquireTimeoutMillis: millis,
  idleTimeoutMillis: millis,
  maxUses: whole(1, U32, 'calls'),
  recycleAbovePages: whole(0, MAX_PAGES, 'pages'),
  reuse: flag,
  breaker: {
    allowed: 'true, false, or an object of breaker options',
    accepts: (value: unknown) => typeof value === 'boolean' || isRecord(value),
  },
} satisfies Record<string, Rule>;

const BREAKER_RULES = {
  errorThresholdPercentage: {
    allowed: 'a percentage from 0 to 100',
    accepts: (value: unknown) => typeof value === 'number' && value >= 0 && value <= 100,
  },
  volumeThreshold: whole(1, 1_000_000, 'calls'),
  resetTimeoutMillis: millis,
  rollingCountTimeoutMillis: millis,
  rollingCountBuckets: whole(1, 1_000, 'steps'),
  errorFilter: {
    allowed: 'an array of error codes',
    // Its codes are checked where they are copied: an array may answer differently when it is read again.
    accepts: (value: unknown) => Array.isArray(value),
  },
  fallback: callback,
} satisfies Record<string, Rule>;

/** What a pool was made with: its options, defaults filled in. */
export interface PoolConfiguration {
  /** Instances kept warm. */
  readonly min: number;
  /** The most instances there may be. */
  readonly max: number;
  /** Whether an instance serves further calls. */
  readonly reuse: boolean;
  /** The most calls that may wait; `null` where any number may. */
  readonly maxQueue: number | null;
  /** How long a call may take, in milliseconds; `null` where it may take any time. */
  readonly timeoutMillis: number | null;
  /** How long a call may wait for an instance, in milliseconds; `null` where as long as it may take. */
  readonly acquireTimeoutMillis: number | null;
  /** How long an instance above `min` stays without a call, in milliseconds. */
  readonly idleTimeoutMillis: number;
  /** Calls that an instance serves; `null` where any number. */
  readonly maxUses: number | null;
  /** An instance is replaced that holds more pages than this after a call; `null` where it may hold all it is given. */
  readonly recycleAbovePages: number | null;
  /** The most memory of one instance, in pages of 64 KiB. */
  readonly maxMemoryPages: number;
  /** Whether it has a breaker. */
  readonly breaker: boolean;
}

/** The options of a pool that are not those of its instances. */
type OfPool = Omit<BindingPoolOptions, 'id' | 'context' | 'guest' | 'timeoutMillis' | 'imports'>;

/** Options checked and filled in; `most` is the engine's `maxInstances`. @internal */
export function poolOptions(options: PoolOptions, most: number, cores: number): OfPool {
  const { min = 0, max = Math.min(Math.max(cores, min), most), reuse = false } = options;
  if (max > most) throw badOption('max', max, `1 to ${most} instances, the engine's maxInstances`);
  if (min > max) throw badOption('min', min, `0 to ${max}, the pool's max`);
  const resolved: OfPool = { min, max, reuse, idleTimeoutMillis: options.idleTimeoutMillis ?? DEFAULT_IDLE_MILLIS };
  for (const name of ['maxQueue', 'acquireTimeoutMillis', 'maxUses', 'recycleAbovePages'] as const) {
    const value = options[name];
    if (value !== undefined) resolved[name] = value;
  }
  const breaker = breakerOptions(options.breaker);
  if (breaker !== undefined) resolved.breaker = breaker;
  return resolved;
}

/** @internal */
export function poolConfiguration(
  own: OfPool,
  { guest, timeoutMillis }: Pick<BindingPoolOptions, 'guest' | 'timeoutMillis'>,
): PoolConfiguration {
  const { min, max, reuse, maxQueue = null, acquireTimeoutMillis = null, maxUses = null } = own;
  return {
    min,
    max,
    reuse,
    maxQueue,
    timeoutMillis: timeoutMillis ?? null,
    acquireTimeoutMillis,
    idleTimeoutMillis: own.idleTimeoutMillis ?? DEFAULT_IDLE_MILLIS,
    maxUses,
    recycleAbovePages: own.recycleAbovePages ?? null,
    maxMemoryPages: guest.maxMemoryPages,
    breaker: own.breaker !== undefined,
  };
}

function breakerOptions(breaker: PoolOptions['breaker'] = false): BindingBreakerOptions | undefined {
  if (breaker === false) return undefined;
  const given = checkOptions(breaker === true ? {} : breaker, BREAKER_RULES, 'breaker.');
  return {
    errorThresholdPercentage: given.errorThresholdPercentage ?? 50,
    volumeThreshold: given.volumeThreshold ?? 5,
    resetTimeoutMillis: given.resetTimeoutMillis ?? 30_000,
    rollingCountTimeoutMillis: given.rollingCountTimeoutMillis ?? 10_000,
    rollingCountBuckets: given.rollingCountBuckets ?? 10,
    errorFilter: filteredCodes(given.errorFilter),
  };
}

function filteredCodes(given: BreakerOptions['errorFilter'] = ['ERR_GUEST', 'ERR_EXIT']): string[] {
  const codes: unknown[] = [...given];
  const isCode = (code: unknown): code is string => typeof code === 'string' && Object.hasOwn(ERROR_CODES, code);
  if (codes.every(isCode)) return codes;
  const wrong = codes.findIndex((code) => !isCode(code));
  throw badOption('breaker.errorFilter', codes[wrong], 'a code of ERROR_CODES, such as "ERR_TRAP"', wrong);
}
