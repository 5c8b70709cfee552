// What a process publishes of itself, and what becomes of it where the store does not do its part.
import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  buildInfo,
  Engine,
  type FleetStatus,
  type ProcessStatus,
  type PublishOptions,
  publishStatus,
  readStatus,
  STATUS_SCHEMA,
  type StatusPublisher,
  type StatusStore,
} from '../dist/index.js';
import { collectWarnings } from './cache-support.js';
import { eventually, failure, MATH, poolOf, run, thrown } from './support.js';

const KEY = 'hive/memory/wasm-tracker';

/** A store in this process; what it does with a write can be replaced. */
class Kept {
  readonly fields = new Map<string, string>();
  readonly writes: { readonly key: string; readonly field: string; readonly ttlMillis: number }[] = [];
  readonly deleted: string[] = [];

  set(key: string, field: string, value: string, ttlMillis: number): unknown {
    this.writes.push({ key, field, ttlMillis });
    this.fields.set(field, value);
    return undefined;
  }

  delete(_key: string, field: string): unknown {
    this.deleted.push(field);
    this.fields.delete(field);
    return undefined;
  }

  async all(): Promise<Record<string, string>> {
    return Object.fromEntries(this.fields);
  }

  /** The only status there is. */
  get only(): ProcessStatus {
    const [text, ...others] = this.fields.values();
    expect(others).toEqual([]);
    return JSON.parse(text ?? 'null');
  }
}

function publish(store: StatusStore, options: PublishOptions = {}): StatusPublisher {
  const publisher = publishStatus(store, { intervalMillis: 100, ...options });
  onTestFinished(() => publisher.close());
  return publisher;
}

/** The schema with no room for what it does not name: a field that is published belongs into it. */
function closed(schema: object): object {
  const inside = Object.entries(schema).map(([name, value]) => [
    name,
    typeof value === 'object' && value !== null && !Array.isArray(value) ? closed(value) : value,
  ]);
  return { ...Object.fromEntries(inside), ...('required' in schema && { additionalProperties: false }) };
}

const ajv = new Ajv2020({ strict: false, validateFormats: false });
const exact = ajv.compile(closed(STATUS_SCHEMA));
const asSaid = ajv.compile(STATUS_SCHEMA);

function misfits(status: unknown): unknown {
  exact(status);
  return exact.errors ?? [];
}

const engine = new Engine({ cache: false });

