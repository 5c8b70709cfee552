import type { BindingEngineOptions } from './binding.js';
import { DEFAULT_COLD_START_TARGET_MILLIS } from './options.js';

/** What an engine was made with: its options, defaults filled in. */
export interface EngineConfiguration {
  /** Whether code with SIMD instructions is taken. */
  readonly simd: boolean;
  /** How compiled code is kept; `null` where it is not. */
  readonly cache: {
    /** Why it is trusted. */
    readonly trust: 'key' | 'owner';
    /** Whether several machines share it. */
    readonly shared: boolean;
  } | null;
  /** Which processors code is compiled for. */
  readonly cpu: 'native' | 'baseline';
  /** Whether what guests execute is counted. */
  readonly fuel: boolean;
  /** Whether it is part of the process's metrics. */
  readonly metrics: boolean;
  /** Whether signal handlers catch faults in guest memory. */
  readonly signalsBasedTraps: boolean;
  /** Whether code is compiled in a process of its own. */
  readonly isolatedCompile: boolean;
  /** The most instances alive at once. */
  readonly maxInstances: number;
  /** The most memory of one instance, in pages of 64 KiB. */
  readonly maxMemoryPages: number;
  /** The most elements of all tables of one instance. */
  readonly maxTableElements: number;
  /** The most memory of all its instances, in bytes; `null` where there is no such limit. */
  readonly memoryBudgetBytes: number | null;
  /** A start from the cache above this counts as slow, in milliseconds. */
  readonly coldStartTargetMillis: number;
}

/** @internal */
export function engineConfiguration(options: BindingEngineOptions, shared: boolean): EngineConfiguration {
  const { simd, fuel, metrics, signalsBasedTraps, maxInstances, maxMemoryPages, maxTableElements } = options;
  return {
    simd,
    cache: options.cache === undefined ? null : { trust: options.cache.trust, shared },
    cpu: options.baseline ? 'baseline' : 'native',
    fuel,
    metrics,
    signalsBasedTraps,
    isolatedCompile: options.compile.isolated !== undefined,
    maxInstances,
    maxMemoryPages,
    maxTableElements,
    memoryBudgetBytes: options.memoryBudgetBytes ?? null,
    coldStartTargetMillis: options.coldStartTargetMillis ?? DEFAULT_COLD_START_TARGET_MILLIS,
  };
}
