export type { CacheLimits, CacheOptions, SharedCache } from './cache-options.js';
export type { AnyExports, CallOptions, CallStats, MeasuredCall, Promised } from './caller.js';
export { Code, type ExternDescription } from './code.js';
export type { CompileOptions } from './compile-options.js';
export { Component } from './component.js';
export { type Config, loadConfig } from './config.js';
export type { CallMessage, LoadMessage, PoolMessage } from './diagnostics.js';
export {
  type CodeSource,
  type ColdStartHealth,
  Engine,
  type EngineHealth,
  type EngineOptions,
  type EngineStats,
} from './engine.js';
export type { EngineConfiguration } from './engine-configuration.js';
export {
  ArgumentError,
  ClosedError,
  CompileError,
  ERROR_CODES,
  type ErrorCode,
  type ErrorDetail,
  type ErrorDetails,
  ExitError,
  GuestError,
  HostFunctionError,
  LinkError,
  MemoryLimitError,
  OptionError,
  RejectedError,
  RiptideError,
  TimeoutError,
  TrapError,
} from './errors.js';
export type { Extractions, ExtractManyOptions, PageInput, PageWithOptions } from './extract-many.js';
export { ExtractionError, type ExtractionFailure } from './extraction-error.js';
export {
  type ComponentInfo,
  createExtractor,
  type Extracted,
  type ExtractionMode,
  type ExtractionStats,
  Extractor,
  type ExtractorHealth,
  type HealthStatus,
  type Link,
  type Measured,
  type Media,
} from './extractor.js';
export type { ExtractorOptions } from './extractor-options.js';
export type { Histogram } from './histogram.js';
export type { HostFunction } from './host-functions.js';
export type { Html, HtmlPiece, PageOptions } from './html.js';
export { Instance } from './instance.js';
export type { Imports, InstanceOptions, WasiOptions } from './instance-options.js';
export { getWasmMemoryMetrics, type WasmMemoryMetrics } from './metrics.js';
export { Module } from './module.js';
export {
  type CacheEntry,
  type CacheRejection,
  ModuleCache,
  type ModuleCacheSnapshot,
  type RemovedFromCache,
  type VerifiedCacheEntry,
} from './module-cache.js';
export { type BuildInfo, buildInfo, wat2wasm } from './native.js';
export {
  type BreakerState,
  type BreakerStats,
  type CallOutcome,
  type DeniedGrowth,
  type DestroyReason,
  Pool,
  type PoolEvents,
  type PoolStats,
} from './pool.js';
export type { BreakerOptions, PoolConfiguration, PoolOptions } from './pool-options.js';
export type { PrecompileOptions, PrecompileProgress } from './precompile.js';
export { type ResourceSnapshot, ResourceTracker } from './resource-tracker.js';
export type {
  CallRates,
  EngineStatus,
  ErrorSummary,
  LinearMemory,
  PoolStatus,
  ProcessMemory,
  ProcessStatus,
  PublishingStats,
} from './status/document.js';
export { type PublishOptions, publishStatus, type StatusPublisher } from './status/publish.js';
export { type FleetStatus, readStatus } from './status/read.js';
export { STATUS_SCHEMA } from './status/schema.js';
export type { StatusReader, StatusStore } from './status/store.js';
export type { WebStream } from './stream-reader.js';
export type { Environment } from './variables.js';