describe('publishStatus', () => {
  test('writes at once, under the key of the specification and a field of its own', () => {
    const store = new Kept();
    const { field } = publish(store);
    expect(store.writes).toEqual([{ key: KEY, field, ttlMillis: 500 }]);
    expect(store.only).toMatchObject({
      schema: 1,
      id: field,
      pid: process.pid,
      thread: 0,
      version: buildInfo().version,
      wasmtime: buildInfo().wasmtime,
      node: process.versions.node,
      intervalMillis: 100,
      publishing: { written: 0, failed: 0, late: 0 },
      rates: { seconds: 0, calls: 0, failures: 0 },
    });
    expect(field).toMatch(new RegExp(`:${process.pid}:${Date.parse(store.only.started)}$`));
  });

  test('writes again in each interval, until it is closed, and takes its field away', async () => {
    const store = new Kept();
    const publisher = publish(store, { key: 'tides', ttlMillis: 5_000 });
    await eventually(() => store.writes.length > 3);
    expect(new Set(store.writes.map((write) => JSON.stringify(write))).size).toBe(1);
    expect(store.writes[0]).toMatchObject({ key: 'tides', ttlMillis: 5_000 });
    expect(publisher.stats).toMatchObject({ failed: 0, late: 0 });
    await Promise.all([publisher.close(), publisher[Symbol.asyncDispose]()]);
    const { length } = store.writes;
    expect([store.fields.size, store.deleted]).toEqual([0, [publisher.field]]);
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect(store.writes.length).toBe(length);
  });

  test('shows given engines and pools by name, as the schema says', async () => {
    const store = new Kept();
    const budgeted = new Engine({ cache: false, memoryBudgetBytes: 2 ** 30, maxInstances: 7 });
    const pool = await poolOf(budgeted, MATH, { max: 3, maxQueue: 9, breaker: true, timeoutMillis: 2_500, min: 1 });
    const other = await poolOf(engine, MATH, { max: 1 });
    publish(store, { engines: { mine: budgeted }, pools: { pool, other } });
    await pool.call('add', [1, 2]);
    await failure(pool.call('fail'));
    await eventually(() => store.only.pools.pool?.calls.trap === 1);
    const status = store.only;
    expect(misfits(status)).toEqual([]);
    expect(status.engines).toMatchObject({
      mine: { configuration: { simd: true, cache: null, memoryBudgetBytes: 2 ** 30, maxInstances: 7, cpu: 'native' } },
    });
    expect(Object.keys(status.engines)).toEqual(['mine']);
    expect(status.engines.mine?.cache).toMatchObject({ enabled: false, misses: 0 });
    expect(Object.keys(status.pools)).toEqual(['pool', 'other']);
    expect(status.pools.pool).toMatchObject({
      engine: 'mine',
      configuration: { min: 1, max: 3, maxQueue: 9, timeoutMillis: 2_500, breaker: true, reuse: false, maxUses: null },
      calls: { ok: 1, trap: 1 },
      breaker: { state: 'closed', failures: 1 },
    });
    expect(status.pools.other).toMatchObject({ engine: null, breaker: null, calls: { ok: 0 } });
    expect(status.errors.ERR_TRAP?.count).toBeGreaterThan(0);
    expect(JSON.stringify(status)).not.toContain('unreachable');
    await pool.close();
    await eventually(() => store.only.pools.pool === undefined);
    expect(Object.keys(store.only.pools)).toEqual(['other']);
  });

  test('shows all engines and open pools of the thread where none are given', async () => {
    const store = new Kept();
    const cached = new Engine({ simd: false });
    const pool = await poolOf(cached, '(module (func (export "only-here")))', { max: 11 });
    const publisher = publish(store);
    const mine = () => Object.entries(store.only.pools).filter(([, each]) => each.configuration.max === 11);
    const [[name = '', { engine: its = '' } = {}] = []] = mine();
    expect([name, its]).toEqual([expect.stringMatching(/^pool-\d+$/), expect.stringMatching(/^engine-\d+$/)]);
    expect(store.only.engines[its ?? '']).toMatchObject({ configuration: { simd: false, cache: { trust: 'key' } } });
    expect(misfits(store.only)).toEqual([]);
    await pool.close();
    await eventually(() => mine().length === 0);
    expect(publisher.stats.failed).toBe(0);
  });

  test('counts calls and failures a second since the last write', async () => {
    const store = new Kept();
    const pool = await poolOf(engine, MATH, { max: 2, reuse: true });
    await pool.call('add', [1, 2]);
    const seen: ProcessStatus[] = [];
    publish(
      {
        set: (_key, _field, text) => {
          seen.push(JSON.parse(text));
          return store.set(KEY, 'one', text, 1);
        },
      },
      { pools: { pool } },
    );
    for (let call = 0; call < 20; call++) await pool.call('add', [1, 2]);
    for (let call = 0; call < 5; call++) await failure(pool.call('fail'));
    await eventually(() => seen.at(-1)?.pools.pool?.calls.trap === 5);
    await eventually(() => (seen.at(-1)?.rates.calls ?? 1) === 0);
    // Rates over their seconds give the calls again, those before the first write left out.
    const total = (read: (status: ProcessStatus) => number) =>
      Math.round(seen.reduce((sum, status) => sum + read(status) * status.rates.seconds, 0));
    expect(total(({ rates }) => rates.calls)).toBe(25);
    expect(total(({ rates }) => rates.failures)).toBe(5);
    expect(total(({ pools }) => pools.pool?.rates.failures ?? 0)).toBe(5);
  });

  test('counts the errors of calls and loads by code, without what they say', async () => {
    const store = new Kept();
    publish(store);
    const before = store.only.errors.ERR_COMPILE?.count ?? 0;
    const secret = 'what-a-page-says';
    await failure(engine.load(new TextEncoder().encode(`\0asm${secret}`)));
    await failure(engine.load(new TextEncoder().encode(`\0asm${secret}`)));
    await eventually(() => store.only.errors.ERR_COMPILE?.count === before + 2);
    expect(store.only.errors.ERR_COMPILE?.last).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    expect(JSON.stringify(store.only)).not.toContain(secret);
  });

  test('gives each publisher of a thread a field, and a number that was given back to the next', async () => {
    const store = new Kept();
    const [one, two] = [publish(store), publish(store)];
    expect(two.field).toBe(`${one.field}:2`);
    expect([...store.fields.keys()]).toEqual([one.field, two.field]);
    await one.close();
    expect(publish(store).field).toBe(one.field);
  });

  test('gives each worker thread a field of its own', async () => {
    const module = JSON.stringify(new URL('../dist/index.js', import.meta.url).href);
    const worker = new Worker(
      `import(${module}).then(({ publishStatus }) => publishStatus({ set: (key, field, text) =>
        require('node:worker_threads').parentPort.postMessage({ field, text }) }))`,
      { eval: true },
    );
    onTestFinished(async () => void (await worker.terminate()));
    const { threadId } = worker;
    const { field, text } = await new Promise<{ field: string; text: string }>((resolve, reject) => {
      worker.once('message', resolve).once('error', reject);
    });
    expect(field).toMatch(new RegExp(`:${process.pid}:\\d+:t${threadId}$`));
    expect(JSON.parse(text)).toMatchObject({ id: field, pid: process.pid, thread: threadId });
  });

  test('refuses what is no store, and options that cannot be used', () => {
    for (const store of [undefined, null, 7, 'redis', [], {}, { set: 5 }, { set() {}, delete: 5 }])
      expect(thrown(() => publishStatus(store as never)).code, String(store)).toBe('ERR_BAD_OPTION');
    const bad: PublishOptions[] = [
      { intervalMillis: 99 },
      { intervalMillis: 3_600_001 },
      { ttlMillis: 1_000 },
      { ttlMillis: 86_400_001 },
      { key: '' },
      { key: 'a\0b' },
      { pools: { it: engine as never } },
      { engines: [] as never },
      { every: 5 } as never,
    ];
    for (const options of bad)
      expect(thrown(() => publishStatus(new Kept(), options)).code, JSON.stringify(options)).toBe('ERR_BAD_OPTION');
  });

  test('does not keep the process alive, nor does a store that never answers', async () => {
    const { code, stdout, stderr } = await run('__test__/fixtures/status-idle.mjs');
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: `${KEY}\n`, stderr: '' });
  });
});

