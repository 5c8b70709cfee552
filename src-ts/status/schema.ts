// The JSON Schema of a status. Objects may have more fields than it names: a later version may add some.

type Properties = Readonly<Record<string, object>>;

const TEXT = { type: 'string' } as const;
const FLAG = { type: 'boolean' } as const;
const COUNT = { type: 'integer', minimum: 0 } as const;
const NUMBER = { type: 'number', minimum: 0 } as const;
const TIME = { type: 'string', format: 'date-time' } as const;

const orNull = <S extends { readonly type: string }>(schema: S) =>
  ({ ...schema, type: [schema.type, 'null'] }) as const;

function object<P extends Properties>(properties: P, description?: string) {
  const required = Object.keys(properties);
  return { type: 'object', ...(description !== undefined && { description }), properties, required } as const;
}

function byName<S extends object>(schema: S, description: string) {
  return { type: 'object', description, additionalProperties: schema } as const;
}

const LINEAR_MEMORY = object(
  {
    currentPages: COUNT,
    peakPages: COUNT,
    maxPages: COUNT,
    growRequests: COUNT,
    growFailures: COUNT,
    budgetRefusals: COUNT,
  },
  'Linear memory, in pages of 64 KiB.',
);

const RATES = object(
  { seconds: NUMBER, calls: NUMBER, failures: NUMBER },
  'Calls a second, and those that failed, over the seconds since the last status.',
);

const ENGINE = object({
  configuration: object({
    simd: FLAG,
    cache: orNull(object({ trust: { type: 'string', enum: ['key', 'owner'] }, shared: FLAG })),
    cpu: { type: 'string', enum: ['native', 'baseline'] },
    fuel: FLAG,
    metrics: FLAG,
    signalsBasedTraps: FLAG,
    isolatedCompile: FLAG,
    maxInstances: COUNT,
    maxMemoryPages: COUNT,
    maxTableElements: COUNT,
    memoryBudgetBytes: orNull(COUNT),
    coldStartTargetMillis: COUNT,
  }),
  workers: COUNT,
  allocation: TEXT,
  instances: COUNT,
  memory: LINEAR_MEMORY,
  coldStart: object({ lastMillis: orNull(NUMBER), slowStarts: COUNT }),
  cache: object({
    enabled: FLAG,
    memoryHits: COUNT,
    diskHits: COUNT,
    sharedHits: COUNT,
    misses: COUNT,
    rejected: COUNT,
    failures: COUNT,
    evictions: COUNT,
    entries: COUNT,
    bytes: COUNT,
  }),
});

const POOL = object({
  engine: orNull(TEXT),
  configuration: object({
    min: COUNT,
    max: COUNT,
    reuse: FLAG,
    maxQueue: orNull(COUNT),
    timeoutMillis: orNull(NUMBER),
    acquireTimeoutMillis: orNull(NUMBER),
    idleTimeoutMillis: NUMBER,
    maxUses: orNull(COUNT),
    recycleAbovePages: orNull(COUNT),
    maxMemoryPages: COUNT,
    breaker: FLAG,
  }),
  size: COUNT,
  idle: COUNT,
  active: COUNT,
  waiting: COUNT,
  created: COUNT,
  destroyed: COUNT,
  memory: LINEAR_MEMORY,
  calls: object({
    ok: COUNT,
    guest_error: COUNT,
    trap: COUNT,
    timeout: COUNT,
    memory_limit: COUNT,
    aborted: COUNT,
    rejected: COUNT,
    error: COUNT,
  }),
  rates: RATES,
  breaker: orNull(
    object({
      state: { type: 'string', enum: ['closed', 'open', 'halfOpen'] },
      resetMillis: NUMBER,
      successes: COUNT,
      failures: COUNT,
      rejected: COUNT,
      opened: COUNT,
    }),
  ),
});

/** The JSON Schema (2020-12) of what `publishStatus` writes: version 1 of the shape. */
export const STATUS_SCHEMA = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'The status of a process that runs riptide-wasm',
  ...object({
    schema: { type: 'integer', const: 1 },
    id: { type: 'string', minLength: 1 },
    host: TEXT,
    pid: COUNT,
    thread: COUNT,
    started: TIME,
    written: TIME,
    uptimeSeconds: NUMBER,
    intervalMillis: COUNT,
    version: TEXT,
    wasmtime: TEXT,
    node: TEXT,
    memory: object({ pages: COUNT, peakPages: COUNT, growFailures: COUNT, residentBytes: COUNT }),
    coldStartMillis: orNull(NUMBER),
    rates: RATES,
    errors: byName(object({ count: COUNT, last: TIME }), 'Errors by code.'),
    publishing: object({ written: COUNT, failed: COUNT, late: COUNT }),
    engines: byName(ENGINE, 'Engines by name.'),
    pools: byName(POOL, 'Pools by name.'),
  }),
} as const;