function throwing(): never {
  throw new Error('its then');
}

describe('a store that does not do its part', () => {
  test('and is slow is never given a second write, and costs a counter and one warning', async () => {
    const warnings = collectWarnings();
    const [ends, most]: [(() => void)[], { now: number; ever: number }] = [[], { now: 0, ever: 0 }];
    const publisher = publish({
      set: async () => {
        most.now += 1;
        most.ever = Math.max(most.ever, most.now);
        await new Promise<void>((resolve) => void ends.push(resolve));
        most.now -= 1;
      },
    });
    await eventually(() => publisher.stats.late > 2);
    expect([ends.length, most.ever, publisher.stats.written]).toEqual([1, 1, 0]);
    // Once it has answered, it is given the next.
    ends[0]?.();
    await eventually(() => ends.length === 2);
    await eventually(() => publisher.stats.late > 5);
    expect([publisher.stats.written, most.ever]).toEqual([1, 1]);
    expect(warnings).toEqual(['the status could not be published: the store takes longer than 100 ms']);
    ends[1]?.();
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('the ebb');
      },
      'the ebb',
    ],
    ['rejects', () => Promise.reject(new Error('the flow')), 'the flow'],
    [
      'throws what has no text',
      () => {
        throw Object.create(null);
      },
      'it threw something that has no text',
    ],
    ['throws nothing', () => Promise.reject(undefined), 'undefined'],
    ['gives a thenable that throws', () => Object.fromEntries([['then', throwing]]), 'its then'],
  ])('and %s costs a counter and one warning, and is tried again', async (_, set: () => unknown, reason) => {
    const warnings = collectWarnings();
    const store = new Kept();
    let fails = true;
    const publisher = publish({
      set: (...given) => (fails ? set() : store.set(...given)),
      delete: set,
    });
    await eventually(() => publisher.stats.failed > 2);
    expect(publisher.stats).toMatchObject({ written: 0, late: 0 });
    expect(warnings).toEqual([`the status could not be published: ${reason}`]);
    fails = false;
    await eventually(() => publisher.stats.written > 1);
    expect(store.only.publishing.failed).toBeGreaterThan(2);
    const { failed } = publisher.stats;
    await publisher.close();
    expect(publisher.stats.failed).toBe(failed + 1);
    expect(warnings).toHaveLength(1);
  });

  test('and never answers does not keep close() from ending, which asks nothing more of it', async () => {
    let deleted = 0;
    const publisher = publish({ set: () => new Promise(() => {}), delete: () => deleted++ });
    await publisher.close();
    expect([deleted, publisher.stats.written]).toEqual([0, 0]);
    const stuck = publish({ set: () => {}, delete: () => new Promise(() => {}) });
    await stuck.close();
    expect(stuck.stats).toMatchObject({ written: 1, failed: 0 });
  });

  test('and has no delete is left to forget by itself', async () => {
    const store = new Kept();
    const publisher = publish({ set: store.set.bind(store) });
    await publisher.close();
    expect([...store.fields.keys()]).toEqual([publisher.field]);
  });
});

test('docs/status.md names every field of the schema', () => {
  const names = new Set<string>();
  const look = (schema: object): void => {
    for (const [name, value] of Object.entries(schema)) {
      if (typeof value !== 'object' || value === null) continue;
      if (name === 'properties') for (const field of Object.keys(value)) names.add(field);
      look(value);
    }
  };
  look(STATUS_SCHEMA);
  expect(names.size).toBeGreaterThan(80);
  const [, told = ''] = readFileSync(new URL('../docs/status.md', import.meta.url), 'utf8').split(
    '## What is published',
  );
  expect([...names].filter((name) => !told.includes(`\`${name}\``))).toEqual([]);
});

describe('readStatus', () => {
  const all = (fields: Record<string, string>, key?: string): Promise<FleetStatus> =>
    readStatus({ all: async () => fields }, key);

  async function aStatus(): Promise<ProcessStatus> {
    const store = new Kept();
    await poolOf(engine, MATH, { breaker: true });
    publish(store);
    return structuredClone(store.only);
  }

  test('gives the processes in order, and says which fields it cannot read, and why', async () => {
    const status = await aStatus();
    const other = { ...status, id: 'a:1:2', host: '', pid: 1 };
    const later = { ...status, more: 'a later version may say more' };
    const fleet = await all({
      later: JSON.stringify(later),
      other: JSON.stringify(other),
      broken: '{',
      number: '7',
      nothing: 'null',
      two: JSON.stringify({ ...status, schema: 2 }),
      ['__proto__']: JSON.stringify({ ...status, pools: { it: { size: 'large' } } }),
    });
    expect(fleet.processes).toEqual([other, later]);
    expect(Object.entries(fleet.unreadable).sort()).toEqual([
      ['__proto__', 'not as the schema says: pools.it.engine'],
      ['broken', 'no JSON'],
      ['nothing', 'not as the schema says: all of it'],
      ['number', 'not as the schema says: all of it'],
      ['two', 'version 2 of the schema'],
    ]);
    expect(fleet.key).toBe(KEY);
    expect(await all({}, 'tides')).toEqual({ key: 'tides', processes: [], unreadable: {} });
  });

  test('takes what the schema takes, and nothing else', async () => {
    const status = await aStatus();
    // Each value in it replaced by others, and left out.
    const changed = function* (value: unknown, put: (other: unknown) => unknown): Generator<unknown> {
      for (const other of [null, undefined, 'text', '', -1, 0.5, true, [], {}, 7]) yield put(other);
      if (typeof value !== 'object' || value === null) return;
      for (const [name, inside] of Object.entries(value))
        yield* changed(inside, (other) => put({ ...value, [name]: other }));
    };
    let [taken, refused] = [0, 0];
    for (const each of changed(status, (other) => other)) {
      const text = JSON.stringify(each) ?? 'null';
      const { processes } = await all({ it: text });
      const valid = asSaid(JSON.parse(text));
      expect(processes.length === 1, text).toBe(valid);
      if (valid) taken += 1;
      else refused += 1;
    }
    expect(Math.min(taken, refused)).toBeGreaterThan(100);
  });

  test('refuses what is no such store and no key, and rejects where the store does', async () => {
    for (const store of [undefined, {}, { all: 5 }])
      expect((await failure(readStatus(store as never))).code).toBe('ERR_BAD_OPTION');
    expect((await failure(all({}, ''))).code).toBe('ERR_BAD_OPTION');
    const error = new Error('away');
    expect(await failure(readStatus({ all: () => Promise.reject(error) }))).toBe(error);
  });
});

test('a pool and an engine that were collected are not published', async () => {
  const { code, stdout, stderr } = await run('__test__/fixtures/status-collected.mjs', [], { node: ['--expose-gc'] });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(stdout)).toEqual({ before: [1, 1], after: [0, 0] });
});
